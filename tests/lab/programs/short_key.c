#include <net/sock.h>

BPF_HASH(flow_stats, u32, u64);

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	u32 key = (u64)sk;

	flow_stats.increment(key);
	return 0;
}
