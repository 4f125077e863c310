#include <net/sock.h>

BPF_HASH(flow_stats, u64, u64);

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	return sk->no_such_member;
}
