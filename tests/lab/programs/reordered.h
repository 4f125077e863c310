/* Beside the program: #include "…" looks there first. */
struct record {
	u64 cwnd;
	u64 last_seen_ns;
	u16 dport;
	u32 daddr;
	u32 saddr;
	u16 sport;
	u8 last_state;
	u32 pkts_sent;
	u32 uid;
	char who[TASK_COMM_LEN];
};
