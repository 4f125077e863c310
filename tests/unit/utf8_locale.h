// A locale for a while.
#pragma once

#include <clocale>
#include <locale.h>
#include <stdexcept>

/// C.UTF-8, which every Debian has, for this thread while it lives.
class Utf8Locale {
public:
    Utf8Locale() : made_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(uselocale(made_)) {
        if (made_ == nullptr) {
            throw std::runtime_error("there is no locale C.UTF-8");
        }
    }
    ~Utf8Locale() {
        uselocale(before_);
        freelocale(made_);
    }
    Utf8Locale(const Utf8Locale &) = delete;
    Utf8Locale &operator=(const Utf8Locale &) = delete;

private:
    locale_t made_, before_;
};
