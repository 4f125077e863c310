#include <net/sock.h>

struct record {
	u64 pkts_sent;
};

BPF_HASH(flow_stats, u64, struct record);

int tcp_sendmsg_but_not_by_the_naming_rule(struct pt_regs *ctx)
{
	return 0;
}
