"""Text that may come from a model, made harmless, and the glyphs by which a state is told.

Every string of the lab passes through `inert` before it reaches the terminal: control bytes, bidirectional controls,
zero-width and private characters are *shown*, never sent; tabs become spaces; nothing is read as markup. A state is
always glyph + word + colour, in blue and yellow (which terminals draw between yellow and orange) so that no meaning
hangs on red against green, nor on colour at all. It does not wrap or lay out text.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

TAB = 4


class Cell(NamedTuple):
    """A piece of one line: inert text and a Rich style."""

    text: str
    style: str = ""


class Glyphs(NamedTuple):
    """The few characters the screens draw with; one set for UTF-8 terminals, one for all others."""

    ascii: bool
    ellipsis: str
    open: str
    closed: str
    mark: str
    bar_full: str
    bar_empty: str
    rule: str
    pipe: str
    dot: str
    arrow: str
    spark: str


UTF8 = Glyphs(False, "…", "▾", "▸", "●", "█", "░", "─", "│", "·", "→", "▁▂▃▄▅▆▇█")
ASCII = Glyphs(True, "~", "v", ">", "*", "#", ".", "-", "|", "-", "->", "_.:-=+*#")

#: word → (glyph, ASCII glyph, style)
STATES: dict[str, tuple[str, str, str]] = {
    # jobs
    "queued": ("○", "o", "dim"),
    "running": ("▶", ">", "bold bright_blue"),
    "done": ("✓", "+", "blue"),
    "failed": ("✗", "!", "bold yellow"),
    "cancelled": ("⊘", "-", "dim"),
    "cancelling": ("⊘", "-", "yellow"),
    "lost": ("?", "?", "bold yellow"),
    # labels
    "valid": ("✓", "+", "bright_blue"),
    "invalid": ("✗", "x", "bold yellow"),
    "unsure": ("≈", "~", "dim"),
    # verdicts
    "AC": ("✓", "+", "bright_blue"),
    "WA": ("✗", "x", "yellow"),
    "PE": ("✗", "x", "yellow"),
    "CE": ("!", "!", "yellow"),
    "RE": ("!", "!", "yellow"),
    "TLE": ("◷", "t", "yellow"),
    "ILE": ("◷", "t", "yellow"),
    "MLE": ("▲", "m", "yellow"),
    "OLE": ("▲", "o", "yellow"),
    "SV": ("⊘", "s", "bold yellow"),
    "IE": ("?", "?", "dim"),
    "SK": ("·", "-", "dim"),
    # decisions
    "accepted": ("✓", "+", "bright_blue"),
    "rejected": ("✗", "x", "yellow"),
    "undecided": ("≈", "~", "dim"),
}


def choose_glyphs(environment: Mapping[str, str]) -> Glyphs:
    """The glyph set for an environment: ASCII where O1CODER_ASCII is set or the locale names another encoding.

    Python turns a C locale into C.UTF-8 by setting LC_CTYPE, so a plain `LANG=C` is believed over that LC_CTYPE.
    """
    if environment.get("O1CODER_ASCII"):
        return ASCII
    explicit = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or ""
    if explicit == "C.UTF-8" and environment.get("LANG") in ("C", "POSIX"):
        return ASCII
    if not explicit or "utf-8" in explicit.lower() or "utf8" in explicit.lower():
        return UTF8
    return ASCII


GLYPHS = choose_glyphs(os.environ)


def _shown(character: str, ascii_only: bool) -> str:
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        if ascii_only:
            return "^" + chr(code ^ 0x40)
        return "␡" if code == 0x7F else chr(0x2400 + code)
    if ascii_only and character.isprintable():
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    if unicodedata.category(character) == "Zs":
        return " "
    return f"<U+{code:04X}>"


def inert(text: str, *, ascii_only: bool | None = None) -> str:
    """One line of text that no terminal can act on; tabs expand to columns of 4, newlines are shown as well.

    Split multi-line text with `lines` first. `ascii_only` (default: the chosen glyph set) escapes what is not ASCII.
    """
    only = GLYPHS.ascii if ascii_only is None else ascii_only
    if text.isprintable() and (not only or text.isascii()):
        return text
    out: list[str] = []
    column = 0
    for character in text:
        if character == "\t":
            piece = " " * (TAB - column % TAB)
        elif character.isprintable() and (not only or character.isascii()):
            piece = character
        else:
            piece = _shown(character, only)
        out.append(piece)
        column += len(piece) if piece.isascii() else cell_len(piece)
    return "".join(out)


def lines(text: str, *, ascii_only: bool | None = None) -> list[str]:
    """The inert lines of a text; only \\n and \\r\\n end a line, every other break is shown."""
    return [inert(line.removesuffix("\r"), ascii_only=ascii_only) for line in text.split("\n")]


def first_line(text: str) -> str:
    """The first line that is not blank, inert; for a table cell."""
    for line in text.split("\n"):
        if line.strip():
            return inert(line.strip())
    return ""


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Inert text cut (with an ellipsis) or padded to exactly `width` terminal cells."""
    if width <= 0:
        return ""
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + GLYPHS.ellipsis
    space = " " * (width - size)
    return space + text if right else text + space


def state(word: str, *, glyphs: Glyphs | None = None) -> Cell:
    """Glyph + word + colour of a state, a label or a verdict; an unknown word is shown plainly."""
    if not word:
        return Cell("")
    utf8, plain, style = STATES.get(word, (" ", " ", ""))
    chosen = glyphs or GLYPHS
    return Cell(f"{plain if chosen.ascii else utf8} {inert(word)}", style)


def number(value: float | None, digits: int = 2) -> str:
    """A figure for a table: fixed digits, nothing where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def duration(seconds: float | None) -> str:
    """Seconds as people read them: 8s, 3m20s, 2h05m, 3d04h; nothing where there is none."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def bar(done: float, total: float, width: int) -> str:
    """A progress bar of `width` cells; empty where the total is not known."""
    if total <= 0 or width <= 0:
        return " " * max(0, width)
    full = round(max(0.0, min(1.0, done / total)) * width)
    return GLYPHS.bar_full * full + GLYPHS.bar_empty * (width - full)
