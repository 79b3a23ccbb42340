"""The programs that the field's graders score wrongly, kept as data: this judge scores every one of them rightly.

Correct programs, honest wrong ones, and cheats that some in-process grader has been seen to pass or to hang on. The
graders' own answers are not tested here: `python -P -m tests.benchmarks.graders` asks those that are installed.
"""

from __future__ import annotations

from o1coder.judge import Judge
from tests.benchmarks.graders.programs import TRUTHS, Program, load, questions

REFUSED = {"WA", "CE", "TLE", "ILE", "MLE", "OLE", "RE", "SV"}  # the program's own faults: never IE, never SK


def test_there_are_programs_of_every_truth_and_kind() -> None:
    programs = load()
    assert {(p.truth, p.kind) for p in programs} == {(t, k) for t in TRUTHS for k in ("stdio", "function")}
    assert sum(p.truth == "correct" for p in programs) >= 15
    assert sum(p.truth == "cheat" for p in programs) >= 16


def scored_wrongly(judge: Judge, programs: list[Program]) -> dict[str, tuple[str, str]]:
    """What the judge said where it is not what it should say."""
    asked = [(program, question) for program in programs for question in questions(program)]
    verdicts = judge.judge([question for _, question in asked])
    return {
        f"{program.truth}/{program.name} ({question.kind})": (verdict.code, verdict.detail)
        for (program, question), verdict in zip(asked, verdicts, strict=True)
        if verdict.code not in ({"AC"} if program.truth == "correct" else REFUSED)
    }


def test_every_program_is_scored_rightly(judge: Judge) -> None:
    assert scored_wrongly(judge, load()) == {}


def test_those_that_end_are_scored_rightly_at_every_level(level_judge: Judge) -> None:
    assert scored_wrongly(level_judge, [program for program in load() if "hang" not in program.name]) == {}
