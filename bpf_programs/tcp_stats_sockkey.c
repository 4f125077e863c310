/*
 * tcp_stats_sockkey.c - per-socket TCP statistics, the built-in program of tcp_stats_monitor.
 *
 * One record per TCP socket, in the hash `flow_stats`. Hooks on kernel functions say when something
 * happens and who does it:
 *
 *   tcp_set_state        a connection moves to another state: it begins, it ends
 *   tcp_sendmsg          an application hands bytes to a socket
 *   tcp_retransmit_skb   the kernel sends something again
 *
 * Two tracepoints stand behind them, for what hooks do not see: inet_sock_set_state, and one that is
 * called tcp_retransmit_skb too and passes tail-loss probes as well. A third, tcp_retransmit_synack,
 * is for handshakes that lost something.
 *
 * How much is not counted here: the kernel counts it, in struct tcp_sock. sample() copies those
 * counters into the record, once per snapshot and socket in a walk over all sockets (bpf_iter__tcp),
 * and a last time when the connection closes; then the record goes to the ring buffer `closed_flows`.
 *
 * Change it and run it: tcp_stats_monitor --print-src > my.c; tcp_stats_monitor --src my.c
 *
 * BCC compiles this when the monitor starts, so `tp->…` below is ordinary C over the kernel's own
 * structs, with this kernel's layout. The monitor keeps no copy of flow_stats_t: it finds the fields
 * by name. Drop one and it reads as 0, add one and it is printed as name=value.
 *
 * What the monitor defines (all but MAX_FLOWS by what it finds in the kernel):
 *   MAX_FLOWS=N       --max-flows
 *   LISTENING         --listening
 *   FAILED_CONNECTS   --failed-connects
 *   ATTACH_FENTRY     the hooks are fentry programs, not kprobes
 *   SOCKET_WALK       the kernel has an iterator over TCP sockets (Linux 5.9, with BTF)
 *   RING_BUFFER       it has BPF ring buffers (Linux 5.8)
 *   KERNEL_HZ=N       its timer ticks per second
 *   KERNEL_HAS(S, M)  whether its struct S has a member M, for #if
 *   KERNEL_HAS_FUNCTION(F)  whether it has that function, where BTF tells
 *   TYPES_FROM_BTF    all its structs are known, not only those of its headers
 *   UNUSED_member=1   --columns and what else is asked for do not need that member of flow_stats_t: it is left out
 *   USER_FIELDS_HEADER  --field: names a header with USER_FIELDS(FIELD), a list of FIELD(name, value)
 *   CONDITION_HEADER    --where: names a header with FLOW_WANTED(flow), what it says of a struct flow_identity_t
 *   SAMPLE_APART        this is the built-in text, unchanged: what sample() does is compiled once
 *
 * Only a test defines ENDS_UNSEEN: nothing sees a connection end, and its record is found to be stale or replaced.
 */
#include <uapi/linux/ptrace.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#ifdef USER_FIELDS_HEADER
#include USER_FIELDS_HEADER
#else
#define USER_FIELDS(FIELD)
#endif

#ifdef CONDITION_HEADER
#include CONDITION_HEADER
#endif

/* Without a ring buffer there are no last records. */
#ifndef RING_BUFFER
#undef FAILED_CONNECTS
#endif

#if defined(TYPES_FROM_BTF) && KERNEL_HAS(mptcp_sock, conn_list)
#define MULTIPATH
#endif

/* Sockets tracked at the same time. */
#ifndef MAX_FLOWS
#define MAX_FLOWS 16384
#endif

struct flow_addr_t {
	/*
	 * As the kernel has them, in network order. An IPv4 address takes the first four bytes; the
	 * address of an IPv4 peer of an IPv6 socket is ::ffff:a.b.c.d.
	 */
	u8 saddr[16];
	u8 daddr[16];
	u16 sport;   /* host order, as skc_num */
	u16 dport;   /* network order, as skc_dport */
	u8 proto;    /* 0: no address yet, the record is not shown */
	u8 family;   /* AF_INET or AF_INET6 */
	u8 role;     /* ROLE_…, who opened the connection */
	u8 ca_state; /* TCP_CA_Open, Disorder, CWR, Recovery, Loss */
};

#define ROLE_ACTIVE 1  /* this end connected */
#define ROLE_PASSIVE 2 /* this end accepted */

/* Why segments were sent again. */
enum retransmit_cause {
	CAUSE_UNSEEN, /* before the monitor saw the socket */
	CAUSE_FAST,   /* fast recovery: the acknowledgements told of a loss */
	CAUSE_RTO,    /* the retransmission timer ran out, and what is sent again in its wake */
	CAUSE_PROBE,  /* tail-loss probe */
	CAUSE_SYN,    /* SYN, or SYN-ACK */
	CAUSES
};

/*
 * Segments sent again, by cause. tcp_sock.total_retrans counts them all; what it grew by since `total`
 * is of the cause that the socket's state showed when they were sent. Written by the hook on
 * tcp_retransmit_skb() and the tracepoint behind it, under the socket's lock.
 */
struct retransmit_state_t {
	u64 recovery_until_ns; /* end of the loss recovery that recovery_us has counted */
	u64 recovery_ns;
	u32 segments[CAUSES];
	u32 total; /* total_retrans when it was divided up last */
	u32 cause; /* of what comes next */
	u32 pad;
};

/*
 * When an application sent last. A send only leaves the number of the timer tick, since to read the clock takes longer. What
 * time that was is worked out when the socket is sampled.
 */
struct send_state_t {
	u32 tick;  /* low bits of jiffies */
	u32 dated; /* the tick that last_seen_ns has been brought up to */
};

/*
 * A member that nobody asks for is not in the record: MEMBER(type, name) declares one that may be left out, and
 * IF_USED(member, code) is code for the case that it is there. SAMPLE(member, value) sets it in the record `s`.
 */
#define IF_USED(member, ...) IF_USED_(IS_ENABLED(UNUSED_##member), __VA_ARGS__)
#define IF_USED_(unused, ...) IF_USED__(unused, __VA_ARGS__)
#define IF_USED__(unused, ...) IF_UNUSED_IS_##unused(__VA_ARGS__)
#define IF_UNUSED_IS_0(...) __VA_ARGS__
#define IF_UNUSED_IS_1(...)
#define MEMBER(type, name) IF_USED(name, type name;)
#define SAMPLE(member, value) IF_USED(member, s->member = value)

/* Whether somebody asks for what is made of retransmit_state. */
#define CAUSES_USED                                                                                          \
	!(IS_ENABLED(UNUSED_retr_unseen) && IS_ENABLED(UNUSED_retr_fast) && IS_ENABLED(UNUSED_retr_rto) &&    \
	  IS_ENABLED(UNUSED_retr_probe) && IS_ENABLED(UNUSED_retr_syn) && IS_ENABLED(UNUSED_recovery_us))

#define ticks_to_ns(ticks) ((ticks) * (1000000000ULL / KERNEL_HZ))

/* Every bit set in an unsigned field: there is no such value now. It is not shown. */
#define ABSENT 0xffffffffffffffffULL

struct flow_stats_t {
	struct flow_addr_t addr;

	/* When, as bpf_ktime_get_ns(); 0: not seen, or not yet. */
	u64 first_seen_ns; /* tells this connection from others that had the same struct sock */
	u64 sampled_ns;
	u64 opened_ns; /* SYN sent, or handshake complete */
	u64 closed_ns;

	u32 last_state;		/* TCP_ESTABLISHED, … */
	MEMBER(u32, srtt_us)	/* smoothed round-trip time, µs times 8: the kernel keeps three fraction bits */
	MEMBER(u64, pkts_sent)	/* segments with data sent, those sent again included */
	MEMBER(u64, bytes_sent) /* bytes that the application handed over and the socket accepted */
	MEMBER(u64, retransmits) /* segments sent again */
	MEMBER(u32, rtt_us)	/* srtt_us in µs */
	MEMBER(u32, cwnd)	/* congestion window, in segments of one MSS */
	u64 last_seen_ns;	/* of the last event, not of the last sample; a send is timed to one timer tick */

	/* Who and where. */
	u32 pid;
	u32 netns;	    /* inode number of its network namespace */
	MEMBER(u64, cgroup) /* id of the socket's cgroup (v2): that of its inode */
	IF_USED(comm, char comm[16];)
#ifdef MULTIPATH
	IF_USED(mptcp, u8 mptcp[4];) /* token of the Multipath TCP connection that it is a subflow of, in network order */
#endif

