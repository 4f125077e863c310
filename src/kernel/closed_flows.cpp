#include "kernel/closed_flows.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <bpf/libbpf.h>

#include "base/translate.h"
#include "record/record_pool.h"

namespace tcp_stats {

struct ClosedFlows::Collected {
    explicit Collected(std::size_t record_size) : pool(record_size), records(pool.take()) {}

    RecordPool pool;
    std::shared_ptr<Records> records;
    std::uint64_t lost = 0;

    static int add(void *context, void *data, std::size_t size) {
        auto &self = *static_cast<Collected *>(context);
        std::uint64_t sock = 0;
        if (size < sizeof(sock) + self.records->record_size()) { // the program's own; not a record
            return 0;
        }
        if (self.records->size() == most_collected) {
            ++self.lost;
            return 0;
        }
        const auto *bytes = static_cast<const std::byte *>(data);
        std::memcpy(&sock, bytes, sizeof(sock));
        self.records->add(sock, bytes + sizeof(sock));
        return 0;
    }
};

ClosedFlows::ClosedFlows(std::unique_ptr<Collected> collected)
    : collected_(std::move(collected)), ring_(nullptr, ring_buffer__free) {}
ClosedFlows::ClosedFlows(ClosedFlows &&) noexcept = default;
ClosedFlows &ClosedFlows::operator=(ClosedFlows &&) noexcept = default;
ClosedFlows::~ClosedFlows() = default;

Result<std::optional<ClosedFlows>> ClosedFlows::open(const Program &program, std::size_t record_size) {
    const auto map = program.map("closed_flows");
    if (!map) {
        return std::optional<ClosedFlows>();
    }
    if (map->description->type != BPF_MAP_TYPE_RINGBUF) {
        return fail(ErrorKind::program_rejected,
                    tr("table closed_flows of {} is no ring buffer; declare BPF_RINGBUF_OUTPUT(closed_flows, PAGES)",
                       program.name()));
    }
    ClosedFlows flows(std::make_unique<Collected>(record_size));
    flows.ring_.reset(ring_buffer__new(map->fd, Collected::add, flows.collected_.get(), nullptr));
    if (!flows.ring_) {
        return fail(ErrorKind::defect,
                    tr("cannot read the ring buffer closed_flows: {}; please report it", std::strerror(errno)));
    }
    return std::optional(std::move(flows));
}

int ClosedFlows::fd() const { return ring_buffer__epoll_fd(ring_.get()); }

void ClosedFlows::collect() { ring_buffer__consume(ring_.get()); }

bool ClosedFlows::any() const { return collected_->records->size() > 0; }

std::uint64_t ClosedFlows::lost() const { return collected_->lost; }

std::shared_ptr<Records> ClosedFlows::take() { return std::exchange(collected_->records, collected_->pool.take()); }

} // namespace tcp_stats
