"""Every canonical program of HumanEval and MBPP passes its own checks, asserted across two processes."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from o1coder.judge import Judge, Question
from o1coder.task import Case, Limits

DATA = Path(__file__).parents[3] / "shared" / "data"
LIMITS = Limits(10.0, 1024)

pytestmark = [pytest.mark.slow, pytest.mark.shared]


def humaneval() -> list[Question]:
    """One question a problem."""
    with gzip.open(DATA / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        Question(
            row["prompt"] + row["canonical_solution"],
            "assert",
            Case(row["task_id"], row["test"], ""),
            row["entry_point"],
            limits=LIMITS,
        )
        for row in rows
    ]


def mbpp() -> list[Question]:
    """One question a problem; its entry point is the function that the first assertion calls."""
    questions = []
    for line in (DATA / "mbpp" / "mbpp.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        checks = "\n".join([row["test_setup_code"], *row["test_list"], *row["challenge_test_list"]])
        defined = re.findall(r"def\s+(\w+)\s*\(", row["code"])
        called = [name for name in defined if re.search(rf"\b{name}\s*\(", row["test_list"][0])]
        case = Case(f"MBPP/{row['task_id']}", checks, "")
        questions.append(Question(row["code"], "assert", case, called[0], limits=LIMITS))
    return questions


@pytest.mark.parametrize("read", [humaneval, mbpp])
def test_canonical_programs_are_accepted(judge: Judge, read: object) -> None:
    if not DATA.is_dir():
        pytest.skip("the data sets are not beside this checkout")
    assert callable(read)
    questions = read()
    verdicts = judge.judge(questions)
    assert [(q.case.digest, v) for q, v in zip(questions, verdicts, strict=True) if v.code != "AC"] == []
