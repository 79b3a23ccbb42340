"""Which lines a tab of the datasets screen's pane holds: of a dataset (asked in a thread), a preview, a wish, a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.screens import datasets_lines
from tui.text import GLYPHS, Cell, inert
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.errors import LabError
    from o1coder.lab import Lab
    from o1coder.previewing import Preview
    from o1coder.queries.datasetdiff import Diff
    from o1coder.queries.datasets import DatasetRow, Sampled

NO_ROWS: list[RichLine] = [[Cell("no rows", "dim")]]


def of_dataset(
    lab: Lab, row: DatasetRow, tab: str, ordinal: int, counted: dict[int, list[RichLine]]
) -> tuple[list[RichLine], Sampled | None]:
    """In a thread: a tab of a dataset, and the row that it shows. `counted` keeps counts, since rows never change."""
    from o1coder.queries import datasets

    if tab == "rows":
        found = datasets.rows(lab, row.id, first=ordinal, count=1)
        return (datasets_lines.row_lines(found[0], row.rows), found[0]) if found else (NO_ROWS, None)
    if tab == "card":
        return datasets_lines.card_of(row), None
    if tab == "counts":
        if row.id not in counted:
            with lab.reading() as connection:
                by = datasets.counts(connection, row.id)
            counted[row.id] = datasets_lines.count_lines(row.rows, by, datasets.words(lab, row))
        return counted[row.id], None
    with lab.reading() as connection:
        stale = datasets.stale_labels(connection, row.id)
    return datasets_lines.about_frozen(row, stale), None


def of_preview(found: Preview, tab: str, ordinal: int) -> tuple[list[RichLine], Sampled | None]:
    """A tab of a preview, and the row that it shows."""
    if tab == "counts":
        return datasets_lines.count_lines(found.rows, found.by, found.words), None
    if tab == "card":
        return datasets_lines.card_lines(found.card), None
    if tab != "rows":
        return datasets_lines.about_preview(found), None
    if not found.first:
        return NO_ROWS, None
    one = found.first[min(ordinal, len(found.first) - 1)]
    return datasets_lines.row_lines(one, found.rows), one


def of_wish(line: str, error: LabError | None, running: bool) -> list[RichLine]:
    """A wish without a preview: what to do, that it is being asked, or what was wrong with it."""
    lines = datasets_lines.about_wish(line)
    if running:
        lines.append([Cell(f"it is being asked{GLYPHS.ellipsis} esc stops", "bold")])
    elif error is not None:
        lines += [[], [Cell(inert(error.message), "bold yellow")], [Cell(inert(error.hint or ""))]]
    return lines


def of_diff(found: Diff | None) -> list[RichLine]:
    """The comparison that was asked for last."""
    if found is None:
        return [[Cell("d compares two marked datasets, or this one with the one of its kind before it", "dim")]]
    return datasets_lines.diff_lines(found)
