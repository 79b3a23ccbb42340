"""Two trees of one problem as one: every step of either on a line, what differs between them marked, A before B.

Which steps correspond is o1coder/queries/treediff.py's; it is asked once, in a worker thread, and drawn from memory.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from o1coder.errors import LabError
from tui.highlight import plain
from tui.screens.tree_cells import WAS_IS, brief
from tui.text import GLYPHS, Cell, inert, number, state
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import Column, Order, Row
from tui.widgets.virtual_tree import Outline

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.treediff import Difference, Head, Mode, Side
    from o1coder.queries.treediff import Row as Pair

TABS = ("texts", "trees", "failures")
MARKS = {"equal": "=", "alike": "~", "a": "<", "b": ">"}
STYLES = {"equal": "", "alike": "bright_blue", "a": "yellow", "b": "cyan"}
MOVED = 0.1  # a value that differs by less is not called different


class BesideSource:
    """The aligned steps; a row's id is its place among them, from 1."""

    def __init__(self, lab: Lab, a: int, b: int) -> None:
        self.lab = lab
        self.a, self.b = a, b
        self.found: Difference | None = None
        self.why_not = ""  # they cannot be compared
        self.only = False  # only what differs, with what stands above it
        self.differing: list[int] = []

    def columns(self) -> tuple[Column, ...]:
        """A is before the arrow, B after it."""
        return (
            Column(f"step   (= same  ~ alike  < only in {self.a}  > only in {self.b})", 0),
            Column("n", 9, right=True, at=104),
            Column("value", WAS_IS, right=True),
            Column("PRM", WAS_IS, right=True, at=92),
            Column("label", 7),
            Column("verdict", 9),
        )

    def order(self) -> Order:
        if self.found is None:
            from o1coder.queries import treediff

            try:
                with self.lab.reading() as connection:
                    self.found = treediff.diff(connection, self.a, self.b)
            except LabError as error:
                self.why_not = f"{error.message} {GLYPHS.dot} {error.hint}"  # where the head stands
                return Outline([])
            self.differing = [n for n, pair in enumerate(self.found.steps, 1) if differs(pair)]
        nodes: list[tuple[int, int | None]] = []
        path: list[int] = []  # the row at every depth down to here
        for n, pair in enumerate(self.found.steps, 1):
            del path[pair.depth - 1 :]
            nodes.append((n, path[-1] if path else None))
            path.append(n)
        if self.only:
            parents, kept = dict(nodes), set[int]()
            for n in self.differing:
                here: int | None = n
                while here is not None and here not in kept:
                    kept.add(here)
                    here = parents[here]
            nodes = [node for node in nodes if node[0] in kept]
        return Outline(nodes)

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        found = self.found
        return {} if found is None else {n: _row(found.steps[n - 1]) for n in ids}

    def next_differing(self, row_id: int, by: int) -> int | None:
        """The next row that differs, or the one before, round the end."""
        places = self.differing if by > 0 else self.differing[::-1]
        ahead = (one for one in places if (one > row_id if by > 0 else one < row_id))
        return next(ahead, places[0] if places else None)

    def pair(self, row_id: int) -> Pair | None:
        """The steps of a row."""
        return None if self.found is None else self.found.steps[row_id - 1]


def differs(pair: Pair) -> bool:
    """Whether somebody who compares would want to see it."""
    if pair.a is None or pair.b is None or pair.match == "alike":
        return True
    moved = abs(pair.changes.get("value", 0.0)) >= MOVED
    return moved or pair.a.label != pair.b.label or pair.a.says != pair.b.says


def _row(pair: Pair) -> Row:
    shown = pair.b or pair.a
    assert shown is not None
    text = f"{MARKS[pair.match]} {pair.action} {GLYPHS.dot} {brief(shown.text)}"
    return (
        Cell(text, STYLES[pair.match]),
        _both(pair, lambda side: str(side.visits or "")),
        _both(pair, lambda side: number(side.value)),
        _both(pair, lambda side: number(side.prm)),
        _both(pair, lambda side: state(side.label).text.partition(" ")[0] if side.label else ""),
        _both(pair, lambda side: inert(side.says or "")),
    )


def _both(pair: Pair, told: Callable[[Side], str]) -> Cell:
    """What both sides say: once where it is the same."""
    a, b = ("" if side is None else told(side) for side in (pair.a, pair.b))
    if pair.a is None or pair.b is None or a == b:
        return Cell(b or a, "dim" if pair.a is not None and pair.b is not None else "")
    return Cell(f"{a or '-'} {GLYPHS.arrow} {b or '-'}", "bold")


