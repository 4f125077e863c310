#include <net/sock.h>

BPF_HASH(flows, u64, u64);

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	u64 key = (u64)sk;

	flows.increment(key);
	return 0;
}
