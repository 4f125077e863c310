// Files with the exact text that a test expects.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include "test.h"

inline std::string golden(const std::string &name) {
    std::ifstream file(std::string(GOLDEN_DIRECTORY) + "/" + name, std::ios::binary);
    REQUIRE(file);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}