def head_cells(source: BesideSource) -> list[Cell]:
    """One line over both: which trees, how often each solved it, how many steps differ."""
    found = source.found
    if found is None:
        doing = source.why_not or f"tree {source.a} beside tree {source.b}: being compared"
        return [Cell(inert(f" {doing}"), "bold yellow" if source.why_not else "")]
    told = [f"{found.problem_key}", *(f"tree {one.tree} {_share(one)}" for one in (found.a, found.b))]
    alone = [sum(pair.match == side for pair in found.steps) for side in "ab"]
    told.append(f"{len(source.differing)} steps differ, {alone[0]} only in {source.a}, {alone[1]} only in {source.b}")
    return [Cell(inert(" " + f" {GLYPHS.dot} ".join(told)))]


def _share(head: Head) -> str:
    where = "" if head.round is None else f"round {head.round} "
    again = "" if head.solved_rescored in (None, head.solved) else f", re-scored {head.solved_rescored}"
    return f"({where}{head.solved}/{head.rollouts} solved{again})"


def beside_lines(source: BesideSource, row_id: int, tab: str) -> list[RichLine]:
    """The pane of a row under a tab."""
    found, pair = source.found, source.pair(row_id)
    if found is None or pair is None:
        return []
    if tab == "trees":
        return _trees(found)
    if tab == "failures":
        return _failures(found)
    lines: list[RichLine] = []
    for name, side in ((found.a.tree, pair.a), (found.b.tree, pair.b)):
        told = "no such step" if side is None else _figures(side)
        lines.append([Cell(f"tree {name}: ", "bold"), Cell(inert(told), "dim")])
    if pair.a is not None and pair.b is not None and pair.match == "alike":
        return [*lines, [], *_changed(pair.a.text, pair.b.text)]
    shown = pair.b or pair.a
    return [*lines, [], *(plain(shown.text) if shown is not None else [])]


def _figures(side: Side) -> str:
    parts = [side.path, f"n={side.visits}"]
    if side.value is not None:
        parts.append(f"value {side.value:.2f} from k={side.k}, {side.c} passed all")
    parts += [] if side.prm is None else [f"PRM {side.prm:.2f}"]
    parts += [word for word in (side.label, side.says) if word]
    return f" {GLYPHS.dot} ".join(parts)


def _changed(a: str, b: str) -> list[RichLine]:
    """The lines of two texts: those of A alone, of B alone, of both."""
    style = {"-": "yellow", "+": "bright_blue", " ": ""}
    lines = difflib.ndiff(a.split("\n"), b.split("\n")) if len(a) + len(b) < 20_000 else []
    told = [line for line in lines if line[0] in style]
    if not told:
        return [*plain(a, "yellow"), [], *plain(b, "bright_blue")]
    return [
        [Cell(inert(line[:1]) + " ", "bold"), Cell(inert(line[2:].removesuffix("\r")), style[line[0]])] for line in told
    ]


def _trees(found: Difference) -> list[RichLine]:
    lines: list[RichLine] = []
    for head in (found.a, found.b):
        models = f"policy {head.policy or '-'}, PRM {head.prm or '-'}"
        where = f"job {head.job}" + ("" if head.round is None else f", round {head.round}")
        lines += [
            [Cell(f"tree {head.tree} ", "bold"), Cell(inert(f"{where}, {head.preset}, {models}"))],
            [Cell(f"  {head.steps} steps, {head.solved} of {head.rollouts} rollouts solved", "dim")],
        ]
    lines += [[], [Cell("settings that differ" if found.settings else "the same settings", "bold")]]
    for name, given in found.settings.items():
        lines.append([Cell(inert(f"  {name}: {given['a']} {GLYPHS.arrow} {given['b']}"))])
    return lines


def _failures(found: Difference) -> list[RichLine]:
    lines: list[RichLine] = [[Cell(f"ways to fail, over {found.cases} tests that judged both", "bold")]]
    for name, told in (("new", f"new in {found.b.tree}"), ("gone", f"gone from {found.a.tree}"), ("both", "in both")):
        lines += [[Cell(f"  {told}: ", "bold"), Cell(inert(_mode(mode)))] for mode in found.modes[name]]
    return lines if len(lines) > 1 else [*lines, [Cell("  none", "dim")]]


def _mode(mode: Mode) -> str:
    by_verdict: dict[str, list[str]] = {}
    for each in mode.fails:
        by_verdict.setdefault(each["verdict"], []).append(str(each["case"]))
    fails = "; ".join(f"{verdict} on {', '.join(cases)}" for verdict, cases in sorted(by_verdict.items()))
    return f"{mode.programs} program{'s' if mode.programs != 1 else ''}: {fails}"
