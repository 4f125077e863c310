#include "base/characters.h"

#include <random>

#include "base/printable.h"
#include "live/cells.h"
#include "output/utf8.h"
#include "test.h"
#include "utf8_locale.h"

using namespace tcp_stats;

TEST_CASE("a character of UTF-8 is the shortest form of a code point") {
    const auto code = [](std::string_view text) {
        const auto character = first_character(text);
        return character ? std::pair(std::uint32_t(character->code), character->length)
                         : std::pair(0xffffffffU, std::size_t(0));
    };
    CHECK(code("ab") == std::pair(std::uint32_t('a'), std::size_t(1)));
    CHECK(code("é!") == std::pair(0xe9U, std::size_t(2)));
    CHECK(code("€") == std::pair(0x20acU, std::size_t(3)));
    CHECK(code("🐧") == std::pair(0x1f427U, std::size_t(4)));
    for (const auto *wrong : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
                              "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80", "\xff", "\xc3", "\xe2\x82",
                              "\xf0\x9f\x90", "\xc3(", "\xe2\x28\xa1"}) {
        CHECK_FALSE(first_character(wrong).has_value());
    }
}

TEST_CASE("what is no UTF-8 is what others take for it") {
    std::mt19937 dice(1); // NOLINT(cert-msc51-cpp): the same each time
    for (int round = 0; round < 200'000; ++round) {
        std::string text;
        for (unsigned i = 0; i < 1 + dice() % 4; ++i) {
            static constexpr std::string_view bytes =
                "a\x80\x90\xa0\xbf\xc0\xc2\xdf\xe0\xe2\xed\xef\xf0\xf1\xf4\xf5\xf8\xff";
            text += bytes[dice() % bytes.size()];
        }
        bool whole = true;
        std::string_view rest = text;
        while (whole && !rest.empty()) {
            const auto character = first_character(rest);
            whole = character.has_value();
            rest.remove_prefix(whole ? character->length : 0);
        }
        REQUIRE(whole == (valid_utf8(text) == text));
    }
}

TEST_CASE("a name is shown as it is where the locale has UTF-8, else in ASCII") {
    for (const std::string name : {"café", "nginx", "日本語", "a b", "🐧 x", "ñandú/übung", "e\xcc\x81t"}) {
        CHECK(shown_text(name) == printable_ascii(name));
        const Utf8Locale utf8;
        CHECK(shown_text(name) == name);
        CHECK(unescaped(shown_text(name)) == name);
    }
}

TEST_CASE("what cannot be seen is never shown, and can be had back") {
    const Utf8Locale utf8;
    for (const auto &[name, shows] : std::vector<std::pair<std::string, std::string>>{
             {"\x1b[31m\x07\r\n\t\x7f", R"(\x1b[31m\x07\x0d\x0a\x09\x7f)"},
             {"a\\x41", R"(a\x5cx41)"},
             {"\u009b2J\u0085", R"(\xc2\x9b2J\xc2\x85)"},
             {"a\u202ecod.exe\u202c", R"(a\xe2\x80\xaecod.exe\xe2\x80\xac)"},
             {"\u2066a\u2069\u200e\u061c", R"(\xe2\x81\xa6a\xe2\x81\xa9\xe2\x80\x8e\xd8\x9c)"},
             {"a\u200bb\u200dc\u2060d", R"(a\xe2\x80\x8bb\xe2\x80\x8dc\xe2\x81\xa0d)"},
             {"a\u2028b\u2029", R"(a\xe2\x80\xa8b\xe2\x80\xa9)"},
             {"\ufeffa", R"(\xef\xbb\xbfa)"},
             {"a\U000e0041", R"(a\xf3\xa0\x81\x81)"},
             {"\xff\xc3", R"(\xff\xc3)"},
             {"ééééééé\xe2", R"(ééééééé\xe2)"}, // as the kernel cuts a name after 15 bytes
             {"日本語日本\xe8\xaa", R"(日本語日本\xe8\xaa)"},
             {"\u0301a", R"(\xcc\x81a)"}}) { // a mark would go with what stands before the name
        CHECK(shown_text(name) == shows);
        CHECK(unescaped(shows) == name);
    }
}

TEST_CASE("all text that is shown can be had back, and shows nothing else") {
    std::mt19937 dice(2); // NOLINT(cert-msc51-cpp): the same each time
    const Utf8Locale utf8;
    for (int round = 0; round < 100'000; ++round) {
        std::string bytes;
        for (unsigned i = 0; i < dice() % 16; ++i) {
            bytes += dice() % 2 == 0 ? tcp_stats::utf8(static_cast<char32_t>(dice() % 0x3000))
                                     : std::string(1, static_cast<char>(dice() % 256));
        }
        const auto shown = shown_text(bytes);
        REQUIRE(unescaped(shown) == bytes);
        REQUIRE(valid_utf8(shown) == shown);
        REQUIRE(printable(shown) == shown);
    }
}

TEST_CASE("cells are those of the terminal") {
    CHECK(cells("abc") == 3);
    CHECK(cells("é") == 1); // without a locale that knows it too
    const Utf8Locale utf8;
    CHECK(cells("café") == 4);
    CHECK(cells("e\xcc\x81t\xc3\xa9") == 3); // a combining mark takes none
    CHECK(cells("日本") == 4);
    CHECK(cells("🐧") == 2);
    CHECK(cut("日本語", 4) == "日~");
    CHECK(cut("日本語", 3) == "日~");
    CHECK(fitted("日本語", 4) == "日~ ");
    CHECK(cut("e\xcc\x81te\xcc\x81", 2) == "e\xcc\x81~"); // a mark stays with its letter
    CHECK(cut_middle("ae\xcc\x81iou", 4) == "a~ou");
    CHECK(cells(cut_middle("日本語日本語", 7)) <= 7);
    CHECK(cut_middle("abcdee\xcc\x81", 3) == "a~e\xcc\x81");
}
