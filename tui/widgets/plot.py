"""Up to six curves in one frame of characters: braille dots, or each curve's own digit where the terminal is ASCII.

A curve is told by its digit, which stands on it here and there, by its name in the legend, and by colour last. The widget
draws what it is given: thinning is the caller's (o1coder/queries/curves.py). Lines that have not changed are not repainted.
No zoom, no cursor: the figures beside it are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, log10
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.text import GLYPHS, Cell, fit

AXIS = 9  # cells left of the drawing
STYLES = ("bright_blue", "yellow", "cyan", "magenta", "white", "bright_black")
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column within a braille cell
DIGITS = 4  # how often a curve's digit stands on it


class Drawn(NamedTuple):
    """One curve: its digit (or letter), the words of the legend (inert), and points in x order."""

    mark: str
    name: str
    xs: Sequence[float]
    ys: Sequence[float]


class Frame(NamedTuple):
    """The ranges that are drawn; y is log10 of the values where `log`."""

    left: float
    right: float
    bottom: float
    top: float
    log: bool


def frame_of(curves: Sequence[Drawn], log: bool = False) -> Frame | None:
    """The ranges that hold every finite point; None where there is none. With `log`, values above 0 only."""
    points = [p for curve in curves for p in _points(curve, log)]
    if not points:
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, right, bottom, top = min(xs), max(xs), min(ys), max(ys)
    if top - bottom <= 1e-12 * max(abs(top), abs(bottom), 1e-12):
        pad = abs(top) * 0.05 or 0.5
        bottom, top = bottom - pad, top + pad
    return Frame(left, right, bottom, top, log)


def _points(curve: Drawn, log: bool) -> list[tuple[float, float]]:
    pairs = zip(curve.xs, curve.ys, strict=True)
    if log:
        return [(x, log10(y)) for x, y in pairs if isfinite(y) and y > 0]
    return [(x, y) for x, y in pairs if isfinite(y)]


def draw(
    curves: Sequence[Drawn],
    width: int,
    height: int,
    *,
    log: bool = False,
    unit: str = "",
    ascii_only: bool | None = None,
) -> list[list[Cell]]:
    """The lines of the plot: legend, the drawing with its y axis, the x axis. `height` lines, fewer than 4 draw nothing."""
    only = GLYPHS.ascii if ascii_only is None else ascii_only
    frame = frame_of(curves, log)
    wide = width - AXIS - 1
    if frame is None or wide < 8 or height < 4:
        return [[Cell("no points", "dim")]] if height else []
    legend = _legend(curves, width, max(1, height // 4))
    tall = height - len(legend) - 1
    grid: Grid = [[(" ", -1)] * wide for _ in range(tall)]
    tops = [(_letters if only else _braille)(grid, frame, curve, number) for number, curve in enumerate(curves)]
    if len(curves) > 1 and not only:
        _name(grid, tops, curves)
    ticks = {0: frame.top, tall - 1: frame.bottom} | (
        {tall // 2: _middle(frame, tall, 1 if only else 4)} if tall >= 5 else {}
    )
    rule, pipe = ("+", "|") if only else ("┤", "│")
    lines = [
        [Cell(fit(_value(ticks[row], frame.log) if row in ticks else "", AXIS - 1, right=True) + " ", "dim")]
        + [Cell(rule if row in ticks else pipe, "dim")]
        + _runs(grid[row])
        for row in range(tall)
    ]
    start, end = f"{frame.left:.6g}", f"{frame.right:.6g}{' ' + unit if unit else ''}"
    axis = start + " " * max(1, wide - len(start) - len(end)) + end
    return [*legend, *lines, [Cell(" " * (AXIS + 1) + axis, "dim")]]


def _middle(frame: Frame, tall: int, dots: int) -> float:
    """What the middle of the middle line stands for; a line is `dots` high."""
    place = (dots * (tall // 2) + (dots - 1) / 2) / (dots * tall - 1)
    return frame.top - (frame.top - frame.bottom) * place


def _value(value: float, log: bool) -> str:
    number = 10**value if log else value
    return f"{number:.3g}"


def _legend(curves: Sequence[Drawn], width: int, most: int) -> list[list[Cell]]:
    lines: list[list[Cell]] = [[]]
    used = 0
    for number, curve in enumerate(curves):
        cells = [Cell(f" {curve.mark} ", f"bold reverse {STYLES[number % len(STYLES)]}"), Cell(f" {curve.name}  ")]
        size = sum(len(cell.text) for cell in cells)
        if used and used + size > width and len(lines) < most:
            lines.append([])
            used = 0
        lines[-1] += cells
        used += size
    return lines


def _spots(frame: Frame, curve: Drawn, columns: int, rows: int) -> list[tuple[int, int]]:
    """A curve's points as (column, row) of a raster, row 0 on top."""
    wide, tall = frame.right - frame.left or 1.0, frame.top - frame.bottom
    return [
        (round((x - frame.left) / wide * (columns - 1)), round((frame.top - y) / tall * (rows - 1)))
        for x, y in _points(curve, frame.log)
    ]


