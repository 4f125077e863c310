/* A hook on a function that another hook calls: the kernel does not run a kprobe's handler inside another's. */
#include <net/sock.h>

struct record {
	u32 saddr, daddr;
	u16 sport, dport;
	u64 bytes_sent;
	char comm[16];
};

BPF_HASH(flow_stats, u64, struct record);

int kprobe__bpf_get_current_comm(struct pt_regs *ctx)
{
	return 0;
}

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk, struct msghdr *msg, size_t size)
{
	u64 key = (u64)sk;
	struct record zero = {}, *r = flow_stats.lookup_or_try_init(&key, &zero);

	if (!r)
		return 0;
	r->saddr = sk->__sk_common.skc_rcv_saddr;
	r->daddr = sk->__sk_common.skc_daddr;
	r->sport = sk->__sk_common.skc_num;
	r->dport = sk->__sk_common.skc_dport;
	r->bytes_sent += size;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	return 0;
}
