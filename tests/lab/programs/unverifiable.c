#include <net/sock.h>

struct record {
	u64 pkts_sent;
};

BPF_HASH(flow_stats, u64, struct record);

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	u64 key = (u64)sk;
	struct record *r = flow_stats.lookup(&key);

	r->pkts_sent++; /* r may be NULL */
	return 0;
}
