"""Every program kept as data gets its verdict: all of them at the best level, the quick ones at every level.

A program that a verdict's clock or memory limit ends takes its limit's time, so those are run at every level only by
`make test-slow`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from o1coder.judge import Judge

from .conftest import HONEST, HOSTILE, load, parse, wrong

ALL = load(*HOSTILE, *HONEST)
QUICK = [p for p in ALL if p.question.limits.cpu_s > 0.9 and not {"TLE", "ILE", "MLE"} & p.verdicts]


def test_there_are_enough_programs() -> None:
    assert len(load("hostile")) >= 120
    assert len(load("hostile-call", "hostile-assert")) >= 60
    assert len(load("honest")) >= 40


def test_no_hostile_program_may_be_accepted() -> None:
    assert [p.name for p in load(*HOSTILE) if p.verdicts & {"AC", "IE", "SK"}] == []
    assert [p.name for p in load("honest") if p.verdicts != {"AC"}] == []
    assert [p.name for p in load(*HONEST) if p.verdicts not in ({"AC"}, {"WA"})] == []


def test_a_head_that_says_something_unknown_is_refused(tmp_path: Path) -> None:
    for head in ("#: verdict OK", "#: verdict AC\n#: stdni '1'"):
        path = tmp_path / "program.txt"
        path.write_text(f"{head}\n#---\nprint(1)\n")
        with pytest.raises(ValueError, match="the head is not"):
            parse(path)


def test_every_program_at_the_best_level(judge: Judge) -> None:
    found = wrong(judge, ALL)
    assert not found, "\n".join(found)


def test_quick_programs_at_every_level(level_judge: Judge) -> None:
    found = wrong(level_judge, QUICK)
    assert not found, "\n".join(found)


@pytest.mark.slow
def test_every_program_at_every_level(level_judge: Judge) -> None:
    found = wrong(level_judge, ALL)
    assert not found, "\n".join(found)
