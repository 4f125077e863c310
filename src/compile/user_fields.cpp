#include "compile/user_fields.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "record/fields.h"

namespace tcp_stats {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Copies an expression, and puts reads in: a chain of postfix operators at a time.
class Reads {
public:
    explicit Reads(std::string_view text) : text_(text) {}

    /// Up to the closing `end`, or to the end of the text.
    std::string expression(char end) {
        std::string result;
        while (at_ < text_.size() && text_[at_] != end) {
            result += is_word(text_[at_]) || text_[at_] == '(' ? chain() : std::string(1, text_[at_++]);
        }
        return result;
    }

private:
    void skip_space() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
            ++at_;
        }
    }

    std::string word() {
        skip_space();
        std::string result;
        while (at_ < text_.size() && is_word(text_[at_])) {
            result += text_[at_++];
        }
        return result;
    }

    /// What stands between `open`, where the text is now, and its counterpart, with both.
    std::string enclosed(char open, char close) {
        ++at_;
        auto inside = expression(close);
        at_ += at_ < text_.size() ? 1 : 0;
        return open + inside + close;
    }

    std::string chain() {
        const auto begin = at_;
        auto value = is_word(text_[at_]) ? word() : enclosed('(', ')');
        std::string member; // of the kernel's memory behind `value`; empty: `value` is at hand
        const auto seen_arrow = [&](std::size_t until) {
            return text_.substr(begin, until - begin).find("->") != std::string_view::npos;
        };
        const auto read = [&] {
            if (!member.empty()) {
                value = fmt::format("FIELD_READ({}, {})", value, member);
                member.clear();
            }
        };
        for (;;) {
            const auto before = at_;
            skip_space();
            const auto rest = text_.substr(at_);
            auto &grows = member.empty() ? value : member;
            if (rest.starts_with("->")) {
                const bool loaded = seen_arrow(at_);
                at_ += 2;
                read();
                if (loaded) {
                    member = word();
                } else {
                    value += "->" + word();
                }
            } else if (rest.starts_with(".")) {
                ++at_;
                grows += "." + word();
            } else if (rest.starts_with("[")) {
                grows += enclosed('[', ']');
            } else if (rest.starts_with("(") && is_word(value.back())) {
                value += enclosed('(', ')');
            } else {
                at_ = before;
                read();
                return value;
            }
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace

std::string with_reads(const std::string &expression) { return Reads(expression).expression('\0'); }

std::string user_fields_header(const std::vector<UserField> &fields) {
    std::string text = "extern struct sock *sk;\nextern struct tcp_sock *tp;\n";
    std::string list = "#define USER_FIELDS(FIELD)";
    for (const auto &[name, unit, expression] : fields) {
        // What `+ 0` accepts is a number or a pointer; of a bit-field it makes a number.
        const auto checked = fmt::format("((\n#line 1 \"--field {}\"\n{}\n) + 0)", name, expression);
        text += fmt::format("typedef __typeof__{} field_{}_t;\n", checked, name);
        text += fmt::format("#line 1 \"--field {}\"\n_Static_assert(_Generic((field_{}_t)0, float: 0, double: 0, "
                            "long double: 0, default: 1), \"\");\n",
                            name, name);
        text += fmt::format("enum {{ field_{}_is_signed = _Generic((({}) + 0), int: 1, long: 1, long long: 1, "
                            "default: 0) }};\n",
                            name, expression);
        list += fmt::format(" FIELD({}, ({}))", name, with_reads(expression));
    }
    return text + list +
           "\n#define FIELD_READ(pointer, member) ({ __typeof__((pointer)->member) read; "
           "bpf_probe_read_kernel(&read, sizeof(read), &(pointer)->member); read; })\n";
}

bool is_taken_name(const std::string &name) {
    static const std::set<std::string> words = {
        "id",       "sock",     "time", "monotonic_ns", "addr",     "pad",    "RTT",    "CWND",     "MSS",
        "srtt_raw", "srtt_ms",  "auto", "break",        "case",     "char",   "const",  "continue", "default",
        "do",       "double",   "else", "enum",         "extern",   "float",  "for",    "goto",     "if",
        "inline",   "int",      "long", "register",     "restrict", "return", "short",  "signed",   "sizeof",
        "and",      "or",       "not",  "in",           "under",    "static", "struct", "switch",   "typedef",
        "union",    "unsigned", "void", "volatile",     "while"};
    const auto &known = known_fields();
    return words.count(name) != 0 || name.starts_with("pad") || name.starts_with("_") || name.starts_with("signed_") ||
           std::any_of(known.begin(), known.end(),
                       [&](const Field &field) { return field.name == name || shown_name(field) == name; });
}

} // namespace tcp_stats
