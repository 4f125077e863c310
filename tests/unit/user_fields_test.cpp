#include "compile/user_fields.h"

#include "test.h"

using namespace tcp_stats;

TEST_CASE("what lies in the socket itself is taken as it is") {
    for (const auto *expression :
         {"tp->srtt_us >> 3", "sk->__sk_common.skc_daddr", "inet_csk(sk)->icsk_ack.rcv_mss", "tp->rtt_min.s[0].v",
          "((struct inet_connection_sock *)sk)->icsk_rto * 4", "tp->a + tp->b", "", "1", "f(tp->a, sk->b) ? 1 : 2"}) {
        CHECK(with_reads(expression) == expression);
    }
}

TEST_CASE("what lies behind a pointer of the socket is read from the kernel's memory, one step at a time") {
    CHECK(with_reads("sk->__sk_common.skc_net.net->ns.inum") == "FIELD_READ(sk->__sk_common.skc_net.net, ns.inum)");
    CHECK(with_reads("sk->sk_socket->file->f_inode->i_ino + 1") ==
          "FIELD_READ(FIELD_READ(FIELD_READ(sk->sk_socket, file), f_inode), i_ino) + 1");
    CHECK(with_reads("inet_csk(sk)->icsk_ca_ops->key") == "FIELD_READ(inet_csk(sk)->icsk_ca_ops, key)");
    CHECK(with_reads("((struct x *)sk->sk_user_data)->a[tp->b].c") ==
          "FIELD_READ(((struct x *)sk->sk_user_data), a[tp->b].c)");
    CHECK(with_reads("sk -> sk_socket -> flags") == "FIELD_READ(sk->sk_socket, flags)");
    CHECK(with_reads("max(sk->a->b, tp->c)") == "max(FIELD_READ(sk->a, b), tp->c)");
}

TEST_CASE("the compiler meets each expression on a line of its own") {
    const auto header = user_fields_header({{"ooo", "", "tp->rcv_ooopack"}, {"inum", "", "sk->net->inum"}});
    CHECK(header.find("\n#line 1 \"--field ooo\"\ntp->rcv_ooopack\n") != std::string::npos);
    CHECK(header.find("#define USER_FIELDS(FIELD) FIELD(ooo, (tp->rcv_ooopack)) FIELD(inum, (FIELD_READ(sk->net, "
                      "inum)))\n") != std::string::npos);
}
