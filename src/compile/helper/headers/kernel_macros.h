/*
 * What kernel headers offer a BPF program beside types. BTF holds types and enumerators, no macros
 * and no functions; these are the ones that programs for BCC use. It comes after the types, so a
 * kernel that has one of them as an enumerator is not disturbed.
 */
#define TYPES_FROM_BTF 1

#undef NULL
#define NULL ((void *)0)

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define PF_INET AF_INET
#define PF_INET6 AF_INET6
#define ETH_ALEN 6
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86DD
#define IFNAMSIZ 16
#define TASK_COMM_LEN 16
#define PF_KTHREAD 0x00200000
#define RCV_SHUTDOWN 1
#define SEND_SHUTDOWN 2
#define SHUTDOWN_MASK 3
#define EPIPE 32
#define ECONNABORTED 103
#define ECONNRESET 104
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define TCP_CA_NAME_MAX 16

#define __aligned_u64 __u64 __attribute__((aligned(8)))
#define __aligned_be64 __be64 __attribute__((aligned(8)))
#define __user
#define __kernel
#define __rcu
#define __force
#define __percpu
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#undef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define READ_ONCE(x) (x)
#define BIT(n) (1UL << (n))
#define roundup_pow_of_two(n) ((n) <= 1 ? 1UL : 1UL << (64 - __builtin_clzl((n)-1)))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))

/* 1 where CONFIG_option is defined as 1, else 0. */
#define IS_ENABLED(option) TCP_STATS_IS_ONE(option)
#define TCP_STATS_IS_ONE(value) TCP_STATS_IS_ONE_(TCP_STATS_ONE_##value)
#define TCP_STATS_IS_ONE_(maybe_comma) TCP_STATS_SECOND(maybe_comma 1, 0, 0)
#define TCP_STATS_SECOND(first, second, ...) second
#define TCP_STATS_ONE_1 0,

/*
 * include/net/sock.h and its neighbours: short names for members, and casts (functions: BCC rewrites
 * accesses through them, and not those that begin inside a macro).
 */
#define sk_net __sk_common.skc_net
#define sk_num __sk_common.skc_num
#define sk_dport __sk_common.skc_dport
#define sk_addrpair __sk_common.skc_addrpair
#define sk_daddr __sk_common.skc_daddr
#define sk_rcv_saddr __sk_common.skc_rcv_saddr
#define sk_family __sk_common.skc_family
#define sk_state __sk_common.skc_state
#define sk_bound_dev_if __sk_common.skc_bound_dev_if
#define sk_cookie __sk_common.skc_cookie
#define sk_v6_daddr __sk_common.skc_v6_daddr
#define sk_v6_rcv_saddr __sk_common.skc_v6_rcv_saddr
#define inet_daddr sk.__sk_common.skc_daddr
#define inet_rcv_saddr sk.__sk_common.skc_rcv_saddr
#define inet_dport sk.__sk_common.skc_dport
#define inet_num sk.__sk_common.skc_num
#define s6_addr in6_u.u6_addr8
#define s6_addr16 in6_u.u6_addr16
#define s6_addr32 in6_u.u6_addr32

static inline struct tcp_sock *tcp_sk(const struct sock *sk) { return (struct tcp_sock *)sk; }

static inline struct inet_sock *inet_sk(const struct sock *sk) { return (struct inet_sock *)sk; }

static inline struct inet_connection_sock *inet_csk(const struct sock *sk) { return (struct inet_connection_sock *)sk; }