	/* How it went. */
	u64 state_since_ns; /* when it came to its state */
	MEMBER(u32, connect_us)
	u32 closed_from; /* of a closed one, the state before */
	MEMBER(u16, error) /* an errno, the latest seen in sk_err */
	MEMBER(u8, ended)  /* of a closed one: enum ending */
	u8 of_kernel;	   /* the kernel made the socket */

	/* Of struct tcp_sock and what it begins with, when sampled. */
	MEMBER(u32, rttvar_us)
	MEMBER(u32, min_rtt_us)
	MEMBER(u32, rto_us)
	MEMBER(u32, mss)
	MEMBER(u32, ssthresh)
	MEMBER(u32, snd_wnd)
	MEMBER(u32, rcv_wnd)
	MEMBER(u64, bytes_acked)
	MEMBER(u64, bytes_received)
	MEMBER(u64, bytes_retrans)
	MEMBER(u32, segs_out)
	MEMBER(u32, segs_in)
	MEMBER(u32, data_segs_in)
	MEMBER(u32, delivered)
	MEMBER(u32, delivered_ce)
	MEMBER(u32, lost)
	MEMBER(u32, reordering)
	MEMBER(u32, reord_seen)
	MEMBER(u32, dsack_dups)
	MEMBER(u32, rcv_ooopack)
	MEMBER(u32, notsent)
	MEMBER(u32, rcvq)
	MEMBER(u32, unacked)
	MEMBER(u32, sacked)
	MEMBER(u32, lost_now)
	MEMBER(u32, retrans_now)
	MEMBER(u32, in_flight)
	MEMBER(u64, pacing_rate)
	MEMBER(u64, delivery_rate)
	MEMBER(u64, busy_us)
	MEMBER(u64, rwnd_limited_us)
	MEMBER(u64, sndbuf_limited_us)
	MEMBER(u64, recovery_us)
	IF_USED(ca, char ca[16];)
	MEMBER(u8, cwnd_limited)
	MEMBER(u8, app_limited)
	MEMBER(u8, sndbuf_full)
	MEMBER(u32, retr_unseen)
	MEMBER(u32, retr_fast)
	MEMBER(u32, retr_rto)
	MEMBER(u32, retr_probe)
	MEMBER(u32, retr_syn)
#if KERNEL_HAS(tcp_sock, total_rto)
	MEMBER(u32, timeouts)
#endif
	MEMBER(u64, sendmsg_calls)
#ifdef LISTENING
	u32 acceptq, acceptq_max, synq, listen_drops;
#endif
	/* A number of any width; the length of signed_… tells the monitor how to read it: 1 unsigned, 2 signed. */
#define USER_MEMBER(name, value) u64 name;
	USER_FIELDS(USER_MEMBER)
#define USER_MEMBER_SIGN(name, value) u8 signed_##name[1 + field_##name##_is_signed];
	USER_FIELDS(USER_MEMBER_SIGN)
#if CAUSES_USED
	struct retransmit_state_t retransmit_state;
#endif
	struct send_state_t send_state;
};

/*
 * The key is the address of the struct sock: it exists before the ports are known, and it is all the
 * hooks have in common.
 */
BPF_HASH(flow_stats, u64, struct flow_stats_t, MAX_FLOWS);

/* What a record is before anything is known: too large for the stack. */
BPF_ARRAY(blank_record, struct flow_stats_t, 1);

/* What is missing in flow_stats, counted since the start. The monitor shows each that grows, by name. */
struct flow_missed_t {
#ifdef SOCKET_WALK
	u64 untracked;	   /* sockets that a walk found without room in flow_stats */
	u64 found_by_walk; /* sockets that a walk found and no hook had seen */
	u64 unrecorded;	   /* sends and retransmits of sockets without a record */
#else
	u64 table_full; /* events of sockets without room in flow_stats */
#endif
	u64 closed_lost; /* closed flows without room in the ring buffer */
	u64 replaced;	 /* flows whose end was missed: another connection has their struct sock */
};
BPF_ARRAY(flow_missed, struct flow_missed_t, 1);

static inline void add_missed(u64 offset, s64 change)
{
	int first = 0;
	struct flow_missed_t *missed = flow_missed.lookup(&first);

	if (missed)
		__sync_fetch_and_add((u64 *)((char *)missed + offset), change);
}
#define COUNT_MISSED(what) add_missed(offsetof(struct flow_missed_t, what), 1)
#define TAKE_BACK(what) add_missed(offsetof(struct flow_missed_t, what), -1)

/* Sockets that --where does not want, counted by each walk: they have no record. */
BPF_ARRAY(flow_refused, u64, 1);

static inline void count_refused(void)
{
	int first = 0;
	u64 *count = flow_refused.lookup(&first);

	if (count)
		__sync_fetch_and_add(count, 1);
}

#ifdef RING_BUFFER
/* Last records of closed connections: the key, and what stood behind it. 4 MiB. */
struct closed_flow_t {
	u64 sock;
	struct flow_stats_t stats;
};
BPF_RINGBUF_OUTPUT(closed_flows, 1024);

/* The monitor takes them once per snapshot; it is woken in between, so that the ring does not fill up. */
#define CLOSED_FLOWS_PER_WAKEUP 512
BPF_ARRAY(closed_count, u64, 1);
#endif

/* What may run on top of what on one CPU. */
#define IN_HOOK 0
#define IN_NET 1
#define IN_CONNECT 2
#define IN_CONNECT6 3

struct socket_copy_t {
	u64 words[(sizeof(struct tcp_sock) + 7) / 8];
};
BPF_PERCPU_ARRAY(socket_copy, struct socket_copy_t, 2);

/*
 * The whole struct tcp_sock that begins at `sk`, for programs in which that is just an address: a copy,
 * so that `->` reads it, bit-fields included. `place`: IN_HOOK or IN_NET, since the safety net may run on
 * top of a hook.
 */
static inline struct tcp_sock *copy_of(struct sock *sk, int place)
{
	struct socket_copy_t *copy = socket_copy.lookup(&place);

	if (!copy || bpf_probe_read_kernel(copy, sizeof(struct tcp_sock), sk))
		return NULL;
	return (struct tcp_sock *)copy;
}

/* The same in a hook. In a fentry program the verifier knows the type of `sk`; no copy is needed. */
#ifdef ATTACH_FENTRY
#define socket_of(sk) bpf_skc_to_tcp_sock(sk)
#else
#define socket_of(sk) copy_of(sk, IN_HOOK)
#endif

/* `sport`: the local port; 0: it has none yet. */
static inline void fill_addr(struct flow_addr_t *addr, struct sock *sk, u16 sport)
{
	addr->family = sk->__sk_common.skc_family;
	addr->sport = sport;
	addr->dport = sk->__sk_common.skc_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (addr->family == AF_INET6) {
		bpf_probe_read_kernel(addr->saddr, sizeof(addr->saddr), &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(addr->daddr, sizeof(addr->daddr), &sk->__sk_common.skc_v6_daddr);
	} else
#endif
	{
		bpf_probe_read_kernel(addr->saddr, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_probe_read_kernel(addr->daddr, 4, &sk->__sk_common.skc_daddr);
	}
	/*
	 * An outgoing connection changes to SYN_SENT before tcp_v4_connect() chooses its local port; the
	 * record has no address until then.
	 */
	if (addr->sport)
		addr->proto = IPPROTO_TCP;
}

static inline u64 cgroup_of(struct sock *sk)
{
	u64 id = 0;
#if KERNEL_HAS(sock_cgroup_data, cgroup) || KERNEL_HAS(sock_cgroup_data, val)
	struct cgroup *cgroup = NULL;
	struct kernfs_node *node = NULL;

#if KERNEL_HAS(sock_cgroup_data, cgroup)
	bpf_probe_read_kernel(&cgroup, sizeof(cgroup), &sk->sk_cgrp_data.cgroup);
#else
	/* Before Linux 5.15: a pointer, or with a low bit set the classid of cgroup v1. */
	bpf_probe_read_kernel(&cgroup, sizeof(cgroup), &sk->sk_cgrp_data.val);
	if ((u64)cgroup & 3)
		cgroup = NULL;
#endif
	bpf_probe_read_kernel(&node, sizeof(node), &cgroup->kn);
	bpf_probe_read_kernel(&id, sizeof(id), &node->id);
#endif
	return id;
}

#ifdef MULTIPATH
/* The token of the Multipath TCP connection that `tp` is a subflow of, in network order. */
static inline u32 mptcp_token(struct tcp_sock *tp)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)tp;
	struct mptcp_subflow_context *subflow = NULL;
	u32 token = 0;

	bpf_probe_read_kernel(&subflow, sizeof(subflow), &icsk->icsk_ulp_data);
	bpf_probe_read_kernel(&token, sizeof(token), &subflow->token);
	return bpf_htonl(token);
}
#endif

