"""Every program kept as data gets its verdict: all of them at the best level, the quick ones at every level."""

from __future__ import annotations

import platform

import pytest

from o1coder.judge import Judge

from .conftest import Program, load

ALL = load("hostile") + load("honest")
QUICK_CPU_S = 0.9  # a program that sets its own lower limit means to use it up


def wrong(judge: Judge, programs: list[Program]) -> list[str]:
    """Those whose verdict is not one of the right ones, with what they got."""
    here = [p for p in programs if p.machine in ("", platform.machine()) and judge.layer in p.levels.split()]
    verdicts = judge.judge([program.question for program in here])
    return [
        f"{program.name}: {verdict.code} ({verdict.detail}), not {program.verdicts}"
        for program, verdict in zip(here, verdicts, strict=True)
        if verdict.code not in program.verdicts
    ]


def test_there_are_enough_programs() -> None:
    assert len(load("hostile")) >= 120
    assert len(load("honest")) >= 40


def test_every_program_at_the_best_level(judge: Judge) -> None:
    assert wrong(judge, ALL) == []


def test_quick_programs_at_every_level(level_judge: Judge) -> None:
    quick = [p for p in ALL if p.question.limits.cpu_s > QUICK_CPU_S and not {"TLE", "MLE"} & p.verdicts]
    assert wrong(level_judge, quick) == []


@pytest.mark.slow
def test_every_program_at_every_level(level_judge: Judge) -> None:
    assert wrong(level_judge, ALL) == []
