"""Figures of checkpoints as lines: paired differences, a process reward model's AUC, two checkpoints side by side.

A difference whose interval holds 0, or that rests on a handful of problems, is said not to be told apart; the smallest gain that
so many problems could have shown stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tui.screens.checkpoints_source import interval
from tui.text import GLYPHS, Cell, inert
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.queries.gains import Gain
    from o1coder.queries.versus import Versus

DIM = "dim"


def head(text: str) -> RichLine:
    """A heading within a pane."""
    return [Cell(inert(text), "bold underline")]


def gain_lines(found: Sequence[Gain]) -> list[RichLine]:
    """Gains under what they are over; direct code beside pseudocode is named, and the split that gates."""
    lines: list[RichLine] = []
    against = None
    for one in found:
        if one.against != against:
            against = one.against
            lines.append([Cell("over ", DIM), Cell(inert(f"{one.against} ({one.checkpoint})"), "bold")])
        over = "" if one.mode == one.old_mode else f" over {one.old_mode}"
        lines.append(
            [
                Cell(inert(f"  {one.split} {one.mode}{over} "), ""),
                Cell(interval(one.difference, one.low, one.high, sign=True), "bold" if one.told else ""),
                Cell("" if one.told else " not told apart", DIM),
                Cell(f"  {one.old:.2f} {GLYPHS.arrow} {one.new:.2f}", DIM),
            ]
        )
        power = "too few to tell" if one.detectable is None else f"shows gains above {100 * one.detectable:.0f} points"
        note = [f"{one.problems} problems, {one.differ} differ: {power}"]
        note += ["the gate's split"] if one.split == "validation" else []
        note += [f"unlike: {one.differs}"] if one.differs else []
        lines.append([Cell(inert("    " + f" {GLYPHS.dot} ".join(note)), DIM)])
    return lines


def prm_lines(figures: dict[str, float]) -> list[RichLine]:
    """AUC pooled and within problem, for prefixes and code apart, with baselines."""
    lines: list[RichLine] = []
    for kind in ("prefix", "code"):
        steps = int(figures.get(f"{kind}_steps", 0))
        if not steps:
            lines.append([Cell(f"{kind:<7} no steps were drawn", DIM)])
            continue
        told = [Cell(f"{kind:<7} ")]
        for which in ("pooled", "within"):
            name = f"{kind}_{which}"
            value = interval(figures.get(name), figures.get(f"{name}_low"), figures.get(f"{name}_high"))
            told += [Cell(f"{which} ", DIM), Cell(f"{value} ", "bold")]
        told.append(Cell(f" {steps} steps, {figures.get(f'{kind}_problems', 0):.0f} problems", DIM))
        mean, length = figures.get(f"{kind}_mean_baseline"), figures.get(f"{kind}_length_baseline")
        base = (
            f"        baselines: problem mean {interval(mean, None, None)}, step length {interval(length, None, None)}"
        )
        lines += [told, [Cell(base, DIM)]]
    return lines


def compare(connection: Any, old: int | None, new: int) -> list[RichLine]:
    """Two checkpoints side by side."""
    from o1coder.queries.versus import versus

    if old is None:
        return [[Cell("mark another checkpoint with space: this one is then compared with it", DIM)]]
    found: Versus = versus(connection, old, new)
    lines: list[RichLine] = [
        [Cell(f"checkpoint {new} over checkpoint {old}", "bold"), Cell(f"  {inert(found.line)}", DIM)],
        [],
        head("paired differences over the problems of both, 95 % over problems"),
        *(gain_lines(found.gains) or [[Cell("no evaluation of one split, slice and mode is there of both", DIM)]]),
    ]
    if found.change is not None or found.unscored or found.prm:
        lines += [[], head("as process reward models"), *prm_change_lines(found)]
    lines += [[], head("data")]
    for word, counts in (("rows", found.rows), ("labels", found.labels)):
        lines.append([Cell(f"{word:<7} ", DIM), Cell(f"{counts[0]} and {counts[1]} distinct, {counts[2]} in both")])
    lines += [[], head("config, where it differs")]
    for name, before, after in found.config:
        told = [Cell(inert(f"{name:<16} "), DIM), Cell(inert("-" if before is None else str(before)))]
        lines.append([*told, Cell(f" {GLYPHS.arrow} ", DIM), Cell(inert("-" if after is None else str(after)), "bold")])
    return lines if found.config else [*lines, [Cell("nothing", DIM)]]


def prm_change_lines(found: Versus) -> list[RichLine]:
    """Before and after of a PRM: on people's words, on families that neither learned from, and evaluate-prm's own figures."""
    from o1coder.queries.nodes import many

    lines: list[RichLine] = []
    change = found.change
    if change is None:
        lines.append([Cell(inert(found.unscored), DIM)])
    else:
        people = change.people
        spoken = f"{many(people.steps, 'step')} of {many(people.problems, 'problem')}"
        agrees = f"{interval(people.agreement_before, None, None)} {GLYPHS.arrow} {interval(people.agreement_after, None, None)}"
        paired = "" if people.change is None else f", paired {interval(*people.change, sign=True)}"
        lines.append([Cell("agrees with people ", DIM), Cell(agrees + paired, "bold")])
        lines.append(
            [
                Cell(
                    f"  {spoken}; {people.corrected} corrected the search",
                    DIM,
                )
            ]
        )
        for name, one in (("prefix", change.prefix), ("code", change.code)):
            for which in ("pooled", "within"):
                before, after = getattr(one.before, f"{which}_value"), getattr(one.after, f"{which}_value")
                moved = getattr(one.change, which)
                paired = "" if moved is None else f", paired {interval(*moved, sign=True)}"
                value = f"{interval(before, None, None)} {GLYPHS.arrow} {interval(after, None, None)}{paired}"
                lines.append([Cell(f"AUC {name} {which:<7} ", DIM), Cell(value, "bold")])
            lines.append(
                [Cell(f"  {one.steps} fresh steps of {one.problems} problems, families neither learned from", DIM)]
            )
    for pair in found.prm:
        told = f"{pair.old:.3f} {GLYPHS.arrow} {pair.new:.3f}"
        lines.append([Cell(inert(f"{pair.name} "), DIM), Cell(told), Cell(f"  draws of job {pair.draws}", DIM)])
    return lines
