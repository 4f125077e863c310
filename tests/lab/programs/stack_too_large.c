#include <net/sock.h>

struct record {
	char bytes[700]; /* more than a BPF program's stack of 512 bytes */
};

BPF_HASH(flow_stats, u64, struct record);

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	u64 key = (u64)sk;
	struct record r = {};

	r.bytes[0] = sk->__sk_common.skc_state;
	flow_stats.update(&key, &r);
	return 0;
}
