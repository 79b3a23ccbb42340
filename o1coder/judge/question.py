"""What is asked of the judge and what it answers: two frozen values, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..task import Case, Comparator, Kind, Limits

Code = Literal["AC", "WA", "PE", "CE", "TLE", "ILE", "MLE", "OLE", "RE", "SV", "IE", "SK"]
Level = Literal["L4", "L3", "L2", "L1", "L0"]
LEVELS: tuple[Level, ...] = ("L4", "L3", "L2", "L1")  # the safe ones, best first
CODES: dict[Code, str] = {
    "AC": "accepted",
    "WA": "wrong answer",
    "PE": "presentation error: right but for its layout, where the comparator tells; not accepted",
    "CE": "the source does not compile",
    "TLE": "over the CPU limit",
    "ILE": "over the wall limit without using the CPU",
    "MLE": "over the memory limit",
    "OLE": "over the output limit",
    "RE": "ended by an exception, a signal or a status other than 0",
    "SV": "killed for a call of another architecture",
    "IE": "the judge's own failure: never a reward, a label, a failure or a row",
    "SK": "not run, or cancelled",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One program on one test case. `entry_point` is the function's name for `call` and `assert`."""

    code: str
    kind: Kind
    case: Case
    entry_point: str | None = None
    comparator: Comparator = Comparator()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer. `cpu_ms` is user + system time of the program's process, `memory_kb` its peak resident set (the warm
    interpreter included), `exit` its status or minus its signal, `layer` the isolation level it ran under. `detail` says
    why, and may quote the expected output: it is for people, never for a model."""

    code: Code
    cpu_ms: float = 0.0
    wall_ms: float = 0.0
    memory_kb: int = 0
    exit: int | None = None
    detail: str = ""
    layer: Level = "L0"
