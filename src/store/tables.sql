-- The tables of a recording. Times are in nanoseconds, where nothing else is said since 1970; what ends with _ns and is
-- no length of time is CLOCK_MONOTONIC of the host then. Read the views (flows, samples, rates, ...): docs/recording.md.

CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    name TEXT,
    boot_id TEXT,
    kernel TEXT,  -- as uname -r
    version TEXT, -- of tcp_stats_monitor
    UNIQUE (name, boot_id, version)
);

-- One for each time that the monitor ran.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    host INTEGER REFERENCES host,
    begin INTEGER,
    end INTEGER, -- null: it still runs, or was killed
    options TEXT,
    interval_ns INTEGER
);

-- What the columns of flows and samples are.
CREATE TABLE fields (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE,
    unit TEXT,
    kernel TEXT, -- the kernel's variable or function, or the expression of --field
    meaning TEXT,
    member TEXT UNIQUE, -- in the program's flow_stats_t
    kind TEXT,          -- unsigned, signed, text, bytes
    size INTEGER,
    stored_in TEXT -- flow_details or sample_rows
);

CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    run INTEGER REFERENCES runs,
    time INTEGER,
    time_ns INTEGER,
    first_sample INTEGER, -- of sample_rows: those of this snapshot; null: none
    last_sample INTEGER,
    refused INTEGER,     -- sockets that the conditions left out, where the kernel decided
    retransmits INTEGER, -- segments that were sent again since the snapshot before
    failures INTEGER     -- connections that failed, were reset or timed out since then
);
CREATE INDEX snapshots_by_time ON snapshots (time);

-- What was missed since the snapshot before.
CREATE TABLE missed (
    snapshot INTEGER REFERENCES snapshots,
    name TEXT,
    count INTEGER,
    PRIMARY KEY (snapshot, name)
) WITHOUT ROWID;

CREATE TABLE cgroups (
    host INTEGER REFERENCES host,
    id INTEGER,
    path TEXT,
    PRIMARY KEY (host, id)
) WITHOUT ROWID;

-- Numbers that stand for words.
CREATE TABLE words (
    naming TEXT,
    number INTEGER,
    word TEXT,
    PRIMARY KEY (naming, number)
) WITHOUT ROWID;

-- A connection.
CREATE TABLE flow_rows (
    id INTEGER PRIMARY KEY,
    run INTEGER REFERENCES runs,
    details INTEGER REFERENCES flow_details, -- the last ones
    opened INTEGER,                          -- null: before the monitor, or not seen
    closed INTEGER,                          -- null: it had not when it was last seen
    closed_in INTEGER REFERENCES snapshots,
    last_record INTEGER REFERENCES sample_rows -- null: it is open, or was when the monitor was killed
);
CREATE INDEX flow_rows_by_close ON flow_rows (closed_in) WHERE closed_in IS NOT NULL;
CREATE INDEX flow_rows_open ON flow_rows (run) WHERE closed_in IS NULL;

-- What rarely changes of a connection: another row each time.
CREATE TABLE flow_details (
    id INTEGER PRIMARY KEY,
    flow INTEGER
);
CREATE INDEX flow_details_by_flow ON flow_details (flow);

-- What a connection's counters were. Not written where they are what they were in the sample before, but for one a minute.
CREATE TABLE sample_rows (
    id INTEGER PRIMARY KEY,
    flow INTEGER,
    details INTEGER,
    before INTEGER,     -- the sample before of the flow
    offset_ns INTEGER,  -- from the snapshot's time_ns to the sample
    elapsed_ns INTEGER  -- from the sample before; null: there is none to compare with
);

-- From which snapshot on a connection was not shown any more, without having closed, and in which it was again.
CREATE TABLE absences (
    flow INTEGER,
    since INTEGER,
    until INTEGER
);
CREATE INDEX absences_by_flow ON absences (flow);
CREATE INDEX absences_by_snapshot ON absences (since);
