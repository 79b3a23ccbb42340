"""The plot: every curve can be told without colour, extremes are where they belong, ASCII stays ASCII, bytes stay few."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.plot import AXIS, Drawn, draw, frame_of


def text(curves: list[Drawn], width: int = 80, height: int = 14, **options: object) -> list[str]:
    return ["".join(cell.text for cell in line) for line in draw(curves, width, height, **options)]  # type: ignore[arg-type]


def sine(mark: str, shift: float = 0.0, n: int = 140) -> Drawn:
    return Drawn(mark, f"job {mark}", range(n), [math.sin(i / 9 + shift) for i in range(n)])


@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_curve_shows_its_digit_and_its_name(ascii_only: bool) -> None:
    lines = text([sine(str(n), n * 0.7) for n in range(1, 7)], ascii_only=ascii_only)
    body = "".join(line[AXIS + 1 :] for line in lines[1:-1])
    for n in range(1, 7):
        assert f" {n}  job {n}" in lines[0]
        assert body.count(str(n)) >= 3
    assert all(line.isascii() for line in lines) == ascii_only


def test_a_single_curve_needs_no_digit_and_its_ends_are_named() -> None:
    lines = text([Drawn("1", "job 7", [1, 50, 100], [2.0, 8.0, 4.0])], unit="iterations", ascii_only=False)
    assert lines[1].startswith("       8 ┤")
    assert lines[-2].startswith("       2 ┤")
    assert lines[-1].strip().startswith("1 ")
    assert lines[-1].endswith("100 iterations")
    assert len(lines) == 14
    assert all(len(line) <= 80 for line in lines)
    assert not any("1" in line[AXIS + 1 :] for line in lines[2:-1])


def test_a_logarithmic_axis_leaves_out_what_has_no_logarithm() -> None:
    curve = Drawn("1", "a", [0, 1, 2, 3], [0.0, 1.0, 100.0, 10_000.0])
    lines = text([curve], height=15, log=True, ascii_only=False)
    assert lines[1].lstrip().startswith("1e+04")
    assert any(line.lstrip().startswith("100 ") for line in lines)
    assert text([Drawn("1", "a", [0, 1], [0.0, -1.0])], log=True) == ["no points"]


def test_nothing_flat_and_not_a_number_are_drawn_too() -> None:
    assert text([]) == ["no points"]
    assert text([Drawn("1", "a", [0, 1], [float("nan"), float("inf")])]) == ["no points"]
    flat = text([Drawn("1", "a", [0, 1, 2], [3.0, 3.0, 3.0])], height=15, ascii_only=False)
    assert flat[7].startswith("       3 ┤⠒⠒") or flat[7].startswith("       3 ┤⠤⠤")
    assert len(text([Drawn("1", "a", [5], [3.0])], ascii_only=False)) == 14
    assert draw([sine("1")], 80, 3) == [[("no points", "dim")]]


@given(
    st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=60),
    st.integers(20, 200),
    st.integers(4, 60),
    st.booleans(),
)
def test_it_always_fits(ys: list[float], width: int, height: int, ascii_only: bool) -> None:
    curves = [Drawn("1", "one", range(len(ys)), ys), Drawn("2", "two", range(len(ys)), [-y for y in ys])]
    lines = text(curves, width, height, ascii_only=ascii_only)
    assert len(lines) == height
    frame = frame_of(curves)
    assert frame is not None
    assert all(len(line) <= max(width, AXIS + 30) for line in lines[2:])


def test_a_plot_of_eighty_columns_is_few_bytes() -> None:
    lines = draw([sine(str(n), n) for n in range(1, 7)], 80, 14, ascii_only=False)
    cells = [cell for line in lines for cell in line]
    assert sum(len(cell.text.encode()) for cell in cells) < 4_000
    assert len(cells) < 900  # each change of style costs an escape sequence
