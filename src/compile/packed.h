// How the compiler and the monitor write to each other: MessagePack, read with limits, so that no bytes can do harm.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#define MSGPACK_NO_BOOST // for the versions that want it otherwise
#include <msgpack.hpp>

namespace tcp_stats {

/// A struct is written as the array of what `members` ties together.
template <typename T>
concept HasMembers = requires(T &value) {
    members(value);
};

/// An enumeration is written as a number; one from `end_of` on is an error.
template <typename T>
concept HasEnd = std::is_enum_v<T> && requires(T value) {
    end_of(value);
};

/// Both sides, and what was kept from an earlier run, must mean the same by the same bytes.
inline constexpr std::uint32_t packed_version = 1;

/// `value` behind the version.
template <typename T> std::string pack(const T &value) {
    msgpack::sbuffer buffer;
    msgpack::packer packer(buffer);
    packer.pack_array(2);
    packer.pack(packed_version);
    packer.pack(value);
    return {buffer.data(), buffer.size()};
}

/// The value that `pack` made `bytes` of. Throws std::exception where they are something else, or another version's.
template <typename T> T unpack(std::string_view bytes) {
    constexpr std::size_t most_elements = 65'536; // room for them is made before they are read
    constexpr std::size_t most_bytes = 64U << 20U;
    constexpr std::size_t most_depth = 16;
    const msgpack::unpack_limit limits(most_elements, most_elements, most_bytes, most_bytes, 0, most_depth);
    std::size_t used = 0;
    const auto handle = msgpack::unpack(bytes.data(), bytes.size(), used, nullptr, nullptr, limits);
    const auto &root = handle.get();
    if (used != bytes.size() || root.type != msgpack::type::ARRAY || root.via.array.size != 2 ||
        root.via.array.ptr[0].as<std::uint32_t>() != packed_version) {
        throw msgpack::type_error();
    }
    T value;
    root.via.array.ptr[1].convert(value);
    return value;
}

} // namespace tcp_stats

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS) {
    namespace adaptor {

    template <tcp_stats::HasMembers T> struct pack<T> {
        template <typename Stream> packer<Stream> &operator()(packer<Stream> &out, const T &value) const {
            std::apply(
                [&](auto &...member) {
                    out.pack_array(sizeof...(member));
                    (out.pack(member), ...);
                },
                members(const_cast<T &>(value))); // NOLINT(cppcoreguidelines-pro-type-const-cast): it only reads
            return out;
        }
    };

    template <tcp_stats::HasMembers T> struct convert<T> {
        const msgpack::object &operator()(const msgpack::object &in, T &value) const {
            std::apply(
                [&](auto &...member) {
                    if (in.type != msgpack::type::ARRAY || in.via.array.size != sizeof...(member)) {
                        throw msgpack::type_error();
                    }
                    const auto *next = in.via.array.ptr;
                    (next++->convert(member), ...);
                },
                members(value));
            return in;
        }
    };

    template <tcp_stats::HasEnd T> struct pack<T> {
        template <typename Stream> packer<Stream> &operator()(packer<Stream> &out, T value) const {
            return out.pack(static_cast<std::uint32_t>(value));
        }
    };

    template <tcp_stats::HasEnd T> struct convert<T> {
        const msgpack::object &operator()(const msgpack::object &in, T &value) const {
            const auto number = in.as<std::uint32_t>();
            if (number >= static_cast<std::uint32_t>(end_of(T()))) {
                throw msgpack::type_error();
            }
            value = static_cast<T>(number);
            return in;
        }
    };

    } // namespace adaptor
}
} // namespace msgpack
