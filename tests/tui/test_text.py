"""Model text can do no harm, and states are told without colour."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.text import ASCII, STATES, UTF8, choose_glyphs, duration, first_line, fit, inert, lines, state
from tui.widgets.sparkline import buckets, sparkline


@pytest.mark.parametrize(
    "attack",
    [
        "\x1b]52;c;aGVsbG8=\x07",  # OSC 52: write the clipboard
        "\x1b[2J\x1b[H",  # clear the screen
        "\x1b]0;owned\x07",  # set the title
        "\x9b2J\x9d0;owned\x9c",  # the same in C1 controls
        "access\u202ednuofnu\u202c",  # bidirectional override
        "\u2066isolate\u2069\u200e\u200f\u061c",
        "zero\u200bwidth\ufeff\u2028line\x85next",
        "\r over\x08write\x7f\x00",
        "\ud800 lone surrogate",
    ],
)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_what_a_terminal_could_act_on_is_shown(attack: str, ascii_only: bool) -> None:
    shown = inert(attack, ascii_only=ascii_only)
    assert shown.isprintable()
    assert len(shown) >= len(attack)
    shown.encode("ascii" if ascii_only else "utf-8")


@given(st.text())
def test_inert_text_is_printable_and_stable(text: str) -> None:
    shown = inert(text, ascii_only=False)
    assert shown.isprintable()
    assert inert(shown, ascii_only=False) == shown
    assert inert(text, ascii_only=True).isascii()
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)


def test_tabs_become_columns_and_markup_stays_text() -> None:
    assert inert("\tx\ty", ascii_only=False) == "    x   y"
    assert inert("[bold red]x[/]", ascii_only=False) == "[bold red]x[/]"
    assert lines("a\r\nb\x0cc\nd", ascii_only=True) == ["a", "b^Lc", "d"]
    assert first_line("\n  \n  def f(x):\n") == "def f(x):"


@given(st.text(), st.integers(0, 40), st.booleans())
def test_fit_is_exactly_as_wide_as_asked(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(inert(text, ascii_only=False), width, right=right)) == width


def test_every_state_differs_by_glyph_or_word_alone() -> None:
    for glyphs in (UTF8, ASCII):
        told = [state(word, glyphs=glyphs).text for word in STATES]
        assert len(set(told)) == len(told)
        assert all(word in text for word, text in zip(STATES, told, strict=True))
    assert all(state(word, glyphs=ASCII).text.isascii() for word in STATES)
    assert not any("red" in style or "green" in style for _, _, style in STATES.values())


@pytest.mark.parametrize(
    ("environment", "glyphs"),
    [
        ({"LANG": "en_US.UTF-8"}, UTF8),
        ({"LANG": "en_US.ISO-8859-1"}, ASCII),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, ASCII),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, ASCII),
        ({"LC_CTYPE": "C.UTF-8"}, UTF8),
        ({"LANG": "en_US.UTF-8", "O1CODER_ASCII": "1"}, ASCII),
        ({}, UTF8),
    ],
)
def test_glyphs_follow_the_locale(environment: dict[str, str], glyphs: object) -> None:
    assert choose_glyphs(environment) is glyphs


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (8.9, "8s"), (200, "3m20s"), (7500, "2h05m"), (273600, "3d04h"), (-1, "0s")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_sparklines() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8, UTF8) == "▁▂▃▄▅▆▇█"
    assert sparkline([8, 1], 8, ASCII) == "#_"
    assert sparkline([], 8) == ""
    assert sparkline([3.0] * 3, 8, UTF8) == "▅▅▅"
    assert sparkline([1.0, float("nan"), 2.0], 8, UTF8) == "▁█"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.integers(1, 30))
def test_buckets_keep_the_range(values: list[float], width: int) -> None:
    reduced = buckets(values, width)
    assert 1 <= len(reduced) <= width
    assert min(values) - 1e-6 <= min(reduced)
    assert max(reduced) <= max(values) + 1e-6


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 5, "abc  "),
        ("abcde", 5, "abcde"),
        ("abcdef", 5, "abcd…"),
        ("日本語", 4, "日 …"),
        ("ab", 1, "…"),
        ("ab", 0, ""),
    ],
)
def test_a_line_that_is_cut_says_so(text: str, width: int, shown: str) -> None:
    from rich.segment import Segment
    from rich.style import Style
    from textual.strip import Strip

    from tui.widgets.line import clipped

    cut = clipped(Strip([Segment(text)]), width, Style.null())
    assert cut.text.replace("~", "…") == shown
    assert cut.cell_length == width
