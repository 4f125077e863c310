/*
 * tcp_stats_sockkey.c - per-socket TCP statistics, the built-in program of tcp_stats_monitor.
 *
 * Three hooks on kernel functions keep one record per TCP socket in the hash `flow_stats`, and the
 * monitor prints that hash once a second:
 *
 *   tcp_sendmsg         an application hands bytes to a socket
 *   tcp_retransmit_skb  the kernel sends something again
 *   tcp_set_state       a connection moves to another state
 *
 * Change it and run it: tcp_stats_monitor --print-src > my.c; tcp_stats_monitor --src my.c
 *
 * BCC compiles this when the monitor starts, so `sk->…` below is ordinary C over the kernel's own
 * structs, with this kernel's layout. The monitor keeps no copy of flow_stats_t: it finds the fields
 * by name. Drop one and it reads as 0, add one and it is printed as name=value.
 */
#include <uapi/linux/ptrace.h>
#include <net/sock.h>
#include <linux/tcp.h>

/* Sockets tracked at the same time; -D MAX_FLOWS=N changes it. */
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
	u16 sport; /* host order, as skc_num */
	u16 dport; /* network order, as skc_dport */
	u8 proto;
	u8 family; /* AF_INET or AF_INET6 */
	u8 pad[2];
};

struct flow_stats_t {
	struct flow_addr_t addr;
	u64 pkts_sent;	  /* calls of tcp_sendmsg */
	u64 bytes_sent;	  /* bytes those calls asked to send */
	u64 retransmits;  /* calls of tcp_retransmit_skb */
	u32 last_state;	  /* TCP_ESTABLISHED, … */
	u64 last_seen_ns; /* bpf_ktime_get_ns() of the last event */

	/* Of struct tcp_sock, as of the last event. */
	u32 srtt_us; /* smoothed round-trip time, µs times 8: the kernel keeps three fraction bits */
	u32 rtt_us;  /* the same in µs */
	u32 cwnd;    /* congestion window, in segments of one MSS */
};

/*
 * The key is the address of the struct sock: it exists before the ports are known, and it is all the
 * three hooks have in common.
 */
BPF_HASH(flow_stats, u64, struct flow_stats_t, MAX_FLOWS);

/* Events of sockets that found no room in flow_stats. The monitor warns when it grows. */
BPF_ARRAY(flow_stats_missed, u64, 1);

/*
 * In a kprobe the arguments are plain addresses: BCC turns each `sk->x` into bpf_probe_read_kernel(),
 * and a cast makes a struct sock the struct tcp_sock that it begins. In a fentry program the verifier
 * knows the type of `sk` and loads directly, and only a helper may make a tcp_sock of it.
 */
#ifdef ATTACH_FENTRY
#define TCP_SOCK(sk) bpf_skc_to_tcp_sock(sk)
#else
#define TCP_SOCK(sk) ((struct tcp_sock *)(sk))
#endif

