"""What an importer returns: a problem with its cases and programs, or a rejected row with its reason. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from o1coder.task import Kind

Purpose = Literal["reward", "audit", "held-out", "public"]


@dataclass(frozen=True)
class NewCase:
    """One test with the purposes it serves."""

    input: str
    expected: str
    purposes: tuple[Purpose, ...]


@dataclass(frozen=True)
class NewProgram:
    """Source text with what its dataset claims of it."""

    code: str
    claim: Literal["correct", "wrong"] | None
    origin: Literal["reference", "dataset"] = "dataset"


@dataclass(frozen=True)
class NewProblem:
    """Everything an importer knows of one problem."""

    source: str
    source_key: str
    split: Literal["train", "validation", "test"]
    family: str
    kind: Kind
    title: str
    statement: str
    cases: tuple[NewCase, ...]
    programs: tuple[NewProgram, ...] = ()
    entry_point: str | None = None
    signature: str | None = None
    slice: str | None = None
    difficulty: str | None = None
    comparator: str = "tokens"
    comparator_args: dict[str, float | str] = field(default_factory=dict)
    cpu_s: float = 2.0
    memory_mb: int = 512


class Rejected(NamedTuple):
    """A row that cannot be a problem: its place in the file, its key where it has one, and why."""

    row: int
    key: str
    reason: str