/* What --where may ask of a flow before there is a record. None of it changes while the connection lives. */
struct flow_identity_t {
	u32 saddr[4]; /* in network order; an IPv4 address as ::ffff:a.b.c.d */
	u32 daddr[4];
	u16 sport; /* host order, as dport here */
	u16 dport;
	u16 family;
	u32 netns;
	u64 cgroup;
};

#define IS_IPV4(address) ((address)[0] == 0 && (address)[1] == 0 && (address)[2] == bpf_htonl(0xffff))

/*
 * Whether --where allows a flow for `sk`. Until it has a local port that is not known: then it gets a
 * record, and is looked at again when it has one.
 */
static inline int is_wanted(struct sock *sk)
{
#ifdef CONDITION_HEADER
	struct flow_identity_t flow = {};
#ifdef WANTED_BY_NETNS
	struct net *net = sk->__sk_common.skc_net.net;

	bpf_probe_read_kernel(&flow.netns, sizeof(flow.netns), &net->ns.inum);
#endif
#ifdef WANTED_BY_CGROUP
	flow.cgroup = cgroup_of(sk);
#endif
	flow.family = sk->__sk_common.skc_family;
	flow.sport = sk->__sk_common.skc_num;
	flow.dport = bpf_ntohs(sk->__sk_common.skc_dport);
	if (!flow.sport)
		return 1;
#if IS_ENABLED(CONFIG_IPV6)
	if (flow.family == AF_INET6) {
		bpf_probe_read_kernel(flow.saddr, sizeof(flow.saddr), &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(flow.daddr, sizeof(flow.daddr), &sk->__sk_common.skc_v6_daddr);
	} else
#endif
	{
		flow.saddr[2] = flow.daddr[2] = bpf_htonl(0xffff);
		bpf_probe_read_kernel(&flow.saddr[3], 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_probe_read_kernel(&flow.daddr[3], 4, &sk->__sk_common.skc_daddr);
	}
	return FLOW_WANTED(flow);
#else
	return 1;
#endif
}

/* The same where `s` may be its record already: one with an address is of a flow that is wanted. */
static inline int is_refused(struct flow_stats_t *s, struct sock *sk)
{
	return !(s && s->addr.proto) && !is_wanted(sk);
}

/* Whether a record that was made for another connection stands at the address of `sk`. */
static inline int is_of_another(struct flow_stats_t *s, struct sock *sk)
{
	return s->last_state == TCP_CLOSE ||
	       (s->addr.proto && (s->addr.sport != sk->__sk_common.skc_num || s->addr.dport != sk->__sk_common.skc_dport));
}

/*
 * Removes the record of a connection whose end was missed: the one that has its struct sock now inherits
 * nothing. The last record of a flow is lost then.
 */
static inline void remove_replaced(u64 key, struct flow_stats_t *s)
{
	if (s->addr.proto && s->last_state != TCP_LISTEN && s->last_state != TCP_CLOSE)
		COUNT_MISSED(replaced);
	flow_stats.delete(&key);
}

/* Whether an open file stands for `sk`. RDS, for one, has sockets without. */
static inline int has_file(struct sock *sk)
{
	struct socket *socket = sk->sk_socket;
	struct file *file = NULL;

	bpf_probe_read_kernel(&file, sizeof(file), &socket->file);
	return file != NULL;
}

/*
 * The process that calls the kernel now. Only where it is the one that uses the socket. Kernel threads work for applications
 * too (for MPTCP; for io_uring before Linux 5.12): theirs is only what the kernel made for itself, as NFS and RDS do. That
 * belongs to the first that is seen, not to each process that NFS works for.
 */
static inline void fill_who(struct flow_stats_t *s, struct sock *sk)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	int is_kernel_thread = (task->flags & PF_KTHREAD) != 0;

	if (s->of_kernel ? s->pid || !(is_kernel_thread || has_file(sk)) : is_kernel_thread)
		return;
	s->pid = bpf_get_current_pid_tgid() >> 32;
	IF_USED(comm, bpf_get_current_comm(s->comm, sizeof(s->comm)));
}

/* A FIN takes a sequence number, as if it were a byte. Its state tells that it is queued or sent. */
static inline int has_fin(u32 state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING || state == TCP_LAST_ACK;
}

/*
 * Who opened a connection that is older than the monitor. A child of a listening socket begins as its
 * copy, backlog included. With listen(fd, 0) that says nothing; then a SYN of our own shows as one byte
 * that was acknowledged and never was data.
 */
static inline u8 role_of(struct tcp_sock *tp, u32 state)
{
	struct sock *sk = (struct sock *)tp;
	u64 handed_over = tp->bytes_sent - tp->bytes_retrans + (tp->write_seq - tp->snd_nxt);
	u64 counted = tp->bytes_acked + (tp->write_seq - tp->snd_una);

	if (sk->sk_max_ack_backlog)
		return ROLE_PASSIVE;
	if (has_fin(state) && tp->write_seq == tp->snd_nxt)
		handed_over += 1;
	return counted == handed_over ? ROLE_PASSIVE : ROLE_ACTIVE;
}

/*
 * Bytes that the socket accepted from the application, whatever way they came: acknowledged ones and
 * those that wait for it. SYN (of the end that connects) and FIN are counted among them by the kernel.
 */
static inline u64 bytes_accepted(struct tcp_sock *tp, u8 role, u32 state)
{
	u64 bytes = tp->bytes_acked + (u32)(tp->write_seq - tp->snd_una);
	u64 no_data = (role == ROLE_ACTIVE) + has_fin(state);

	/* Before its SYN is sent the sequence numbers are not set: TCP_FASTOPEN_CONNECT waits for data. */
	if (state == TCP_SYN_SENT && !tp->packets_out)
		return 0;
	return bytes > no_data ? bytes - no_data : 0;
}

/* As tcp_get_info_chrono_stats() does it: the time of the state that lasts is not in chrono_stat yet. */
static inline void sample_chrono(struct flow_stats_t *s, struct tcp_sock *tp)
{
	u64 us_per_tick = 1000000 / KERNEL_HZ;
	s32 lasting = (u32)bpf_jiffies64() - tp->chrono_start;
	u8 type = tp->chrono_type; /* 1 busy, 2 limited by the receiver's window, 3 by the send buffer */
	u64 rwnd = tp->chrono_stat[1], sndbuf = tp->chrono_stat[2], busy = tp->chrono_stat[0] + rwnd + sndbuf;

	if (lasting < 0) /* it began while this was read, by a walk that does not lock */
		lasting = 0;
	if (type)
		busy += lasting;
	if (type == 2)
		rwnd += lasting;
	if (type == 3)
		sndbuf += lasting;
	SAMPLE(busy_us, busy * us_per_tick);
	SAMPLE(rwnd_limited_us, rwnd * us_per_tick);
	SAMPLE(sndbuf_limited_us, sndbuf * us_per_tick);
}

/* Retransmits by cause, with what has not been divided up yet. */
static inline void sample_causes(struct flow_stats_t *s, struct tcp_sock *tp)
{
#if CAUSES_USED
	struct retransmit_state_t *r = &s->retransmit_state;
	u32 fresh = tp->total_retrans - r->total;
	u32 cause = r->cause;

	SAMPLE(retr_unseen, r->segments[CAUSE_UNSEEN] + (cause == CAUSE_UNSEEN ? fresh : 0));
	SAMPLE(retr_fast, r->segments[CAUSE_FAST] + (cause == CAUSE_FAST ? fresh : 0));
	SAMPLE(retr_rto, r->segments[CAUSE_RTO] + (cause == CAUSE_RTO ? fresh : 0));
	SAMPLE(retr_probe, r->segments[CAUSE_PROBE] + (cause == CAUSE_PROBE ? fresh : 0));
	SAMPLE(retr_syn, r->segments[CAUSE_SYN] + (cause == CAUSE_SYN ? fresh : 0));
	SAMPLE(recovery_us, r->recovery_ns / 1000);
#endif
}

/* Whether the application was told, or waits, to send more when there is room (SOCK_NOSPACE is bit 2). */
static inline u8 waits_for_sndbuf(struct sock *sk)
{
	struct socket *socket = sk->sk_socket; /* NULL when nobody holds it any more */
	unsigned long flags = 0;

	if (socket)
		bpf_probe_read_kernel(&flags, sizeof(flags), &socket->flags);
	return (flags >> 2) & 1;
}

/* As tcp_compute_delivery_rate() has it. */
static inline u64 delivery_rate_of(struct tcp_sock *tp)
{
	u64 interval_us = tp->rate_interval_us;

	if (!interval_us || !tp->rate_delivered)
		return ABSENT;
	return (u64)tp->rate_delivered * tp->mss_cache * 1000000 / interval_us;
}

static inline void date_last_send(struct flow_stats_t *s)
{
	u32 tick = s->send_state.tick, ago = (u32)bpf_jiffies64() - tick;
	u64 sent_ns = s->sampled_ns - ticks_to_ns(ago);

	if (tick != s->send_state.dated && sent_ns > s->last_seen_ns)
		s->last_seen_ns = sent_ns;
	s->send_state.dated = tick;
}

/* All but the state, which stands in the record already. */
static inline void copy_members(struct flow_stats_t *s, struct tcp_sock *tp)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)tp;
	struct sock *sk = (struct sock *)tp;
	struct net *net = sk->__sk_common.skc_net.net;
	u32 unacked = tp->packets_out, sacked = tp->sacked_out, lost_now = tp->lost_out, retrans_now = tp->retrans_out;
	u32 srtt_us = tp->srtt_us, state = s->last_state;
	s32 waiting;

	IF_USED(error, if (sk->sk_err) s->error = sk->sk_err); /* the application may take it out */
	s->sampled_ns = bpf_ktime_get_ns();
	date_last_send(s);
	if (!s->addr.role && state != TCP_LISTEN)
		s->addr.role = role_of(tp, state);
	SAMPLE(cgroup, cgroup_of(sk));
	s->of_kernel = sk->sk_kern_sock;
