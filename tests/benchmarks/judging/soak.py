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

from .arms import ASSERT, CALL
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


class Footprint(NamedTuple):
    """Open descriptors and resident kB: this process, then each worker with all below it."""

    descriptors: list[int]
    resident_kb: list[int]


def entries(layer: str) -> list[Entry]:
    """What can be run at this level on this machine."""
    found = [
        Entry("call", CALL, frozenset({"AC"}), hostile=False),
        Entry("assert", ASSERT, frozenset({"AC"}), hostile=False),
    ]
    for folder in sorted(path.name for path in PROGRAMS.iterdir() if path.name.startswith(("honest", "hostile"))):
        for program in load(folder):
            if program.machine in ("", platform.machine()) and layer in program.levels.split():
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
    trees = [[os.getpid()], *([pid, *descendants(pid)] for pid in judge.pids())]
    return Footprint(
        [sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in tree) for tree in trees],
        [sum(resident_kb(pid) for pid in tree) for tree in trees],
    )


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
        wrong, costs = judged(judge, found)
        drawn = mix(found, costs, count, seed)
        footprints = [footprint(judge)]
        first_pids, began = judge.pids(), time.monotonic()
        for start in range(0, count, CHUNK):
            wrong += judged(judge, drawn[start : start + CHUNK])[0]
            footprints.append(footprint(judge))
            progress(min(count, start + CHUNK), count, len(wrong), time.monotonic() - began)
        wall_s = time.monotonic() - began
        report = {
            "runs": count + len(found),
            "hostile": sum(one.hostile for one in drawn + found),
            "programs": len(found),
            "layer": judge.layer,
            "wall_s": wall_s,
            "wrong": wrong,
            "workers_replaced": len(set(judge.pids()) - set(first_pids)),
            "footprints": [one._asdict() for one in footprints],
        }
    return report, text(report, footprints)


def progress(done: int, count: int, wrong: int, seconds: float) -> None:
    """One line that is written over."""
    end = "\n" if done == count else "\r"
    print(f"soak: {done:,} of {count:,}, {wrong} wrong, {seconds:.0f} s ", end=end, file=sys.stderr, flush=True)


def text(report: dict[str, Any], footprints: list[Footprint]) -> str:
    """A sentence, the table of what was held, and the wrong verdicts if any."""
    rows = []
    for place in range(len(footprints[0].descriptors)):
        descriptors = [one.descriptors[place] for one in footprints]
        resident = [one.resident_kb[place] / 1024 for one in footprints]
        rows.append(
            [
                f"worker {place}" if place else "parent",
                *(str(value) for value in (descriptors[0], descriptors[-1], max(descriptors))),
                *(f"{value:.1f}" for value in (resident[0], resident[-1], max(resident))),
            ]
        )
    header = ["", "descriptors first", "last", "most", "resident MB first", "last", "most"]
    said = (
        f"{report['runs']:,} runs of {report['programs']} programs, {report['hostile']:,} of them hostile, at "
        f"{report['layer']} in {report['wall_s']:.0f} s: {len(report['wrong'])} wrong verdicts; "
        f"{report['workers_replaced']} workers are not those of the start."
    )
    wrong = [f"- {one}" for one in report["wrong"][:SHOWN]]
    return "\n\n".join([said, markdown(header, rows), *(["\n".join(wrong)] if wrong else [])])
