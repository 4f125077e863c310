/* Known fields in another order and of other widths, and two of its own: both show at the line's end. */
#include <net/sock.h>
#include <linux/tcp.h>
#include "reordered.h"

BPF_HASH(flow_stats, u64, struct record);

int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk, struct msghdr *msg, size_t size)
{
	u64 key = (u64)sk;
	struct record zero = {}, *r = flow_stats.lookup_or_try_init(&key, &zero);

	if (!r)
		return 0;
	r->cwnd = tcp_sk(sk)->snd_cwnd;
	r->last_seen_ns = bpf_ktime_get_ns();
	r->dport = sk->sk_dport;
	r->daddr = sk->sk_daddr;
	r->saddr = sk->sk_rcv_saddr;
	r->sport = sk->sk_num;
	r->last_state = sk->sk_state;
	r->pkts_sent++;
	r->uid = sk->sk_socket->file->f_cred->uid.val;
	bpf_get_current_comm(&r->who, sizeof(r->who));
	return 0;
}