#ifdef MULTIPATH
	if (tp->is_mptcp) { /* an application's, though MPTCP made it */
		s->of_kernel = 0;
		IF_USED(mptcp, *(u32 *)s->mptcp = mptcp_token(tp));
	}
#endif
	bpf_probe_read_kernel(&s->netns, sizeof(s->netns), &net->ns.inum);

	SAMPLE(bytes_sent, bytes_accepted(tp, s->addr.role, state));
	SAMPLE(bytes_acked, tp->bytes_acked);
	SAMPLE(bytes_received, tp->bytes_received);
	SAMPLE(bytes_retrans, tp->bytes_retrans);
	waiting = tp->write_seq - tp->snd_nxt;
	SAMPLE(notsent, waiting > 0 && (state != TCP_SYN_SENT || tp->packets_out) ? waiting : 0);
	waiting = tp->rcv_nxt - tp->copied_seq;
	if (waiting > 0 && (sk->__sk_common.skc_flags >> SOCK_DONE) & 1) /* a FIN came, as in tcp_inq() */
		waiting--;
	SAMPLE(rcvq, waiting > 0 ? waiting : 0);

	SAMPLE(pkts_sent, tp->data_segs_out);
	SAMPLE(data_segs_in, tp->data_segs_in);
	SAMPLE(segs_out, tp->segs_out);
	SAMPLE(segs_in, tp->segs_in);
	SAMPLE(delivered, tp->delivered);
	SAMPLE(delivered_ce, tp->delivered_ce);
	SAMPLE(lost, tp->lost);
	SAMPLE(reordering, tp->reordering);
	SAMPLE(reord_seen, tp->reord_seen);
	SAMPLE(dsack_dups, tp->dsack_dups);
	SAMPLE(rcv_ooopack, tp->rcv_ooopack);
	SAMPLE(retransmits, tp->total_retrans);
	sample_causes(s, tp);
#if KERNEL_HAS(tcp_sock, total_rto)
	SAMPLE(timeouts, tp->total_rto);
#endif

	SAMPLE(unacked, unacked);
	SAMPLE(sacked, sacked);
	SAMPLE(lost_now, lost_now);
	SAMPLE(retrans_now, retrans_now);
	/* tcp_packets_in_flight(); a reset clears packets_out and leaves the others. */
	waiting = unacked - (sacked + lost_now) + retrans_now;
	SAMPLE(in_flight, waiting > 0 ? waiting : 0);

	SAMPLE(srtt_us, srtt_us);
	SAMPLE(rtt_us, srtt_us >> 3);
	SAMPLE(rttvar_us, tp->mdev_us >> 2);
	SAMPLE(min_rtt_us, tp->rtt_min.s[0].v); /* all bits set before the first measurement */
	SAMPLE(rto_us, icsk->icsk_rto * (1000000 / KERNEL_HZ));

	SAMPLE(mss, tp->mss_cache);
	SAMPLE(cwnd, tp->snd_cwnd);
	SAMPLE(ssthresh, tp->snd_ssthresh >= 0x7fffffff ? (u32)ABSENT : tp->snd_ssthresh); /* TCP_INFINITE_SSTHRESH */
	SAMPLE(snd_wnd, tp->snd_wnd);
	SAMPLE(rcv_wnd, tp->rcv_wnd);
	SAMPLE(pacing_rate, sk->sk_pacing_rate); /* all bits set: unlimited */
	SAMPLE(delivery_rate, delivery_rate_of(tp));

	s->addr.ca_state = icsk->icsk_ca_state;
	IF_USED(ca, bpf_probe_read_kernel_str(s->ca, sizeof(s->ca), icsk->icsk_ca_ops->name));
	SAMPLE(cwnd_limited, tp->is_cwnd_limited);
	SAMPLE(app_limited, tp->rate_app_limited);
	SAMPLE(sndbuf_full, waits_for_sndbuf(sk));
	sample_chrono(s, tp);

#ifdef LISTENING
	s->acceptq = s->acceptq_max = s->synq = s->listen_drops = (u32)ABSENT;
	if (state == TCP_LISTEN) {
		s->acceptq = sk->sk_ack_backlog;
		s->acceptq_max = sk->sk_max_ack_backlog;
		s->synq = icsk->icsk_accept_queue.qlen.counter;
		s->listen_drops = sk->sk_drops.counter;
	}
#endif
#define SAMPLE_USER_FIELD(name, value) s->name = (u64)value;
	USER_FIELDS(SAMPLE_USER_FIELD)
}

#ifdef SAMPLE_APART
struct sampling_t {
	struct flow_stats_t *s;
	struct tcp_sock *tp;
};

/*
 * BCC inlines every function: copy_members() would be compiled four times. But what is visible it takes for a program, which has a
 * section of its own and one parameter. tcp_stats_compile puts that code behind each program that calls it. (BCC lets nobody call
 * what it takes for a program, so callers know it by another name.)
 *
 * Only pointers, none of them NULL, may stand in *of. Before Linux 6.8 the verifier does not track numbers that are read from a
 * caller's stack: it may look at one value only, and delete the branches of all others.
 */
_Static_assert(sizeof(struct sampling_t) == 2 * sizeof(void *), "two pointers");

__attribute__((__noinline__)) int sample_apart(struct sampling_t *of)
{
	copy_members(of->s, of->tp);
	return 0;
}

int call_sample_apart(struct sampling_t *of) __asm__("sample_apart");
#endif

/* What the socket says now. `state` is the state to show, and that the counters are of. */
static inline void sample(struct flow_stats_t *s, struct tcp_sock *tp, u32 state)
{
	s->last_state = state;
#ifdef SAMPLE_APART
	struct sampling_t of = {s, tp};

	call_sample_apart(&of);
#else
	copy_members(s, tp);
#endif
}

/*
 * A record begins for a connection that is in `state` already, which the monitor did not see it come to. Of one that waits
 * for its application to close, so much is known: that it has waited since the last segment of the peer, or longer.
 */
static inline void begin_state(struct flow_stats_t *s, struct tcp_sock *tp, u32 state)
{
	if (state == TCP_CLOSE_WAIT)
		s->state_since_ns = bpf_ktime_get_ns() - ticks_to_ns((u32)bpf_jiffies64() - tp->rcv_tstamp);
}

#if !IS_ENABLED(UNUSED_connect_us)
/*
 * What a request and the socket that comes of it have in common: the hash of their ends (skc_hash), and for safety's sake their
 * ports. `sk` may be a request: that has the members of struct sock_common only.
 */
static inline u64 handshake_of(struct sock *sk)
{
	u64 ports = 0;
	u32 hash = 0;

	bpf_probe_read_kernel(&hash, sizeof(hash), &sk->__sk_common.skc_hash);
	bpf_probe_read_kernel(&ports, 4, &sk->__sk_common.skc_portpair);
	return ports << 32 | hash;
}

/* When the first SYN-ACK was sent, in us, where it was sent again. A socket does not have that. Who never answers is forgotten. */
BPF_TABLE("lru_hash", u64, u64, synack_sent_us, 4096);

