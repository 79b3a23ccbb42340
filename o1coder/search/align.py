"""Which steps of two trees of one problem correspond: greedy, from the root down.

Below two steps that correspond, children with equal action and text are paired first; what is left is paired with children
of the same action in the order of how alike the texts are, the likest first (ties: the oldest), down to `ALIKE`, unless
there are more than `MOST_COMPARED` pairs to compare; the rest stand in one tree only, with everything below them. Being alike
is difflib's ratio over words and signs: 1 for equal.
Nothing here looks at values: two steps correspond by what they say.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from o1coder.search.facts import Path
from o1coder.task import Action

ALIKE = 0.5
MOST_COMPARED = 4000  # pairs of siblings whose texts are compared word by word; with more, only equal texts correspond
_TOKEN = re.compile(r"\w+|[^\w\s]")


class Pair(NamedTuple):
    """A step of A, a step of B, or both; `alike` is 1 for equal texts, None where there is only one."""

    a: Path | None
    b: Path | None
    alike: float | None


def likeness(one: str, other: str) -> float:
    """0 to 1: the share of words and signs that two texts have in common, in order."""
    return difflib.SequenceMatcher(None, _TOKEN.findall(one), _TOKEN.findall(other), autojunk=False).ratio()


def align(a: Mapping[Path, tuple[Action, str]], b: Mapping[Path, tuple[Action, str]]) -> list[Pair]:
    """Every step of both trees once, in preorder, a parent before its children; the roots () correspond and are left out.
    Steps of B alone follow those of A below the same parent."""
    below_a, below_b = _children(a), _children(b)
    out: list[Pair] = []

    def go(here_a: Path | None, here_b: Path | None) -> None:
        mine = below_a.get(here_a, []) if here_a is not None else []
        theirs = below_b.get(here_b, []) if here_b is not None else []
        matched = _paired({p: a[p] for p in mine}, {p: b[p] for p in theirs})
        taken = {pair.b for pair in matched.values()}
        for path in mine:
            pair = matched.get(path, Pair(path, None, None))
            out.append(pair)
            go(path, pair.b)
        for path in theirs:
            if path not in taken:
                out.append(Pair(None, path, None))
                go(None, path)

    go((), ())
    return out


def _paired(mine: Mapping[Path, tuple[Action, str]], theirs: Mapping[Path, tuple[Action, str]]) -> dict[Path, Pair]:
    by_text = {said: path for path, said in theirs.items()}
    found = {path: Pair(path, by_text[said], 1.0) for path, said in mine.items() if said in by_text}
    taken = {pair.b for pair in found.values()}
    if (len(mine) - len(found)) * (len(theirs) - len(taken)) > MOST_COMPARED:
        return found
    candidates = sorted(
        (
            (-likeness(text, other), path, other_path)
            for path, (action, text) in mine.items()
            if path not in found
            for other_path, (other_action, other) in theirs.items()
            if other_path not in taken and other_action == action
        ),
    )
    for unlike, path, other_path in candidates:
        if -unlike >= ALIKE and path not in found and other_path not in taken:
            found[path] = Pair(path, other_path, -unlike)
            taken.add(other_path)
    return found


def _children(steps: Mapping[Path, tuple[Action, str]]) -> dict[Path, Sequence[Path]]:
    out: dict[Path, list[Path]] = {}
    for path in sorted(steps):
        out.setdefault(path[:-1], []).append(path)
    return dict(out)
