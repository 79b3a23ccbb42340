"""Values that the lab and the side that knows no lab exchange: a task, a case, a program's question.

No behaviour and no imports beyond the standard library, so that anything may import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["call", "stdio", "assert"]
Action = Literal["structure", "refine", "code"]
ACTIONS: tuple[Action, ...] = ("structure", "refine", "code")


@dataclass(frozen=True, slots=True)
class Task:
    """What a policy may know of a problem: never a reference program, never an expected output that is not public."""

    statement: str
    kind: Kind
    entry_point: str | None = None  # the function's name; None for stdin/stdout programs
    signature: str | None = None  # e.g. "count_above(xs, limit)"; None for stdin/stdout programs


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. `call`: `input` is a JSON array of arguments and `expected` a JSON value. `stdio`: both are text.
    `assert`: `input` is Python source that checks the entry point, `expected` is empty."""

    digest: str
    input: str
    expected: str


@dataclass(frozen=True, slots=True)
class Comparator:
    """How an output is compared with the expected one. Stored with the problem; part of a verdict's profile."""

    name: str = "tokens"
    args: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Per-test limits. The wall limit follows from the CPU limit (3 × cpu_s + 1)."""

    cpu_s: float = 2.0
    memory_mb: int = 512
