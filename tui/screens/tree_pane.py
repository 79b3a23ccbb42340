"""The pane beside a tree: one step under one of its tabs, as inert lines. Asked for in worker threads; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tui.highlight import numbered, plain, python
from tui.screens import tree_cells
from tui.text import GLYPHS, Cell, inert, number, state
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.queries.stepfacts import Said
    from o1coder.queries.steprows import Line
    from o1coder.queries.trees import VerdictRow
    from tui.screens.tree_source import TreeSource

TABS = ("step", "tests", "context", "drawn", "rollouts", "labels", "scores")
LEAVES = 2000  # steps below one whose rollouts are looked for
MOST = 200  # rollouts that are shown


def step_lines(source: TreeSource, step_id: int, tab: str) -> list[RichLine]:
    """The pane of a step under a tab. In a thread."""
    tree = source.tree
    at = None if tree is None else tree.shape.find(step_id)
    if tree is None or at is None:
        return []
    from o1coder.queries import stepfacts, steprows, trees

    with source.lab.reading() as connection:
        if tab == "tests":
            return _tests(trees.verdicts(connection, step_id))
        if tab == "labels":
            return _labels(stepfacts.history(connection, step_id))
        if tab == "scores":
            return _scores(source, connection, step_id)
        if tab == "drawn":
            return _drawn(connection, step_id)
        if tab == "rollouts":
            return _rollouts(source, connection, at)
        if tab == "context" or at == 0:
            return _context(source, connection, at)
        newest, before = (*source.prms[:2], None, None)[:2]
        found = steprows.page(connection, tree, [step_id], newest, before)
        code = trees.step_code(connection, step_id)
    return [_figures(source, found[0]), *_body(found[0].step.text, code)] if found else []


def _figures(source: TreeSource, line: Line) -> RichLine:
    """What is counted of a step; its label and verdict stand in its row."""
    step = line.step
    parts = []
    if step.v is not None:
        spread = tree_cells.interval(step, line.estimate)
        told = f"{line.estimate}, 95 % {spread}" if spread else f"{line.estimate or 'tree'}, no interval"
        parts.append(f"value {step.v:.2f}: {step.c} of k={step.k} draws passed all ({told})")
    if step.n:
        parts.append(f"q/n {step.q / step.n:.2f} over n={step.n}")
    if step.score is not None:
        parts.append(f"PRM {step.score:.2f} by checkpoint {source.prms[0]}")
    if line.before is not None:
        parts.append(f"was {line.before:.2f} by {source.prms[1]}")
    return [Cell(inert(f" {GLYPHS.dot} ".join(parts) or "not judged yet"), "dim")]


def _body(text: str, code: str | None) -> list[RichLine]:
    return numbered(python(code.rstrip("\n"))) if code is not None else plain(text)


def _context(source: TreeSource, connection: Any, at: int) -> list[RichLine]:
    """The problem, then the path down to the step."""
    from o1coder.queries import stepfacts

    assert source.tree is not None
    shape = source.tree.shape
    path = [at, *shape.above(at)][-2::-1]
    known = stepfacts.texts(connection, [shape.ids[one] for one in path])
    lines: list[RichLine] = []
    if source.head is not None:
        lines = [*plain(stepfacts.statement(connection, source.head.problem)), []]
    for one in path:
        action, text, code = known[shape.ids[one]]
        body = _body(text, code if one == at else None)
        lines += [[Cell(inert(f"{shape.path(one)} {action}"), "bold")], *body, []]
    return lines


def _tests(found: Sequence[VerdictRow]) -> list[RichLine]:
    lines: list[RichLine] = []
    if found:
        passed = sum(row.code == "AC" for row in found)
        lines = [[Cell(f"{passed} of {len(found)} tests passed", "bold")], []]
    for row in found:
        told = state(row.code) if row.code else Cell("  not judged", "dim")
        lines.append(
            [
                Cell(f"{told.text:<6} ", told.style),
                Cell(inert(row.input[:200])),
                Cell(f" {GLYPHS.arrow} ", "dim"),
                Cell(inert(row.expected[:200]), "cyan"),
                Cell(f"  {row.cpu_ms:.0f} ms {row.layer}" if row.cpu_ms is not None else "", "dim"),
            ]
        )
        if row.detail and row.code != "AC":
            lines += [[Cell("        "), *line] for line in plain(row.detail.rstrip()[:1000], "yellow")]
    return lines or [[Cell("no program here: tests are run where a step is code", "dim")]]


def _labels(found: Sequence[Said]) -> list[RichLine]:
    lines: list[RichLine] = []
    for row in found:
        told = Cell(f"takes back {row.retracts}", "dim") if row.retracts is not None else state(row.value or "")
        parts = [row.author if row.author is not None else f"{row.source} job {row.job}"]
        if row.k is not None:
            parts.append(f"k={row.k} c={row.c} value {number(row.v)} ({row.estimate or 'tree'})")
        parts += [word for word in (row.category, f"picked: {row.picked}" if row.picked else "") if word]
        if row.batch is not None and row.size > 1:
            parts.append(f"one of {row.size} at once")
        if row.taken_ms is not None:
            parts.append(f"{row.taken_ms / 1000:.1f} s")
        parts.append(row.created_at)
        lines.append(
            [
                Cell(f"{row.id:>6} ", "dim"),
                Cell(f"{told.text:<14} ", told.style if not row.retracted else "dim strike"),
                Cell(inert(f" {GLYPHS.dot} ".join(parts)), "dim"),
            ]
        )
        if row.reason:
            lines += [[Cell("        "), *line] for line in plain(row.reason)]
    return lines or [[Cell("no label yet: a valid, x invalid, s unsure, X first error", "dim")]]


def _scores(source: TreeSource, connection: Any, step_id: int) -> list[RichLine]:
    from o1coder.queries import stepfacts

    found = stepfacts.scores(connection, step_id)
    value = source.lines[step_id].step.v if step_id in source.lines else None
    lines: list[RichLine] = []
    for row in found:
        gap = "" if value is None else f"  {row.value - value:+.2f} from the search's {value:.2f}"
        made = "" if row.of is None else f" (job {row.of})"
        stale = " stale" if row.checkpoint in source.stale else ""
        lines.append(
            [
                Cell(f"{row.value:.3f} ", "bold"),
                Cell(f"PRM checkpoint {row.checkpoint}{made}, scored by job {row.by}{gap}", "dim"),
                Cell(stale, "bold yellow"),
            ]
        )
    return lines or [[Cell("no PRM has scored this step: R trains one on the labels and scores the tree", "dim")]]


def _drawn(connection: Any, step_id: int) -> list[RichLine]:
    from o1coder.queries import trees

    found = trees.completions(connection, step_id)
    lines: list[RichLine] = []
    if found:
        lost = sum(bool(row.error) for row in found)
        lines = [[Cell(f"{len(found)} completions drawn below this step, {lost} discarded", "bold")], []]
    for row in found:
        became = "discarded: " + row.error if row.error else f"step {row.step_id}"
        head = f"completion {row.ordinal}: {became}, {row.tokens_out} tokens, {row.finish_reason}"
        lines += [[Cell(inert(head), "yellow" if row.error else "bold")], *plain(row.text, "dim" if row.error else "")]
    return lines or [[Cell("nothing was drawn below this step", "dim")]]


def _rollouts(source: TreeSource, connection: Any, at: int) -> list[RichLine]:
    """The rollouts through a step: the mean of every term of their rewards, then each."""
    from o1coder.queries import stepfacts

    assert source.tree is not None
    tree, shape = source.tree, source.tree.shape
    end = at + shape.size[at]
    leaves = [shape.ids[one] for one in range(at, min(end, at + LEAVES))]
    found = stepfacts.through(connection, leaves, MOST)
    if not found:
        return [[Cell("no rollout goes through this step", "dim")]]
    terms = [json.loads(row.terms) for row in found]
    names = list(dict.fromkeys(name for one in terms for name in one))
    means = [f"{name} {fmean(one[name] for one in terms if name in one):.2f}" for name in names]
    part = "" if len(found) < MOST and end - at <= LEAVES else f", the first {len(found)} here"
    lines: list[RichLine] = [[Cell(f"judged rollouts through this step: {tree.visits(at)}{part}", "bold")]]
    lines += [[Cell(inert("mean of each term: " + f" {GLYPHS.dot} ".join(means)), "dim")], []] if means else [[]]
    for row, one in zip(found, terms, strict=True):
        reward = "not judged" if row.reward is None else f"reward {row.reward:.2f}"
        told = " ".join(f"{name}={value:g}" for name, value in one.items())
        leaf = shape.find(row.leaf)
        path = "" if leaf is None else shape.path(leaf)
        built = "" if row.compiled else " does not compile"
        lines.append(
            [
                Cell(f"{row.ordinal:>5} ", "bold"),
                Cell(inert(f"{reward}, {row.passed}/{row.total} passed{built} {told}")),
                Cell(inert(f"  leaf {path}"), "dim"),
            ]
        )
    return lines