/* A SYN-ACK is sent again. */
RAW_TRACEPOINT_PROBE(tcp_retransmit_synack)
{
	struct tcp_request_sock *request = (struct tcp_request_sock *)ctx->args[1];
	u64 handshake = handshake_of((struct sock *)request), sent_us = 0;

	bpf_probe_read_kernel(&sent_us, sizeof(sent_us), &request->snt_synack);
	synack_sent_us.update(&handshake, &sent_us);
	return 0;
}

/* How long ago that was. */
static inline u32 us_since_first_synack(struct sock *sk)
{
	u64 handshake = handshake_of(sk), *sent_us = synack_sent_us.lookup(&handshake);
	u32 us = 0;

	if (sent_us) {
		us = bpf_ktime_get_ns() / 1000 - *sent_us;
		synack_sent_us.delete(&handshake);
	}
	return us;
}
#endif

/*
 * From SYN to SYN-ACK here where this end connected. Where it accepted, from SYN-ACK to ACK: that is what the kernel begins
 * its round-trip time with, if it sent one SYN-ACK only.
 */
static inline void note_connected(struct flow_stats_t *s, struct tcp_sock *tp, int place)
{
	if (s->addr.role == ROLE_ACTIVE)
		SAMPLE(connect_us, (bpf_ktime_get_ns() - s->opened_ns) / 1000);
	else if (tp)
		SAMPLE(connect_us, !tp->total_retrans ? tp->srtt_us >> 3 : place == IN_HOOK ? us_since_first_synack((struct sock *)tp) : 0);
}

/* How a connection ended. */
enum ending {
	ENDED_LOCAL_CLOSE = 1,	  /* FINs of both ends; the first was of this one, */
	ENDED_PEER_CLOSE,	  /* of the peer, */
	ENDED_SIMULTANEOUS_CLOSE, /* they crossed */
	ENDED_RESET_RECEIVED,
	ENDED_RESET_AFTER_CLOSE, /* this end had closed: a reset came, or data did, and this end sent the reset */
	ENDED_RESET_UNREAD,	 /* this end sent it: closed with data unread, */
	ENDED_RESET_LINGER,	 /* closed with SO_LINGER 0, */
	ENDED_RESET_NOT_ACCEPTED, /* the listening socket was closed before accept(), */
	ENDED_RESET_MEMORY,	 /* too many sockets of nobody, or too little memory, */
	ENDED_RESET_SENT,	 /* for another reason: connect(AF_UNSPEC), MPTCP */
	ENDED_ABORTED,		 /* by ss -K or a BPF program */
	ENDED_REFUSED,
	ENDED_UNREACHABLE,
	ENDED_CONNECT_TIMEOUT,
	ENDED_CONNECT_GIVEN_UP, /* closed while it was connecting */
	ENDED_RETRANSMIT_TIMEOUT,
	ENDED_PROBE_TIMEOUT, /* of zero windows */
	ENDED_KEEPALIVE_TIMEOUT,
	ENDED_USER_TIMEOUT,	 /* TCP_USER_TIMEOUT */
	ENDED_FIN_WAIT2_TIMEOUT, /* TCP_LINGER2 below 0: not waited for the FIN of the peer */
	ENDED_FAILED_AT_ONCE,	 /* connect() failed before there was a SYN */
};

/* Which of the timers gave up. */
static inline u8 timer_that_gave_up(struct tcp_sock *tp)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)tp;

	if (icsk->icsk_user_timeout)
		return ENDED_USER_TIMEOUT;
	if (tp->snd_una == tp->write_seq) /* all is acknowledged, FIN included */
		return ENDED_KEEPALIVE_TIMEOUT;
	return icsk->icsk_probes_out && !icsk->icsk_retransmits ? ENDED_PROBE_TIMEOUT : ENDED_RETRANSMIT_TIMEOUT;
}

static inline u8 ending_while_connecting(u32 error)
{
	switch (error) {
	case 0:
		return ENDED_CONNECT_GIVEN_UP;
	case ECONNREFUSED: /* a reset, or ICMP: port unreachable */
		return ENDED_REFUSED;
	case ECONNABORTED:
		return ENDED_ABORTED;
	case ETIMEDOUT:
		return ENDED_CONNECT_TIMEOUT;
	default: /* ICMP, or no neighbour */
		return ENDED_UNREACHABLE;
	}
}

/*
 * How the connection of `tp` ends, which does so in state `old`. tcp_reset(), tcp_write_err() and tcp_abort() set sk_err
 * first. tcp_close() sets sk_shutdown first; then it sends FIN, unless something is unread or is not to be sent.
 */
static inline u8 ending_of(struct tcp_sock *tp, u32 old)
{
	struct sock *sk = (struct sock *)tp;
	unsigned long flags = sk->__sk_common.skc_flags;
	u32 error = sk->sk_err;
	int has_peers_fin = (flags >> SOCK_DONE) & 1, is_orphan = (flags >> SOCK_DEAD) & 1;
	int has_shut_down = (sk->sk_shutdown & SHUTDOWN_MASK) == SHUTDOWN_MASK;
	int is_unread = (s32)(tp->rcv_nxt - tp->copied_seq) > has_peers_fin;
	int lingers_0 = (flags >> SOCK_LINGER) & 1 && !sk->sk_lingertime;
	int all_acked = tp->snd_una == tp->write_seq;

	if (old == TCP_SYN_SENT)
		return ending_while_connecting(error);
	if (error == ECONNABORTED)
		return ENDED_ABORTED;
	if (error == ECONNRESET || error == EPIPE)
		return (old == TCP_FIN_WAIT1 || old == TCP_FIN_WAIT2) && sk->sk_shutdown & RCV_SHUTDOWN && !has_peers_fin
			       ? ENDED_RESET_AFTER_CLOSE
			       : ENDED_RESET_RECEIVED;
	if (error == ETIMEDOUT)
		return old == TCP_SYN_RECV ? ENDED_CONNECT_TIMEOUT : timer_that_gave_up(tp);
	if (old == TCP_FIN_WAIT2 && (has_peers_fin || !has_shut_down || !(is_unread || lingers_0)))
		return is_orphan && !has_peers_fin && tp->linger2 < 0 ? ENDED_FIN_WAIT2_TIMEOUT : ENDED_LOCAL_CLOSE;
	if (old == TCP_LAST_ACK && all_acked)
		return ENDED_PEER_CLOSE;
	if (old == TCP_CLOSING && all_acked)
		return ENDED_SIMULTANEOUS_CLOSE;
	if (error) /* that of the last ICMP message, in place of ETIMEDOUT */
		return timer_that_gave_up(tp);
	if (has_shut_down && is_unread)
		return ENDED_RESET_UNREAD;
	if (has_shut_down && lingers_0)
		return ENDED_RESET_LINGER;
	if (is_orphan)
		return ENDED_RESET_MEMORY;
#if KERNEL_HAS(tcp_sock, is_mptcp)
	if (tp->is_mptcp)
		return ENDED_RESET_SENT;
#endif
	return sk->sk_socket ? ENDED_RESET_SENT : ENDED_RESET_NOT_ACCEPTED;
}

static inline void note_ending(struct flow_stats_t *s, struct tcp_sock *tp, u32 old)
{
	struct sock *sk = (struct sock *)tp;

	IF_USED(error, if (old == TCP_SYN_SENT && !sk->sk_err) s->error = sk->sk_err_soft);
	SAMPLE(ended, ending_of(tp, old));
}

/* A record for `sk`, still without an address, so not shown. NULL when the table is full. */
static inline struct flow_stats_t *start_record(u64 sock)
{
	int first = 0;
	struct flow_stats_t *blank = blank_record.lookup(&first);
	struct flow_stats_t *s = blank ? flow_stats.lookup_or_try_init(&sock, blank) : NULL;

	if (s)
		s->first_seen_ns = s->last_seen_ns = bpf_ktime_get_ns();
	return s;
}

/* What was sent again before this record began: a SYN-ACK of its own handshake, or of unseen cause. */
static inline void begin_causes(struct flow_stats_t *s, struct tcp_sock *tp, u32 cause)
{
#if CAUSES_USED
	__builtin_memset(&s->retransmit_state, 0, sizeof(s->retransmit_state));
	s->retransmit_state.total = tp->total_retrans;
	s->retransmit_state.segments[cause] = tp->total_retrans;
	s->retransmit_state.cause = cause;
#endif
}

/*
 * The record of a socket that something happens to, or NULL. Where a walk keeps the records, it is
 * there already; else it is made and brought up to date here.
 */
