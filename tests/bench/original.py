"""PROGRAM [SECONDS]: the original monitor, written again from its description: Python, BCC, kernel headers. So many
seconds (1) between snapshots."""
import socket
import struct
import sys
import time

from bcc import BPF

NAMES = {1: "ESTABLISHED", 2: "SYN_SENT", 3: "SYN_RECV", 4: "FIN_WAIT1", 5: "FIN_WAIT2", 6: "TIME_WAIT", 7: "CLOSE",
         8: "CLOSE_WAIT", 9: "LAST_ACK", 10: "LISTEN", 11: "CLOSING"}


def main():
    table = BPF(src_file=sys.argv[1]).get_table("flow_stats")
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1
    print("eBPF carregado. Monitorando fluxos TCP (por sock pointer). Ctrl-C para sair.\n")
    while True:
        print("[snapshot]" if len(table) else "[snapshot] sem fluxos observados ainda.", flush=True)
        for key, v in table.items():
            local, remote = (socket.inet_ntoa(struct.pack("<I", a)) for a in (v.addr.saddr, v.addr.daddr))
            rtt_us, srtt_us, cwnd = (getattr(v, name, 0) for name in ("rtt_us", "srtt_us", "cwnd"))
            print(f"sock=0x{key.value:x} {local}:{socket.ntohs(v.addr.sport)} -> {remote}:{socket.ntohs(v.addr.dport)} "
                  f"proto={v.addr.proto} pkts={v.pkts_sent} bytes={v.bytes_sent} retr={v.retransmits} "
                  f"RTT={rtt_us / 1000:.3f}ms (srtt_raw={srtt_us}) srtt_ms={srtt_us / 1000:.3f}ms CWND={cwnd} MSS "
                  f"state={NAMES.get(v.last_state, v.last_state)} last_seen_ns={v.last_seen_ns}")
        time.sleep(seconds)


try:
    main()
except KeyboardInterrupt:
    print("Saindo")
