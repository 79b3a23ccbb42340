"""The programs that the field's graders score wrongly, kept as data: this judge scores every one of them rightly.

Correct programs, honest wrong ones, and cheats that some in-process grader has been seen to pass or to hang on. The
graders' own answers are not tested here: `python -P -m tests.benchmarks.graders` asks those that are installed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from o1coder.judge import Judge
from tests.benchmarks.graders import __main__ as table
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


@pytest.mark.parametrize(
    ("script", "cell"),
    [
        ('printf pass > "$4"', "pass"),
        ('printf fail > "$4"', "fail"),
        ('printf fail > "$4"; exit 1', "error"),
        ("exit 0", "error"),
        ("exit 1", "error"),
        ("sleep 1000", "hangs"),
    ],
)
def test_what_a_grader_says_is_read(script: str, cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if cell == "hangs":
        monkeypatch.setattr(table, "HANGS_S", 0.5)
    python = tmp_path / "python"  # stands for a grader's interpreter: python -I adapter.py NAME ANSWER
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    assert table.ask(python, "fake", load()[0]) == cell


def test_the_table_marks_what_is_wrong_and_counts_it() -> None:
    programs = [next(p for p in load() if p.truth == truth) for truth in TRUTHS]
    columns: dict[str, list[table.Cell]] = {"good": ["pass", "fail", "error"], "bad": ["error", "pass", "hangs"]}
    text = table.markdown(programs, columns)
    assert [line.rsplit(" | ", 2)[1:] for line in text.splitlines()[2:5]] == [
        ["pass", "**error** |"],
        ["fail", "**pass** |"],
        ["error", "**hangs** |"],
    ]
    assert "| good | 0 of 1 | 0 of 1 | 0 of 1 | 0 |" in text
    assert "| bad | 1 of 1 | 1 of 1 | 0 of 1 | 1 |" in text