def _line(spots: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Every raster point on the way from spot to spot."""
    out = list(spots[:1])
    for (x0, y0), (x1, y1) in zip(spots, spots[1:], strict=False):
        steps = max(abs(x1 - x0), abs(y1 - y0))
        out += [(x0 + round((x1 - x0) * n / steps), y0 + round((y1 - y0) * n / steps)) for n in range(1, steps + 1)]
    return out


Grid = list[list[tuple[str, int]]]  # a character, and the number of the curve it is of; -1: none


def _braille(grid: Grid, frame: Frame, curve: Drawn, number: int) -> dict[int, int]:
    """Draw a curve in dots; its highest line by column."""
    rows, columns = len(grid), len(grid[0])
    highest: dict[int, int] = {}
    for x, y in _line(_spots(frame, curve, columns * 2, rows * 4)):
        row, column = y // 4, x // 2
        before = grid[row][column][0]
        bits = 0 if before == " " else ord(before) - 0x2800
        grid[row][column] = (chr(0x2800 + (bits | DOTS[y % 4][x % 2])), number)
        highest[column] = min(row, highest.get(column, row))
    return highest


def _letters(grid: Grid, frame: Frame, curve: Drawn, number: int) -> dict[int, int]:
    """Draw a curve in its own digit."""
    for x, y in _line(_spots(frame, curve, len(grid[0]), len(grid))):
        grid[y][x] = (curve.mark, number)
    return {}


def _name(grid: Grid, tops: Sequence[dict[int, int]], curves: Sequence[Drawn]) -> None:
    """Put every curve's digit on it, a few times, side by side with the others' and never over one."""
    taken: set[tuple[int, int]] = set()
    for nth in range(DIGITS):
        for number, (highest, curve) in enumerate(zip(tops, curves, strict=True)):
            wanted = round((nth + (number + 0.5) / len(curves)) * len(grid[0]) / DIGITS)
            free = [column for column in highest if (highest[column], column) not in taken]
            if free:
                column = min(free, key=lambda one: abs(one - wanted))
                taken.add((highest[column], column))
                grid[highest[column]][column] = (curve.mark, number)


def _runs(row: Sequence[tuple[str, int]]) -> list[Cell]:
    """A line of the grid as few cells: one per run of the same curve."""
    out: list[Cell] = []
    for text, number in row:
        style = "" if number < 0 else ("bold " if text.isdigit() else "") + STYLES[number % len(STYLES)]
        if out and out[-1].style == style:
            out[-1] = Cell(out[-1].text + text, style)
        else:
            out.append(Cell(text, style))
    return out


class Plot(Widget):
    """The widget; `show` gives it curves."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Plot { height: 1fr; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._curves: tuple[Drawn, ...] = ()
        self._log = False
        self._unit = ""
        self._lines: list[list[Cell]] = []

    def show(self, curves: Sequence[Drawn], *, log: bool = False, unit: str = "") -> None:
        """Draw these curves; what is the same stays as it is on the screen."""
        self._curves, self._log, self._unit = tuple(curves), log, unit
        before = self._lines
        self._draw()
        for y in range(self.size.height):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh(Region(0, y, self.size.width, 1))

    def text(self) -> str:
        """What is drawn, as plain lines."""
        return "\n".join("".join(cell.text for cell in line).rstrip() for line in self._lines)

    def _draw(self) -> None:
        self._lines = draw(self._curves, self.size.width, self.size.height, log=self._log, unit=self._unit)

    def on_resize(self) -> None:
        self._draw()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        cells = self._lines[y] if y < len(self._lines) else []
        strip = Strip([Segment(cell.text, Style.parse(cell.style)) for cell in cells])
        return strip.crop(0, width).adjust_cell_length(width, Style.null())