static inline struct flow_stats_t *observe(struct sock *sk)
{
	u64 key = (u64)sk;
	struct flow_stats_t *s = flow_stats.lookup(&key);
#ifdef SOCKET_WALK
	/* No room for it, or it is older than the monitor and in a namespace that no walk comes to. */
	if (!s) {
		u32 state = sk->__sk_common.skc_state;

		if (state != TCP_CLOSE && state != TCP_LISTEN && is_wanted(sk))
			COUNT_MISSED(unrecorded);
	}
#else
	u32 state = sk->__sk_common.skc_state;
	struct tcp_sock *tp;

	if (state == TCP_CLOSE || state == TCP_LISTEN)
		return NULL;
	if (is_refused(s, sk)) {
		if (s)
			flow_stats.delete(&key);
		return NULL;
	}
	if (!(tp = socket_of(sk)))
		return NULL;
	if (!s) {
		s = start_record(key);
		if (!s) {
			COUNT_MISSED(table_full);
			return NULL;
		}
		begin_causes(s, tp, CAUSE_UNSEEN);
		begin_state(s, tp, state);
	}
	sample(s, tp, state);
	fill_addr(&s->addr, sk, sk->__sk_common.skc_num);
#endif
	return s;
}

/* A name is looked up again after a pause of a second: the process may have become another program. */
#define SEND_PAUSE_TICKS KERNEL_HZ

static inline int on_sendmsg(struct sock *sk)
{
	struct flow_stats_t *s = observe(sk);
	u32 tick = bpf_jiffies64();

	if (!s)
		return 0;
	IF_USED(sendmsg_calls, __sync_fetch_and_add(&s->sendmsg_calls, 1));
	if (s->pid != bpf_get_current_pid_tgid() >> 32 || tick - s->send_state.tick > SEND_PAUSE_TICKS)
		fill_who(s, sk);
	s->send_state.tick = tick;
#ifndef SOCKET_WALK
	s->last_seen_ns = s->sampled_ns;
	/*
	 * tcp_sendmsg() has not locked the socket yet. If a reset closed it on another CPU meanwhile,
	 * its record was removed before this made it again.
	 */
	if (sk->__sk_common.skc_state == TCP_CLOSE) {
		u64 key = (u64)sk;

		flow_stats.delete(&key);
	}
#endif
	return 0;
}

/* Time from `from` to `until` goes to loss recovery, but none of it twice. */
static inline void add_recovery(struct retransmit_state_t *r, u64 from, u64 until)
{
	if (from < r->recovery_until_ns)
		from = r->recovery_until_ns;
	if (until > from) {
		r->recovery_ns += until - from;
		r->recovery_until_ns = until;
	}
}

/* What total_retrans grew by is of the cause noted last. */
static inline void settle(struct retransmit_state_t *r, u32 total_retrans)
{
	u32 cause = r->cause;

	if (cause < CAUSES)
		r->segments[cause] += total_retrans - r->total;
	r->total = total_retrans;
}

/*
 * Why a socket sends again. The retransmission timer sets TCP_CA_Loss first, and fast recovery is TCP_CA_Recovery;
 * a tail-loss probe is sent only while all seems well (tcp_schedule_loss_probe()).
 */
static inline u32 cause_of(u32 state, u32 ca_state)
{
	if (state == TCP_SYN_SENT || state == TCP_SYN_RECV)
		return CAUSE_SYN;
	if (ca_state == TCP_CA_Loss)
		return CAUSE_RTO;
	return ca_state == TCP_CA_Recovery ? CAUSE_FAST : CAUSE_PROBE;
}

/* Notes why, and what time it takes. */
static inline void note_cause(struct retransmit_state_t *r, struct tcp_sock *tp, u64 now)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)tp;
	u64 rtt_ns, waited_ns;

	settle(r, tp->total_retrans);
	r->cause = cause_of(((struct sock *)tp)->__sk_common.skc_state, icsk->icsk_ca_state);

	/* It takes a round trip to mend; where the timer ran out, all was quiet while it ran. */
	if (r->cause != CAUSE_SYN) {
		rtt_ns = (u64)(tp->srtt_us >> 3) * 1000;
		waited_ns = 0;
		if (r->cause == CAUSE_RTO && icsk->icsk_retransmits)
			waited_ns = (u64)icsk->icsk_rto * (1000000000 / KERNEL_HZ);
		add_recovery(r, now - waited_ns, now + rtt_ns);
	}
}

/* tcp_retransmit_skb() begins: called by the retransmission timer, or while acknowledgements come in. */
static inline int on_retransmit(struct sock *sk)
{
	struct flow_stats_t *s = observe(sk);

	if (!s)
		return 0;
	s->last_seen_ns = bpf_ktime_get_ns();
#if CAUSES_USED
	struct tcp_sock *tp = socket_of(sk);

	if (tp)
		note_cause(&s->retransmit_state, tp, s->last_seen_ns);
#endif
	return 0;
}

#if CAUSES_USED

/*
 * Segments were sent again and are counted, tail-loss probes among them, which do not pass the function
 * tcp_retransmit_skb(). (The newest kernels come by after a failure too.)
 */
RAW_TRACEPOINT_PROBE(tcp_retransmit_skb)
{
	struct sock *sk = (struct sock *)ctx->args[0];
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	u64 key = (u64)sk;
	struct flow_stats_t *s = flow_stats.lookup(&key);
	u32 total = 0;
	u8 state = 0, ca_state = 0;

	if (!s)
		return 0;
	bpf_probe_read_kernel(&total, sizeof(total), &tp->total_retrans);
	bpf_probe_read_kernel(&state, sizeof(state), (void *)&sk->__sk_common.skc_state);
	/* The bit-field icsk_ca_state ends where icsk_retransmits begins. */
	bpf_probe_read_kernel(&ca_state, sizeof(ca_state), (char *)&icsk->icsk_retransmits - 1);
	s->retransmit_state.cause = cause_of(state, ca_state & 0x1f);
	settle(&s->retransmit_state, total);
	return 0;
}
#endif

#ifdef RING_BUFFER
/* Where the last record of a connection is put together. */
BPF_PERCPU_ARRAY(last_record, struct closed_flow_t, 4);

/* It begins as a copy of `begin`, or blank. */
static inline struct closed_flow_t *begin_last_record(struct sock *sk, struct flow_stats_t *begin, int place)
{
	struct closed_flow_t *last = last_record.lookup(&place);
	int first = 0;

	if (!last)
		return NULL;
	last->sock = (u64)sk;
	bpf_probe_read_kernel(&last->stats, sizeof(last->stats), begin ?: blank_record.lookup(&first)); /* less code than an assignment */
	if (!begin)
		last->stats.first_seen_ns = bpf_ktime_get_ns();
	return last;
}

static inline void hand_over(struct closed_flow_t *last, u32 old)
{
	int first = 0;
	u64 *count = closed_count.lookup(&first);
	u64 flags = BPF_RB_NO_WAKEUP;

	last->stats.closed_from = old;
	last->stats.last_state = TCP_CLOSE;
	last->stats.closed_ns = last->stats.last_seen_ns = bpf_ktime_get_ns();
	if (count) {
		__sync_fetch_and_add(count, 1);
		if (*count % CLOSED_FLOWS_PER_WAKEUP == 0)
			flags = BPF_RB_FORCE_WAKEUP;
	}
	if (closed_flows.ringbuf_output(last, sizeof(*last), flags))
		COUNT_MISSED(closed_lost);
}
#endif

/*
 * Not so a child whose handshake failed at its end, or a connect() that fails before its SYN: that takes back the state which
 * it has set. `s`: what the table has of it.
 */
static inline int was_a_flow(struct sock *sk, struct flow_stats_t *s, u32 old)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	u32 sent = 0;

	if (!(s && s->addr.proto) && !sk->__sk_common.skc_num)
		return 0;
	if (old == TCP_SYN_SENT && !sk->sk_err && !(sk->sk_shutdown & SHUTDOWN_MASK)) {
		bpf_probe_read_kernel(&sent, sizeof(sent), &tp->packets_out);
		return sent != 0;
	}
	return s || old != TCP_SYN_RECV;
}

/*
 * The connection of `sk` goes from state `old`, which it still has, to `state`. When it ends, its last
 * record is taken, and the one in the table removed, since the kernel frees the struct sock and soon
 * gives its address to another connection. TIME_WAIT too is an end here: its remains live in a smaller
 * struct.
 */
