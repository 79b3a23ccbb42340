"""What of a line is repainted: the columns that differ, and with them every one of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.widgets.line import span

STYLES = [Style.null(), Style.parse("bold"), Style.parse("reverse")]
texts = st.lists(st.sampled_from(["a", "b", " ", "漢", "字"]), max_size=6).map("".join)
strips = st.lists(st.tuples(texts, st.sampled_from(STYLES)), max_size=5).map(
    lambda parts: Strip([Segment(text, style) for text, style in parts])
)


def strip(text: str, style: str = "") -> Strip:
    return Strip([Segment(text, Style.parse(style))])


def test_equal_lines_repaint_nothing_and_one_digit_repaints_one_column() -> None:
    assert span(strip("tests  12/100"), strip("tests  12/100")) is None
    assert span(strip("tests  12/100"), strip("tests  13/100")) == range(8, 9)
    assert span(Strip([]), Strip([])) is None
    assert span(strip("a"), strip("a   ")) is None


def test_a_style_alone_is_a_difference_and_wide_characters_are_taken_whole() -> None:
    assert span(strip("ab"), strip("ab", "bold")) == range(0, 2)
    assert span(strip("a漢c"), strip("a字c")) == range(1, 3)
    assert span(strip("a漢c"), strip("axyc")) == range(1, 3)


@given(strips, strips)
def test_putting_the_columns_that_differ_over_the_old_line_gives_the_new_one(old: Strip, new: Strip) -> None:
    width = max(old.cell_length, new.cell_length)
    before, after = (one.adjust_cell_length(width, Style.null()) for one in (old, new))
    changed = span(old, new)
    if changed is None:
        assert before.simplify().text == after.simplify().text
        return
    put = [before.crop(0, changed.start), after.crop(changed.start, changed.stop), before.crop(changed.stop, width)]
    assert Strip.join(put).cell_length == width
    assert span(Strip.join(put), after) is None
