/*
 * Many members of tcp_sock, far apart, for a comparison with getsockopt(TCP_INFO): if the layout that
 * the compiler assumes is off anywhere, some of them come from the wrong place.
 */
#include <net/sock.h>
#include <linux/tcp.h>

struct record {
	u32 saddr, daddr;
	u16 sport, dport;
	u32 last_state;
	u64 last_seen_ns;
	u32 srtt_us, rtt_us, cwnd;
	u32 mdev_us, ssthresh, min_rtt_us, rcv_ssthresh, advmss, reordering, segs_out, segs_in, data_segs_out,
		data_segs_in, delivered, total_retrans;
	u64 bytes_acked, bytes_received, pacing_rate;
};

BPF_HASH(flow_stats, u64, struct record);

#ifdef ATTACH_FENTRY
#define TCP_SOCK(sk) bpf_skc_to_tcp_sock(sk)
#else
#define TCP_SOCK(sk) ((struct tcp_sock *)(sk))
#endif

static inline int on_sendmsg(struct sock *sk)
{
	struct tcp_sock *tp = TCP_SOCK(sk);
	u64 key = (u64)sk;
	struct record zero = {}, *r = flow_stats.lookup_or_try_init(&key, &zero);

	if (!r || !tp)
		return 0;
	r->saddr = sk->sk_rcv_saddr;
	r->daddr = sk->sk_daddr;
	r->sport = sk->sk_num;
	r->dport = sk->sk_dport;
	r->last_state = sk->sk_state;
	r->last_seen_ns = bpf_ktime_get_ns();
	r->srtt_us = tp->srtt_us;
	r->rtt_us = tp->srtt_us >> 3;
	r->cwnd = tp->snd_cwnd;
	r->mdev_us = tp->mdev_us;
	r->ssthresh = tp->snd_ssthresh;
	r->min_rtt_us = tp->rtt_min.s[0].v;
	r->rcv_ssthresh = tp->rcv_ssthresh;
	r->advmss = tp->advmss;
	r->reordering = tp->reordering;
	r->segs_out = tp->segs_out;
	r->segs_in = tp->segs_in;
	r->data_segs_out = tp->data_segs_out;
	r->data_segs_in = tp->data_segs_in;
	r->delivered = tp->delivered;
	r->total_retrans = tp->total_retrans;
	r->bytes_acked = tp->bytes_acked;
	r->bytes_received = tp->bytes_received;
	r->pacing_rate = sk->sk_pacing_rate;
	return 0;
}

#ifdef ATTACH_FENTRY
KFUNC_PROBE(tcp_sendmsg, struct sock *sk)
{
	return on_sendmsg(sk);
}
#else
int kprobe__tcp_sendmsg(struct pt_regs *ctx, struct sock *sk)
{
	return on_sendmsg(sk);
}
#endif