static inline int on_set_state(struct sock *sk, u32 old, int state, int place)
{
	u64 key = (u64)sk;
	struct flow_stats_t *s = flow_stats.lookup(&key);
	struct flow_stats_t *record = NULL;
	struct tcp_sock *tp = NULL;
	int ends = state == TCP_CLOSE && old != TCP_CLOSE && old != TCP_LISTEN;
	int opens = 0, fresh;
	u16 sport;
#ifdef RING_BUFFER
	struct closed_flow_t *last = NULL;
#endif

#ifdef ENDS_UNSEEN
	if (state == TCP_CLOSE)
		return 0;
#endif
	/*
	 * Should a close ever have been missed, what is left of that connection goes now. (When the safety
	 * net sees an end, the socket has given back its port.)
	 */
	if (s && ((!ends && (state == TCP_CLOSE || old == TCP_CLOSE)) ||
		  (!(ends && place == IN_NET) && is_of_another(s, sk)))) {
		remove_replaced(key, s);
		s = NULL;
	}
	if (state == TCP_LISTEN || (state == TCP_CLOSE && !ends))
		return 0;

	if (is_refused(s, sk)) {
		if (s)
			flow_stats.delete(&key);
		return 0;
	}
	fresh = !s;
	if (ends) {
#ifdef RING_BUFFER
		if (was_a_flow(sk, s, old))
			last = begin_last_record(sk, s, place);
		record = last ? &last->stats : NULL;
#endif
	} else {
		if (fresh)
			s = start_record(key);
#ifndef SOCKET_WALK
		if (!s)
			COUNT_MISSED(table_full);
#endif
		record = s;
	}
	if (!record)
		goto remove;

	/* A walk may have come by an accepted one already, in its short time in SYN_RECV. */
	opens = !ends && !record->opened_ns && (state == TCP_SYN_SENT || old == TCP_SYN_RECV);
	if (opens) {
		record->addr.role = state == TCP_SYN_SENT ? ROLE_ACTIVE : ROLE_PASSIVE;
		record->opened_ns = bpf_ktime_get_ns();
	}
#ifdef SOCKET_WALK
	if (ends || fresh || opens) /* in between the walk will see to it */
#endif
		tp = place == IN_NET ? copy_of(sk, IN_NET) : socket_of(sk);
	if (tp) {
		if (fresh || opens)
			begin_causes(record, tp, opens ? CAUSE_SYN : CAUSE_UNSEEN);
		sample(record, tp, ends ? old : state);
		if (ends)
			note_ending(record, tp, old);
	}
	if (state == TCP_ESTABLISHED && record->opened_ns)
		note_connected(record, tp, place);
	sport = sk->__sk_common.skc_num;
	if (ends && place == IN_NET && tp) /* it has given back its port, and remembers it */
		sport = bpf_ntohs(((struct inet_sock *)tp)->inet_sport);
	if (sport)
		fill_addr(&record->addr, sk, sport);
#ifdef RING_BUFFER
	if (last) {
		hand_over(last, old);
		/*
		 * Before Linux 6.7 nothing can be removed while an interrupt finds this CPU about to lock the table. What stays is
		 * marked as done, and as no flow's (first_seen_ns).
		 */
		if (s) {
			s->last_state = TCP_CLOSE;
			s->first_seen_ns = 0;
		}
		goto remove;
	}
#endif
	/* Only applications connect, and only they begin a close; the other changes come with segments. */
	if (state == TCP_SYN_SENT || (!record->pid && (state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK)))
		fill_who(record, sk);
	record->last_state = state;
	record->last_seen_ns = record->state_since_ns = bpf_ktime_get_ns();
	return 0;
remove:
	if (ends && s)
		flow_stats.delete(&key);
	return 0;
}

#ifdef FAILED_CONNECTS
/* What is shorter is no address, and connect() says EINVAL. */
#define LEAST_ADDRESS ((int)sizeof(struct sockaddr_in))
#define LEAST_ADDRESS6 ((int)offsetof(struct sockaddr_in6, sin6_scope_id))

/*
 * connect() of `sk` to `to` has failed at once with `error`, an errno: there was no route, or no local port, or it was not
 * allowed. A SYN was not sent. The socket has nothing to tell then; `to` is the kernel's copy of what the user gave.
 */
static inline int on_connect_failed(struct sock *sk, struct sockaddr *to, u32 error, int place)
{
	struct closed_flow_t *last = begin_last_record(sk, NULL, place);
	struct net *net = sk->__sk_common.skc_net.net;
	struct flow_stats_t *s;
	struct flow_addr_t *addr;
	u16 family = 0, sport = sk->__sk_common.skc_num;

	if (!last)
		return 0;
	s = &last->stats;
	addr = &s->addr;
	fill_addr(addr, sk, sport);
	addr->proto = IPPROTO_TCP;
	addr->role = ROLE_ACTIVE;
	bpf_probe_read_kernel(&family, sizeof(family), &to->sa_family);
	if (family == AF_INET) {
		struct sockaddr_in *ipv4 = (struct sockaddr_in *)to;
		int is_mapped = addr->family != AF_INET;

		bpf_probe_read_kernel(&addr->dport, sizeof(addr->dport), &ipv4->sin_port);
		if (is_mapped)
			*(u16 *)(addr->daddr + 10) = 0xffff;
		bpf_probe_read_kernel(is_mapped ? addr->daddr + 12 : addr->daddr, 4, &ipv4->sin_addr);
	} else if (family == AF_INET6) {
		struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)to;

		bpf_probe_read_kernel(&addr->dport, sizeof(addr->dport), &ipv6->sin6_port);
		bpf_probe_read_kernel(addr->daddr, sizeof(addr->daddr), &ipv6->sin6_addr);
#ifdef ATTACH_FENTRY
		if (IS_IPV4((u32 *)addr->daddr) && !sk->__sk_common.skc_ipv6only) /* that was tcp_v4_connect(), called in between */
			return 0;
#endif
	}
	bpf_probe_read_kernel(&s->netns, sizeof(s->netns), &net->ns.inum);
	SAMPLE(cgroup, cgroup_of(sk));
	SAMPLE(min_rtt_us, (u32)ABSENT);
	SAMPLE(ssthresh, (u32)ABSENT);
	SAMPLE(pacing_rate, ABSENT);
	SAMPLE(delivery_rate, ABSENT);
	SAMPLE(error, error);
	SAMPLE(ended, ENDED_FAILED_AT_ONCE);
	fill_who(s, sk);
	hand_over(last, TCP_CLOSE);
	return 0;
}
#endif

/*
 * Where the hooks are attached: the name says the kernel function, the parameters are that function's
 * own. They are attached in this order: what removes records has to be there before any is made.
 */
#ifdef ATTACH_FENTRY

KFUNC_PROBE(tcp_set_state, struct sock *sk, int state)
{
	return on_set_state(sk, sk->__sk_common.skc_state, state, IN_HOOK);
}

KFUNC_PROBE(tcp_sendmsg, struct sock *sk)
{
	return on_sendmsg(sk);
}

KFUNC_PROBE(tcp_retransmit_skb, struct sock *sk)
{
	return on_retransmit(sk);
}

#ifdef FAILED_CONNECTS
KRETFUNC_PROBE(tcp_v4_connect, struct sock *sk, struct sockaddr *to, int size, int result)
{
	return result && size >= LEAST_ADDRESS ? on_connect_failed(sk, to, -result, IN_CONNECT) : 0;
}

#if KERNEL_HAS_FUNCTION(tcp_v6_connect)
KRETFUNC_PROBE(tcp_v6_connect, struct sock *sk, struct sockaddr *to, int size, int result)
{
	return result && size >= LEAST_ADDRESS6 ? on_connect_failed(sk, to, -result, IN_CONNECT6) : 0;
}
#endif
#endif

#else

int kprobe__tcp_set_state(struct pt_regs *ctx, struct sock *sk, int state)
{
	return on_set_state(sk, sk->__sk_common.skc_state, state, IN_HOOK);
}

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	return on_sendmsg(sk);
}

int kprobe__tcp_retransmit_skb(struct pt_regs *ctx, struct sock *sk)
{
	return on_retransmit(sk);
}

#ifdef FAILED_CONNECTS
/*
 * At its return a function has no parameters any more: they are kept here, by thread, and what a return does not fetch is
 * forgotten. (BCC knows what is a pointer of the kernel's in a map only where a probe itself puts its parameter there.)
 */
BPF_TABLE("lru_hash", u64, struct sock *, connecting, 4096);
BPF_TABLE("lru_hash", u64, struct sockaddr *, connecting_to, 4096);

static inline int end_connect(int result, int place)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct sockaddr **to = connecting_to.lookup(&thread);
	struct sock **found = connecting.lookup(&thread);

	if (found && to && result) {
		struct sock *sk = *found;

		on_connect_failed(sk, *to, -result, place);
	}
	connecting.delete(&thread);
	connecting_to.delete(&thread);
	return 0;
}

