"""What a row of a label file says of one step, whatever its format; and a chain of steps with what one person said of them.

A step is named `TREE:PATH@DIGEST` (`12:0.2.1@5f3a9c01`), the digest being of the problem and the texts down to the step, so
that a file from another lab, or of a tree that is not the same, is turned down instead of labelling something else. An id or
`TREE:PATH` alone is taken as it stands. Rows that name no step are found by the problem's statement and the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from o1coder.canonical import digest
from o1coder.problems.record import Rejected

__all__ = ["Chain", "Link", "Rejected", "Said", "mark"]


class Said(NamedTuple):
    """One person's word about one step. `row`: where it stands in the file; `step` names it, or `statement` and `texts` (of
    the path down to it) describe it. `author` None: no person is named."""

    row: int
    value: str
    step: str | None = None
    statement: str | None = None
    texts: tuple[str, ...] = ()
    author: str | None = None
    reason: str | None = None
    category: str | None = None
    taken_ms: int | None = None
    at: str | None = None  # when it was said, as the file has it


class Link(NamedTuple):
    """A step of a chain: its name, its text, and what was said of it (None: nothing)."""

    name: str
    action: str
    text: str
    value: str | None = None
    reason: str | None = None
    category: str | None = None
    taken_ms: int | None = None


class Chain(NamedTuple):
    """A path from the first step down, of one problem; `author` and `at` where it holds somebody's labels, else a task."""

    problem: str  # its digest
    statement: str
    links: tuple[Link, ...]
    author: str | None = None
    at: str | None = None


def mark(problem: str, texts: Sequence[str]) -> str:
    """Eight digits that tell a step from another: of its problem's digest and the texts down to it."""
    return digest([problem, *texts]).removeprefix("sha256:")[:8]
