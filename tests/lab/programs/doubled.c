/* A program that reads a member for its own ends, whatever the columns are; `UNUSED_…` would keep it from that. */
#include <net/sock.h>
#include <linux/tcp.h>

struct record {
	u32 saddr, daddr;
	u16 sport, dport;
	u64 bytes_acked;
	u64 doubled;
};

BPF_HASH(flow_stats, u64, struct record);

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	u64 key = (u64)sk;
	struct record zero = {}, *r = flow_stats.lookup_or_try_init(&key, &zero);

	if (!r)
		return 0;
	r->saddr = sk->__sk_common.skc_rcv_saddr;
	r->daddr = sk->__sk_common.skc_daddr;
	r->sport = sk->__sk_common.skc_num;
	r->dport = sk->__sk_common.skc_dport;
#if !IS_ENABLED(UNUSED_bytes_acked)
	r->bytes_acked = ((struct tcp_sock *)sk)->bytes_acked;
#endif
	r->doubled = 2 * r->bytes_acked;
	return 0;
}
