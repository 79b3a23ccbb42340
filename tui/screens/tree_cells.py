"""The cells of a step's row and the columns over them: values with their k, scores, labels, verdicts. It asks nothing.

A value of one tree shows its k and no interval; a value from fresh draws (`mc`) has Wilson's; a value of a tree that has not
ended is drawn dim. Where a newest re-score says something else than the search did, both words are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.text import GLYPHS, Cell, first_line, inert, number, state
from tui.widgets.virtual_table import Column, Row

if TYPE_CHECKING:
    from o1coder.queries.steprows import Line
    from o1coder.queries.trees import StepRow

NEVER = 10_000  # no terminal is that wide
WAS_IS = len(f"0.00 {GLYPHS.arrow} 0.00")
ACTIONS = {"root": "bold", "code": "cyan"}


def columns(*, before: bool, fresh: bool, rescored: bool) -> tuple[Column, ...]:
    """The columns of a tree. `before`: two PRMs scored it; `fresh`: values are of independent draws; `rescored`: a re-score
    has its own word."""
    prm = Column("PRM was>is" if GLYPHS.ascii else "PRM was→is", WAS_IS, right=True, at=60)
    return (
        Column("step", 0),
        Column("n", 5, right=True, at=88),
        Column("value", 5, right=True),
        Column("k", 4, right=True, at=50),
        Column("95 %", 9, right=True, at=84 if fresh else NEVER),
        Column("q/n", 5, right=True, at=100),
        prm if before else Column("PRM", 5, right=True, at=60),
        Column("label", 10),
        Column("verdict", 15 if rescored else 11, at=50),
    )


def row(line: Line, live: float | None) -> Row:
    """The cells of one step; `live` is its value so far where its tree has not ended."""
    step = line.step
    value = Cell(number(step.v)) if step.v is not None else Cell(number(live), "dim")
    return (
        Cell(f"{step.action} {GLYPHS.dot} {brief(step.text)}", ACTIONS.get(step.action, "")),
        Cell(str(step.n or ""), "dim"),
        value,
        Cell("" if step.k is None else str(step.k), "dim"),
        Cell(interval(step, line.estimate), "dim"),
        Cell(number(step.q / step.n) if step.n else "", "dim"),
        _prm(step.score, line.before),
        label(step),
        verdict(line),
    )


def root(title: str, n: int, q: float) -> Row:
    """The cells of the root, which is the problem itself."""
    steered = Cell(number(q / n) if n else "", "dim")
    nothing = Cell("")
    return (
        Cell(title, "bold"),
        Cell(str(n or ""), "dim"),
        nothing,
        nothing,
        nothing,
        steered,
        nothing,
        nothing,
        nothing,
    )


def interval(step: StepRow, estimate: str | None) -> str:
    """Wilson's 95 % for a value of independent draws; nothing for any other."""
    if estimate != "mc" or not step.k or step.c is None:
        return ""
    from o1coder.measure.rates import wilson

    found = wilson(step.c, step.k)
    return "" if found is None else f"{found.low:.2f}-{found.high:.2f}"


def brief(text: str) -> str:
    """The first line of a step that says something: not a fence, not the heading the driver wrote."""
    kept = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith(("```", "#"))]
    return first_line(kept[0]) if kept else first_line(text)


def _prm(score: float | None, before: float | None) -> Cell:
    if before is None or score is None:
        return Cell(number(score))
    moved = score - before
    style = "bold bright_blue" if moved > 0.005 else "bold yellow" if moved < -0.005 else "dim"
    return Cell(f"{before:.2f} {GLYPHS.arrow} {score:.2f}", style)


def label(step: StepRow) -> Cell:
    """The label that counts, with a star where a person gave it."""
    if step.label is None:
        return Cell("")
    cell = state(step.label)
    return Cell(cell.text + ("*" if step.source == "human" else ""), cell.style)


def verdict(line: Line) -> Cell:
    """What the tests say of a step's program: the first verdict that is not AC, and how many passed; `WA → AC 3/3` where the
    newest re-score says otherwise, whose word counts."""
    step, counts = line.step, (line.step.passed, line.step.total)
    word, again = step.verdict, step.verdict_rescored
    if again is not None and (again != word or line.rescored != counts):
        told = state(again)
        glyph = told.text.partition(" ")[0]
        passed, total = line.rescored or (0, 0)
        both = f"{inert(word or '-')} {GLYPHS.arrow} {inert(again)}" if again != word else inert(again)
        return Cell(f"{glyph} {both} {passed}/{total}", told.style)
    if step.total is None:
        return Cell("")
    cell = state(word or "")
    return Cell(f"{cell.text} {step.passed}/{step.total}".strip(), cell.style)
