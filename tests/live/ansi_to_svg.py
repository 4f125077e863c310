"""What `tmux capture-pane -e` wrote, on standard input, as a picture on standard output."""
import re
import sys
from xml.sax.saxutils import escape

COLOURS = ["#2e3436", "#ef5350", "#8bc34a", "#ffca28", "#64b5f6", "#ce93d8", "#4dd0e1", "#d3d7cf"]
TEXT, BACKGROUND, FAINT = "#d3d7cf", "#161a1d", 0.6
CELL_WIDTH, CELL_HEIGHT, FONT_SIZE, MARGIN = 8, 18, 13, 10


class Style:
    def __init__(self):
        self.reset()

    def reset(self):
        self.text, self.background, self.bold, self.faint, self.reverse, self.underline = None, None, False, False, False, False

    def apply(self, codes):
        codes = iter(codes)
        for code in codes:
            if code == 0:
                self.reset()
            elif code in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "faint", 4: "underline", 7: "reverse"}[code], True)
            elif code == 22:
                self.bold = self.faint = False
            elif code in (24, 27):
                setattr(self, {24: "underline", 27: "reverse"}[code], False)
            elif code in (38, 48):  # of 256 colours, those that have a name
                next(codes)
                self.set(code == 38, COLOURS[next(codes) % 8])
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.set(True, COLOURS[code % 10])
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.set(False, COLOURS[code % 10])
            elif code in (39, 49):
                self.set(code == 39, None)

    def set(self, is_text, colour):
        if is_text:
            self.text = colour
        else:
            self.background = colour

    def colours(self):
        text, background = self.text or TEXT, self.background
        return (background or BACKGROUND, text) if self.reverse else (text, background)


def runs(line, style):
    """Pieces of text, and what they look like."""
    for codes, text in re.findall(r"\x1b\[([0-9;]*)m|([^\x1b]+)", line):
        if text:
            yield text, style
        else:
            style.apply([int(code or 0) for code in codes.split(";")])


def main():
    lines = sys.stdin.read().replace("\x0e", "").replace("\x0f", "").rstrip("\n").split("\n")
    columns = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    width, height = columns * CELL_WIDTH + 2 * MARGIN, len(lines) * CELL_HEIGHT + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
          f'font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="{FONT_SIZE}">')
    print(f'<rect width="{width}" height="{height}" rx="6" fill="{BACKGROUND}"/>')
    style = Style()
    for row, line in enumerate(lines):
        column = 0
        for text, look in runs(line, style):
            colour, background = look.colours()
            x, y, wide = MARGIN + column * CELL_WIDTH, MARGIN + row * CELL_HEIGHT, len(text) * CELL_WIDTH
            if background:
                print(f'<rect x="{x}" y="{y}" width="{wide}" height="{CELL_HEIGHT}" fill="{background}"/>')
            # Words, each at its place: the font of who looks may be of another width.
            for word in re.finditer(r"\S+(?: \S+)*", text):
                at, length = x + word.start() * CELL_WIDTH, len(word[0]) * CELL_WIDTH
                attributes = "".join([' font-weight="bold"' if look.bold else "", f' opacity="{FAINT}"' if look.faint else "",
                                      ' text-decoration="underline"' if look.underline else ""])
                print(f'<text x="{at}" y="{y + 13}" textLength="{length}" lengthAdjust="spacingAndGlyphs" '
                      f'xml:space="preserve" fill="{colour}"{attributes}>{escape(word[0])}</text>')
            column += len(text)
    print("</svg>")


main()
