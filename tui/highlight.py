"""Python source as styled, inert lines.

Pygments splits it into tokens and is imported when first needed, off the main thread. Nothing is run or compiled, and
source that does not parse is shown as it is.
"""

from __future__ import annotations

from tui.text import GLYPHS, Cell, inert
from tui.widgets.pane import RichLine

LONGEST = 100_000  # characters highlighted; beyond that text is shown plain


def plain(text: str, style: str = "") -> list[RichLine]:
    """The lines of a text in one style."""
    return [[Cell(inert(line.removesuffix("\r")), style)] for line in text.split("\n")]


def python(code: str) -> list[RichLine]:
    """The lines of a program: keywords blue, strings yellow, numbers and names of functions cyan, comments dim."""
    if len(code) > LONGEST:
        return plain(code)
    from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]
    from pygments.token import Token  # type: ignore[import-untyped]

    styles = (
        (Token.Comment, "dim italic"),
        (Token.Literal.String, "yellow"),
        (Token.Keyword, "bold bright_blue"),
        (Token.Operator.Word, "bold bright_blue"),
        (Token.Literal.Number, "cyan"),
        (Token.Name.Function, "bold cyan"),
        (Token.Name.Class, "bold cyan"),
        (Token.Name.Builtin, "cyan"),
        (Token.Name.Exception, "cyan"),
    )
    done: list[RichLine] = []
    line: list[Cell] = []
    for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(code.expandtabs(4)):
        style = next((style for token, style in styles if kind in token), "")
        first, *rest = value.split("\n")
        line.append(Cell(inert(first), style))
        for part in rest:
            done.append(line)
            line = [Cell(inert(part), style)]
    return [*done, line]


def numbered(lines: list[RichLine]) -> list[RichLine]:
    """Lines with their numbers before them."""
    width = len(str(len(lines)))
    return [[Cell(f"{number:>{width}} {GLYPHS.pipe} ", "dim"), *line] for number, line in enumerate(lines, 1)]
