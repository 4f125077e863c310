/* TCP_INIT_CWND is a macro, so BTF does not have it. */
#include <net/sock.h>
#include <net/tcp.h>

struct record {
	u64 cwnd;
};

BPF_HASH(flow_stats, u64, struct record);

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	u64 key = (u64)sk;
	struct record r = {.cwnd = TCP_INIT_CWND};

	flow_stats.update(&key, &r);
	return 0;
}
