/*
 * The least that a counter per socket costs: a look-up by its address, and an atomic addition. With PER_CPU a counter for
 * each CPU: no atomic addition, and a value for each to be kept and read.
 */
#include <uapi/linux/ptrace.h>
#include <net/sock.h>

struct flow_stats_t {
	u64 sendmsg_calls;
};
BPF_HASH(flow_stats, u64, struct flow_stats_t, 16384); /* which the monitor reads */
#ifdef PER_CPU
BPF_TABLE("percpu_hash", u64, struct flow_stats_t, counters, 16384);
#else
BPF_HASH(counters, u64, struct flow_stats_t, 16384);
#endif

static inline int on_sendmsg(struct sock *sk)
{
	u64 key = (u64)sk;
	struct flow_stats_t blank = {}, *s = counters.lookup_or_try_init(&key, &blank);

	if (!s)
		return 0;
#ifdef PER_CPU
	s->sendmsg_calls++;
#else
	__sync_fetch_and_add(&s->sendmsg_calls, 1);
#endif
	return 0;
}

#ifdef ATTACH_FENTRY
KFUNC_PROBE(tcp_sendmsg, struct sock *sk)
{
	return on_sendmsg(sk);
}
#else
int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	return on_sendmsg(sk);
}
#endif