int kprobe__tcp_v4_connect(struct pt_regs *ctx, struct sock *sk, struct sockaddr *to, int size)
{
	u64 thread = bpf_get_current_pid_tgid();

	if (size < LEAST_ADDRESS)
		return 0;
	connecting.update(&thread, &sk);
	connecting_to.update(&thread, &to);
	return 0;
}

int kretprobe__tcp_v4_connect(struct pt_regs *ctx)
{
	return end_connect(PT_REGS_RC(ctx), IN_CONNECT);
}

#if KERNEL_HAS_FUNCTION(tcp_v6_connect)
int kprobe__tcp_v6_connect(struct pt_regs *ctx, struct sock *sk, struct sockaddr *to, int size)
{
	u64 thread = bpf_get_current_pid_tgid();

	if (size < LEAST_ADDRESS6)
		return 0;
	connecting.update(&thread, &sk);
	connecting_to.update(&thread, &to);
	return 0;
}

int kretprobe__tcp_v6_connect(struct pt_regs *ctx)
{
	return end_connect(PT_REGS_RC(ctx), IN_CONNECT6);
}
#endif
#endif

#endif

/*
 * The safety net. The kernel does not call a hook on this CPU while it is in a handler already: a packet
 * whose interrupt comes in there changes the state of its connection unseen. tcp_set_state() passes a
 * tracepoint too, behind the hook, and that is called then. What the hook has done needs no doing here, so
 * that this mostly takes no time: in its own midst this is not called either (Linux 6.1 and later), and newer
 * kernels (7.2 does, 6.12 does not) may let another task run on this CPU meanwhile.
 */
#define JUST_NOW_NS 100000000

RAW_TRACEPOINT_PROBE(inet_sock_set_state)
{
	struct sock *sk = (struct sock *)ctx->args[0];
	int old = ctx->args[1], state = ctx->args[2];
	u64 key = (u64)sk;
	struct flow_stats_t *s = flow_stats.lookup(&key);
	u16 protocol = 0;

	bpf_probe_read_kernel(&protocol, sizeof(protocol), &sk->sk_protocol);
	if (protocol != IPPROTO_TCP) /* SCTP, DCCP and MPTCP come by here too */
		return 0;
	if (state == TCP_CLOSE) {
		if (!s)
			return 0;
		if (s->last_state == TCP_CLOSE) { /* done, but it could not be removed */
			flow_stats.delete(&key);
			return 0;
		}
#ifdef SOCKET_WALK
		/* A walk that does not lock the socket (over files; any, before Linux 5.15) may just have made a record of a closing one. */
		if (!s->opened_ns && bpf_ktime_get_ns() - s->first_seen_ns < JUST_NOW_NS) {
			flow_stats.delete(&key);
			if (old != TCP_SYN_RECV)
				TAKE_BACK(found_by_walk);
			return 0;
		}
#endif
	} else if (state == TCP_SYN_RECV || (s && s->last_state == state)) {
		/* A new child of a listening socket comes by with SYN_RECV, before it is anything. */
		return 0;
	}
	return on_set_state(sk, old, state, IN_NET);
}

#ifdef SOCKET_WALK

/*
 * The walk: before each snapshot the monitor has the kernel call this for every TCP socket of every
 * network namespace. It finds those older than the monitor, and brings every record up to date.
 */
struct bpf_iter__tcp {
	void *meta;
	struct sock_common *sk_common;
	uid_t uid;
};

/*
 * Brings the record of a socket up to date, and makes it where there is none. `counts`: whether to count those
 * that get none; only one of the two walks does, for the other comes by the same.
 */
static inline int take(struct tcp_sock *tp, int counts)
{
	struct sock *sk = (struct sock *)tp;
	u64 key = (u64)tp;
	struct flow_stats_t *s = flow_stats.lookup(&key);
	u32 state = sk->__sk_common.skc_state;

	if (state == TCP_CLOSE)
		return 0;
#ifndef LISTENING
	if (state == TCP_LISTEN)
		return 0;
#endif
	if (s && is_of_another(s, sk)) {
		remove_replaced(key, s);
		s = NULL;
	}
	if (is_refused(s, sk)) {
		if (counts)
			count_refused();
		if (s)
			flow_stats.delete(&key);
		return 0;
	}
	if (!s) {
		s = start_record(key);
		if (!s) {
			if (counts)
				COUNT_MISSED(untracked);
			return 0;
		}
		if (state != TCP_LISTEN && state != TCP_SYN_RECV)
			COUNT_MISSED(found_by_walk);
		begin_causes(s, tp, CAUSE_UNSEEN);
		begin_state(s, tp, state);
	}
	sample(s, tp, state);
	/*
	 * Addresses stay what they are. (Before Linux 5.15 a walk does not lock the socket: its record may be that of another
	 * by now, which is then sampled anew, but keeps its own.)
	 */
	if (!s->addr.proto)
		fill_addr(&s->addr, sk, sk->__sk_common.skc_num);
	return 0;
}

int bpf_iter__tcp(struct bpf_iter__tcp *ctx)
{
	struct tcp_sock *tp;

	if (!ctx->sk_common) /* the end of the walk */
		return 0;
	tp = bpf_skc_to_tcp_sock(ctx->sk_common);
	if (!tp) /* TIME_WAIT, or a request whose handshake is not complete */
		return 0;
	return take(tp, 1);
}

BPF_ARRAY(walk_began_ns, u64, 1); /* the monitor writes it before each walk over sockets */

/*
 * The other walk, over open files: once at the start; when there are flows whose process is not known (they
 * were accepted, or opened before the monitor, and nothing was sent on them since); and when the first walk
 * has passed by a record. From Linux 5.15 on that skips a bucket of the hash of connections: tcp_seek_last_pos()
 * takes the place where it ended among listening sockets for a place in there. Where a network namespace has no
 * listening socket, that is the first bucket.
 */
struct bpf_iter__task_file {
	void *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

/* `task` holds a socket, and `s` is its record. */
static inline void fill_holder(struct flow_stats_t *s, struct task_struct *task)
{
	if (!s || s->pid)
		return;
	s->pid = task->tgid;
	IF_USED(comm, bpf_probe_read_kernel_str(s->comm, sizeof(s->comm), task->group_leader->comm));
}

#ifdef MULTIPATH
#define MOST_SUBFLOWS 16

/* The subflows of a Multipath TCP connection have no file of their own. */
static inline void fill_holder_of_subflows(struct mptcp_sock *connection, struct task_struct *task)
{
	struct list_head *end = &connection->conn_list, *at = NULL;
	u64 key = 0;
	int i;

	bpf_probe_read_kernel(&at, sizeof(at), &end->next);
	for (i = 0; i < MOST_SUBFLOWS && at != end; i++) {
		struct mptcp_subflow_context *subflow = container_of(at, struct mptcp_subflow_context, node);

		bpf_probe_read_kernel(&key, sizeof(key), &subflow->tcp_sock);
		fill_holder(flow_stats.lookup(&key), task);
		bpf_probe_read_kernel(&at, sizeof(at), &at->next);
	}
}
#endif

int bpf_iter__task_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct flow_stats_t *s;
	u64 key = 0;
#ifdef MULTIPATH
	u16 protocol = 0;
#endif
#if KERNEL_HAS(bpf_tcp_iter_state, batch)
	int first = 0;
	u64 *began_ns = walk_began_ns.lookup(&first);
	struct tcp_sock *tp;
#endif

	if (!task || !file || (file->f_inode->i_mode & 0170000) != 0140000) /* S_IFSOCK */
		return 0;
	socket = file->private_data;
	bpf_probe_read_kernel(&key, sizeof(key), &socket->sk);
#ifdef MULTIPATH
	bpf_probe_read_kernel(&protocol, sizeof(protocol), &((struct sock *)key)->sk_protocol);
	if (protocol == IPPROTO_MPTCP) {
		fill_holder_of_subflows((struct mptcp_sock *)key, task);
		return 0;
	}
#endif
	s = flow_stats.lookup(&key);
#if KERNEL_HAS(bpf_tcp_iter_state, batch)
	if (!s || (began_ns && s->sampled_ns < *began_ns)) {
		socket = bpf_sock_from_file(file);
		tp = socket && socket->sk ? bpf_skc_to_tcp_sock(socket->sk) : NULL;
		if (!tp)
			return 0;
		take(tp, 0);
		s = flow_stats.lookup(&key);
	}
#endif
	fill_holder(s, task);
	return 0;
}

#endif
