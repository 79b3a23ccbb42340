"""A one-line plot made of text glyphs.

A string, not a widget: it costs a table nothing to carry one per row, and redraws only when its text changes. No axes,
no colours; values are reduced to buckets by their mean before drawing, so a long series costs no more than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from tui.text import GLYPHS, Glyphs


def buckets(values: Sequence[float], width: int) -> list[float]:
    """At most `width` means of consecutive runs of the finite values, in order."""
    finite = [value for value in values if isfinite(value)]
    if len(finite) <= width:
        return finite
    edges = [index * len(finite) // width for index in range(width + 1)]
    return [sum(finite[a:b]) / (b - a) for a, b in zip(edges, edges[1:], strict=False)]


def sparkline(values: Sequence[float], width: int, glyphs: Glyphs | None = None) -> str:
    """The series in at most `width` glyphs, lowest to highest value; a flat series is drawn at mid height."""
    if width <= 0:
        return ""
    levels = (glyphs or GLYPHS).spark
    points = buckets(values, width)
    if not points:
        return ""
    low, high = min(points), max(points)
    if high <= low:
        return levels[len(levels) // 2] * len(points)
    top = len(levels) - 1
    return "".join(levels[round((point - low) / (high - low) * top)] for point in points)
