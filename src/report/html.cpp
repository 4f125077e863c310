#include "report/html.h"

#include "base/printable.h"

namespace tcp_stats {

std::string html_escaped(std::string_view text) {
    std::string escaped;
    for (const char character : printable(text)) {
        switch (character) {
        case '&':
            escaped += "&amp;";
            break;
        case '<':
            escaped += "&lt;";
            break;
        case '>':
            escaped += "&gt;";
            break;
        case '"':
            escaped += "&quot;";
            break;
        case '\'':
            escaped += "&#39;";
            break;
        default:
            escaped += character;
        }
    }
    return escaped;
}

Html &Html::element(std::string_view name, std::string_view text) {
    const auto tag = name.substr(0, name.find(' '));
    markup("<").markup(name).markup(">").text(text);
    return markup("</").markup(tag).markup(">");
}

} // namespace tcp_stats
