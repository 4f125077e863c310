#include <net/sock.h>

struct record {
	u64 pkts_sent;
};

BPF_HASH(flow_stats, u64, struct record);

#ifdef ATTACH_FENTRY
KFUNC_PROBE(tcp_sendmsg, struct sock *sk)
#else
int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
#endif
{
	u64 key = (u64)sk;
	struct record *r = flow_stats.lookup(&key);

	r->pkts_sent++; /* r may be NULL */
	return 0;
}