static inline void fill_addr(struct flow_addr_t *addr, struct sock *sk)
{
	addr->proto = IPPROTO_TCP;
	addr->family = sk->__sk_common.skc_family;
	addr->sport = sk->__sk_common.skc_num;
	addr->dport = sk->__sk_common.skc_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (addr->family == AF_INET6) {
		bpf_probe_read_kernel(addr->saddr, sizeof(addr->saddr), &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(addr->daddr, sizeof(addr->daddr), &sk->__sk_common.skc_v6_daddr);
		return;
	}
#endif
	bpf_probe_read_kernel(addr->saddr, 4, &sk->__sk_common.skc_rcv_saddr);
	bpf_probe_read_kernel(addr->daddr, 4, &sk->__sk_common.skc_daddr);
}

/* What the socket says now. */
static inline void sample(struct flow_stats_t *s, struct sock *sk, int state)
{
	struct tcp_sock *tp = TCP_SOCK(sk);

	s->last_state = state;
	s->last_seen_ns = bpf_ktime_get_ns();
	if (!tp)
		return;
	s->srtt_us = tp->srtt_us;
	s->rtt_us = s->srtt_us >> 3;
	s->cwnd = tp->snd_cwnd;
}

/* A record for `sk`, whole before anyone can read it. NULL when the table is full. */
static inline struct flow_stats_t *start_record(struct sock *sk, int state)
{
	u64 key = (u64)sk;
	struct flow_stats_t fresh = {};
	struct flow_stats_t *s;

	fill_addr(&fresh.addr, sk);
	sample(&fresh, sk, state);
	s = flow_stats.lookup_or_try_init(&key, &fresh);
	if (!s) {
		int first = 0;
		u64 *missed = flow_stats_missed.lookup(&first);

		if (missed)
			__sync_fetch_and_add(missed, 1);
		return NULL;
	}
	return s;
}

/*
 * The record of `sk`, brought up to date; made when there is none. NULL for a socket that is no
 * connection: it is closed, or listens. NULL too before it has a port: an outgoing connection first
 * changes to SYN_SENT, and tcp_v4_connect() chooses the local port only then. The next event, when
 * the SYN is answered or sent again, finds it.
 */
static inline struct flow_stats_t *observe(struct sock *sk, int state)
{
	u64 key = (u64)sk;
	struct flow_stats_t *s;

	if (state == TCP_CLOSE || state == TCP_LISTEN || !sk->__sk_common.skc_num)
		return NULL;

	s = flow_stats.lookup(&key);
	if (!s)
		return start_record(sk, state);
	sample(s, sk, state);
	return s;
}

static inline int on_sendmsg(struct sock *sk, size_t size)
{
	u64 key = (u64)sk;
	struct flow_stats_t *s = observe(sk, sk->__sk_common.skc_state);

	if (!s)
		return 0;
	__sync_fetch_and_add(&s->pkts_sent, 1);
	__sync_fetch_and_add(&s->bytes_sent, size);
	/*
	 * tcp_sendmsg() has not locked the socket yet. If a reset closed it on another CPU meanwhile,
	 * its record was removed before this made it again.
	 */
	if (sk->__sk_common.skc_state == TCP_CLOSE)
		flow_stats.delete(&key);
	return 0;
}

static inline int on_retransmit(struct sock *sk)
{
	struct flow_stats_t *s = observe(sk, sk->__sk_common.skc_state);

	if (s)
		__sync_fetch_and_add(&s->retransmits, 1);
	return 0;
}

/* Whether a record that was made for another connection stands at the address of `sk`. */
static inline bool is_of_another(struct flow_stats_t *s, struct sock *sk)
{
	return s->addr.sport != sk->__sk_common.skc_num || s->addr.dport != sk->__sk_common.skc_dport;
}

/* `state` is the one to come; the socket still has the one it leaves. */
static inline int on_set_state(struct sock *sk, int state)
{
	u64 key = (u64)sk;
	struct flow_stats_t *s = flow_stats.lookup(&key);

	/*
	 * A closed socket has no record: the kernel frees the struct sock and soon gives its address
	 * to another connection. TIME_WAIT too is CLOSE here, its remains live in a smaller struct.
	 * Should a close ever have been missed, the next connection at that address inherits nothing.
	 */
	if (s && (state == TCP_CLOSE || sk->__sk_common.skc_state == TCP_CLOSE || is_of_another(s, sk)))
		flow_stats.delete(&key);

	observe(sk, state);
	return 0;
}

/*
 * Where the three are attached: the name says the kernel function, the parameters are that function's
 * own. They are attached in this order: what removes records has to be there before any is made. The
 * monitor defines ATTACH_FENTRY where a kernel has no kprobes, or when told to (--attach fentry).
 */
#ifdef ATTACH_FENTRY

KFUNC_PROBE(tcp_set_state, struct sock *sk, int state)
{
	return on_set_state(sk, state);
}

KFUNC_PROBE(tcp_sendmsg, struct sock *sk, struct msghdr *msg, size_t size)
{
	return on_sendmsg(sk, size);
}

KFUNC_PROBE(tcp_retransmit_skb, struct sock *sk)
{
	return on_retransmit(sk);
}

#else

int kprobe__tcp_set_state(struct pt_regs *ctx, struct sock *sk, int state)
{
	return on_set_state(sk, state);
}

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk, struct msghdr *msg, size_t size)
{
	return on_sendmsg(sk, size);
}

int kprobe__tcp_retransmit_skb(struct pt_regs *ctx, struct sock *sk)
{
	return on_retransmit(sk);
}

#endif
