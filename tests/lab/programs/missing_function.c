#include <net/sock.h>

struct record {
	u64 pkts_sent;
};

BPF_HASH(flow_stats, u64, struct record);

#ifdef ATTACH_FENTRY
KFUNC_PROBE(tcp_no_such_function, struct sock *sk)
{
	return 0;
}
#else
int kprobe__tcp_no_such_function(struct pt_regs *ctx, struct sock *sk)
{
	return 0;
}
#endif
