"""A long mix of honest and hostile programs: no wrong verdict, and memory and descriptors that stay where they were.

Seven honest runs to a hostile one. Programs are tests/judge/programs (every kind that is there), and a call and a list
of asserts beside them. Each is first run once, alone of its kind, which also says what it costs; then each is drawn
with a weight of one over that, so that quick attacks come by the thousand and slow ones still come. What would use its
CPU limit up gets a shorter one. The mix is drawn with a fixed seed.
"""

from __future__ import annotations

import os
import platform
import random
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from o1coder.judge import Judge, Question
from tests.judge.conftest import PROGRAMS, load

from .arms import ASSERT, CALL, NUMPY, cores
from .figures import markdown
from .meter import descendants

HONEST_TO_HOSTILE = 7
SHORT_CPU_S = 0.1
CHUNK = 1000  # runs between two looks at memory and descriptors
SHOWN = 20


@dataclass(frozen=True)
class Entry:
    """A program of the mix and the verdicts that are right."""

    name: str
    question: Question
    right: frozenset[str]
    hostile: bool


class Held(NamedTuple):
    """What one worker with all below it holds, or this process alone."""

    descriptors: int
    resident_kb: int


Footprint = dict[int, Held]  # by pid: this process first, then the workers


def entries(layer: str) -> list[Entry]:
    """What can be run at this level on this machine."""
    found = [
        Entry("call", CALL, frozenset({"AC"}), hostile=False),
        Entry("assert", ASSERT, frozenset({"AC"}), hostile=False),
    ]
    for folder in sorted(path.name for path in PROGRAMS.iterdir() if path.name.startswith(("honest", "hostile"))):
        for program in load(folder):
            if program.machine in ("", platform.machine()) and layer in program.levels:
                question, right = program.question, frozenset(program.verdicts)
                found.append(
                    Entry(f"{folder}/{program.name}", shortened(question, right), right, folder.startswith("hostile"))
                )
    return found


def shortened(question: Question, right: frozenset[str]) -> Question:
    """With less CPU time, where running out of time is a right verdict."""
    if not right & {"TLE", "ILE"}:
        return question
    return replace(question, limits=replace(question.limits, cpu_s=min(SHORT_CPU_S, question.limits.cpu_s)))


def mix(found: list[Entry], costs: dict[str, float], count: int, seed: int = 0) -> list[Entry]:
    """`count` draws, 7 of 8 honest, each with a weight of one over its cost."""
    generator = random.Random(seed)
    sides = [[one for one in found if one.hostile is hostile] for hostile in (False, True)]
    weights = [[1 / max(costs[one.name], 1e-3) for one in side] for side in sides]
    drawn = []
    for _ in range(count):
        side = int(generator.random() * (HONEST_TO_HOSTILE + 1) >= HONEST_TO_HOSTILE)
        drawn += generator.choices(sides[side], weights[side])
    return drawn


def footprint(judge: Judge) -> Footprint:
    """What is held now; between two calls of the judge, so no test runs."""
    trees = {os.getpid(): [os.getpid()], **{pid: [pid, *descendants(pid)] for pid in judge.pids()}}
    return {pid: Held(sum(map(open_descriptors, tree)), sum(map(resident_kb, tree))) for pid, tree in trees.items()}


def open_descriptors(pid: int) -> int:
    """How many one process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kb(pid: int) -> int:
    """VmRSS of one process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def judged(judge: Judge, asked: list[Entry]) -> tuple[list[str], dict[str, float]]:
    """Wrong verdicts in words, and the milliseconds each program took."""
    wrong, costs = [], {}
    for one, verdict in zip(asked, judge.judge([one.question for one in asked]), strict=True):
        costs[one.name] = verdict.wall_ms
        if verdict.code not in one.right:
            wrong.append(f"{one.name}: {verdict.code} ({verdict.detail}), not {' '.join(sorted(one.right))}")
    return wrong, costs


def run(count: int, seed: int = 0) -> tuple[Any, str]:
    """`count` runs beyond the first of each program; as data and as text. Progress goes to stderr."""
    with Judge() as judge:
        found = entries(judge.layer)
        # Enough at once for every core to start its worker with NumPy now, not along the way.
        if {verdict.code for verdict in judge.judge([NUMPY] * 2 * cores())} == {"AC"}:
            found.append(Entry("NumPy", NUMPY, frozenset({"AC"}), hostile=False))
        wrong, costs = judged(judge, found)
        drawn = mix(found, costs, count, seed)
        footprints, began = [footprint(judge)], time.monotonic()
        for start in range(0, count, CHUNK):
            wrong += judged(judge, drawn[start : start + CHUNK])[0]
            footprints.append(footprint(judge))
            progress(min(count, start + CHUNK), count, len(wrong), time.monotonic() - began)
        report = {
            "runs": count + len(found),
            "hostile": sum(one.hostile for one in drawn + found),
            "programs": len(found),
            "layer": judge.layer,
            "wall_s": time.monotonic() - began,
            "wrong": wrong,
            "footprints": [list(one.values()) for one in footprints],
        }
    return report, text(report, footprints)


def progress(done: int, count: int, wrong: int, seconds: float) -> None:
    """One line that is written over."""
    end = "\n" if done == count else "\r"
    print(f"soak: {done:,} of {count:,}, {wrong} wrong, {seconds:.0f} s ", end=end, file=sys.stderr, flush=True)


def text(report: dict[str, Any], footprints: list[Footprint]) -> str:
    """A sentence, the table of what was held, and the wrong verdicts if any. Every worker there was has a line: a
    worker that was replaced ends, and its successor begins, along the way."""
    rows = []
    for number, pid in enumerate(dict.fromkeys(pid for one in footprints for pid in one)):
        seen = [place for place, one in enumerate(footprints) if pid in one]
        held = [footprints[place][pid] for place in seen]
        descriptors, resident = [one.descriptors for one in held], [one.resident_kb / 1024 for one in held]
        rows.append(
            [
                f"worker {number}" if number else "parent",
                f"{seen[0]}–{seen[-1]} of {len(footprints) - 1}",
                *(str(value) for value in (descriptors[0], descriptors[-1], max(descriptors))),
                *(f"{value:.1f}" for value in (resident[0], resident[-1], max(resident))),
            ]
        )
    header = ["", "looks", "descriptors first", "last", "most", "resident MB first", "last", "most"]
    said = (
        f"{report['runs']:,} runs of {report['programs']} programs, {report['hostile']:,} of them hostile, at "
        f"{report['layer']} in {report['wall_s']:.0f} s: {len(report['wrong'])} wrong verdicts."
    )
    wrong = [f"- {one}" for one in report["wrong"][:SHOWN]]
    return "\n\n".join([said, markdown(header, rows), *(["\n".join(wrong)] if wrong else [])])
