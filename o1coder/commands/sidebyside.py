"""A tree beside another in 80 columns: a step a line, A on the left and B on the right, then how programs fail.

The mark between them: `=` the same text, `~` alike, `<` only in A, `>` only in B. It asks nothing: it is given a difference.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from o1coder.queries.treediff import Difference, Head, Mode, Row, Side

HALF = 38
SHARED = 12  # characters in front that are shown, though they are the same in both
MARKS = {"equal": "=", "alike": "~", "a": "<", "b": ">"}


def lines(found: Difference) -> list[str]:
    """The whole of it, no line longer than 80 characters."""
    out = [f"problem {found.problem_key}", _two(f"A: tree {found.a.tree}", f"B: tree {found.b.tree}")]
    out += [_two(*pair) for pair in zip(_head(found.a), _head(found.b), strict=True)]
    out += [_clip(f"{name}: {given['a']} → {given['b']}", 80) for name, given in found.settings.items()]
    out.append("")
    for row in found.steps:
        out += _step(row)
    matched = sum(row.match in ("equal", "alike") for row in found.steps)
    alone = [sum(row.match == side for row in found.steps) for side in "ab"]
    out += ["", f"{matched} steps correspond, {alone[0]} only in A, {alone[1]} only in B"]
    out.append(f"ways to fail, over {found.cases} tests that judged both:")
    for name, about in (("new", "new in B"), ("gone", "gone from A"), ("both", "in both")):
        out += [_clip(f"  {about}: {_mode(mode)}", 80) for mode in found.modes[name]]
    if not any(found.modes.values()):
        out.append("  none")
    return out


def _head(head: Head) -> list[str]:
    share = "-" if head.solved_share is None else f"{head.solved_share:.0%}"
    where = f"job {head.job}" + ("" if head.round is None else f", round {head.round}")
    models = f"policy {head.policy or '-'}, PRM {head.prm or '-'}"
    return [f"{where}, {head.preset}", models, f"{head.rollouts} rollouts, {head.solved} solved ({share})"]


def _step(row: Row) -> list[str]:
    """The figures of both sides, then the text: once where it is the same."""
    mark = MARKS[row.match]
    head = _two(_figures(row.a, row), _figures(row.b, row), mark)
    indent = "  " * row.depth
    left, right = ("" if side is None else " ".join(side.text.split()) for side in (row.a, row.b))
    if row.match == "equal":
        return [head, _clip(f"{indent}{left}", 80)]
    if row.match == "alike":
        left, right = _from_where_they_differ(left, right)
    return [head, _two(*(f"{indent}{text}" if text else "" for text in (left, right)))]


def _from_where_they_differ(left: str, right: str) -> tuple[str, str]:
    """Both texts from the last word that they share in front, so that a clipped line shows what is different."""
    same = len(os.path.commonprefix([left, right]))
    start = left.rfind(" ", 0, max(0, left.rfind(" ", 0, same))) + 1
    return (left, right) if start < SHARED else (f"…{left[start:]}", f"…{right[start:]}")


def _figures(side: Side | None, row: Row) -> str:
    if side is None:
        return ""
    value = "" if side.value is None else f" v{side.value:.2f}"
    counts = "" if side.k is None else f" {side.c}/{side.k}"
    score = "" if side.prm is None else f" p{side.prm:.2f}"
    last = side.verdict or ""
    word = "" if side.label is None else f" {side.label}"
    return (
        f"{'  ' * (row.depth - 1)}{side.path} {row.action} n{side.visits}{value}{counts}{score}{word} {last}".rstrip()
    )


def _mode(mode: Mode) -> str:
    by_verdict: dict[str, list[str]] = {}
    for each in mode.fails:
        by_verdict.setdefault(each["verdict"], []).append(str(each["case"]))
    fails = "; ".join(f"{verdict} on {', '.join(cases)}" for verdict, cases in sorted(by_verdict.items()))
    return f"{mode.programs} program{'s' if mode.programs != 1 else ''}: {fails}"


def _two(left: str, right: str, mark: str = " ") -> str:
    return f"{_clip(left, HALF):<{HALF}} {mark} {_clip(right, HALF)}".rstrip()


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
