"""The lines of the Rounds screen's pane: a round's figures, each with interval and n; a move; the whole report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.screens.rounds_source import count
from tui.text import Cell, duration, inert, state
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.roundrows import MoveRow, RoundRow, Share


def figures(one: RoundRow) -> list[RichLine]:
    """Everything a round's row says, and what a narrow table leaves out."""
    searched = "nothing searched yet"
    if one.problems is not None:
        searched = f"{one.problems} problems, {one.trees} trees, {one.rollouts} rollouts"
    lines: list[RichLine] = [
        _line("search", Cell(searched)),
        _line("solved", *_share(one.solved, "problems with a passing rollout")),
        _line("TCG", *_share(one.validity, "cases asked for, raw validity")),
        _line("PRM within", *_share(one.within, "problems, AUC of code steps")),
        _line("PRM pooled", *_share(one.pooled, "problems, AUC of code steps")),
        _line("test", *_share(one.test, "problems, pass@1; no gate looks here")),
        _line("gate split", *_share(one.gate_split, "problems, pass@1 where the gate decides")),
        _gate(one),
        _line("labels", Cell(f"{one.labels} by {one.people} people" if one.labels else "none by people")),
    ]
    cost = f"{duration(one.seconds)}, {count(one.tokens_in) or 0} tokens in, {count(one.tokens_out) or 0} out, "
    lines.append(_line("cost", Cell(cost + f"{count(one.sandbox_runs) or 0} judged")))
    told = f"{one.done} of {one.moves} moves done"
    lines.append(_line("state", state(one.state), Cell(f"  {told}", "dim")))
    return lines


def _line(name: str, *cells: Cell) -> RichLine:
    return [Cell(f"{name:<11} ", "dim"), *cells]


def _share(one: Share | None, of: str) -> list[Cell]:
    if one is None:
        return [Cell("n/a", "dim")]
    bounds = "no interval" if one.low is None or one.high is None else f"[{one.low:.2f}, {one.high:.2f}]"
    return [Cell(f"{one.value:.2f} ", "bold"), Cell(f"{bounds} "), Cell(f"n={one.n} {of}", "dim")]


def _gate(one: RoundRow) -> RichLine:
    if one.decision is None:
        return _line("gate", Cell("not yet", "dim"))
    checkpoint = f" checkpoint {one.checkpoint}"
    if one.difference is None:
        return _line("gate", state(one.decision), Cell(checkpoint + ": no problem has samples of both"))
    lower = "n/a" if one.lower is None else f"{one.lower:+.3f}"
    told = f"{checkpoint}: paired difference {one.difference:+.3f}, lower bound {lower}"
    return _line(
        "gate", state(one.decision), Cell(told), Cell("" if one.level is None else f" at level {one.level:.3g}", "dim")
    )


def move_lines(one: MoveRow) -> list[RichLine]:
    """One move: its job, cost and outcome."""
    if one.job is None:
        return [[Cell(f"{inert(one.move)} ", "bold"), Cell(f"{inert(one.stage)}: its turn has not come", "dim")]]
    lines: list[RichLine] = [
        [Cell(f"{inert(one.move)} ", "bold"), Cell(f"{inert(one.stage)}, job {one.job} "), state(one.state)]
    ]
    if one.error:
        lines.append([Cell(inert(one.error), "yellow")])
    lines += [
        _line("time", Cell(f"{duration(one.seconds) or 'none'} over {one.attempts} attempts")),
        _line("tokens", Cell(f"{one.tokens_in} in, {one.tokens_out} out")),
        _line("judged", Cell(f"{one.sandbox_runs} verdicts")),
    ]
    if one.checkpoint is not None:
        lines.append(_line("checkpoint", Cell(str(one.checkpoint))))
    if one.trees:
        lines.append(_line("trees", Cell(str(one.trees))))
    if one.stopped:
        lines.append(_line("stopped", Cell(inert(one.stopped))))
    return lines


def report_lines(report: Sequence[str]) -> list[RichLine]:
    """The report as the command line prints it."""
    return [[Cell(inert(line), "" if line.startswith(" ") else "bold")] for line in report]
