"""A judge that itself fails too often ends a job with its words; what was written is right, and a retry goes on from it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from o1coder.jobs import launch, verbs
from o1coder.lab import Lab
from o1coder.problems.store import add_problem
from o1coder.rows import By
from tests.cli.conftest import done, say
from tests.jobs.conftest import HERE, Start, until
from tests.stages.conftest import count, problem

CHILD = shlex.join([sys.executable, "-P", str(HERE / "child_with_failing_judge.py")])
SUM = "def total_of_test(xs):\n    return sum(xs)\n"
ILL = "def biggest_of_test(xs):  # ill\n    return max(xs)\n"


@pytest.fixture
def programs(lab: Lab, start: Start, tmp_path: Path) -> Path:
    """Programs of two problems, the second's one that the judge fails on every time; a worker runs."""
    with lab.writing() as connection:
        for name in ("total_of", "biggest_of"):
            add_problem(connection, problem(name, "test"), By(author="tester"))
    (lab.home / "judge-fails").touch()
    start("--child", CHILD, "--idle-s", "60")
    until(lambda: launch.worker(lab.home))  # else the command starts one of its own
    file = tmp_path / "programs.jsonl"
    rows = [{"problem": "test-total_of", "code": SUM}, {"problem": "test-biggest_of", "code": ILL}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def items(lab: Lab) -> list[tuple[Any, ...]]:
    with lab.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT n, c, masked FROM evaluation_item")]


@pytest.mark.usefixtures("no_worker")
def test_a_job_ends_with_the_judges_words_and_a_retry_goes_on(lab: Lab, programs: Path) -> None:
    said = say(["evaluate", "--programs", str(programs), "--json"], lab.home)
    assert (said.code, said.out) == (2, "")
    assert "the judge itself failed in 6 of its last" in said.error["error"]
    shown = done("jobs show 1", lab.home)
    assert (shown["state"], shown["error"]["kind"]) == ("failed", "lab-error")
    assert shown["error"]["message"] == said.error["error"]
    assert "o1coder doctor" in shown["error"]["hint"]
    assert count(lab, "SELECT COUNT(*) FROM verdict WHERE code = 'AC'") == 10  # of the first problem, and no others
    assert count(lab, "SELECT COUNT(*) FROM verdict") == 10
    assert items(lab) == []
    (lab.home / "judge-fails").unlink()
    verbs.retry(lab, 1)
    assert verbs.wait(lab, 1, timeout_s=30).state == "done"
    assert items(lab) == [(1, 1, 0), (1, 1, 0)]
    assert count(lab, "SELECT COUNT(*) FROM verdict") == 20
    assert done("verify", lab.home)["ok"]


@pytest.mark.usefixtures("no_worker")
def test_what_the_judge_failed_on_is_masked_where_it_is_rare(lab: Lab, programs: Path) -> None:
    row = {
        "problem": "test-biggest_of",
        "code": ILL.replace("return", "if xs == [4]:\n        return 4\n    return 1 +"),
    }
    with lab.writing() as connection:  # two tests are left of the second problem
        connection.exec_driver_sql(
            "INSERT INTO test_withdrawal (test_case_id, reason, author, created_at) SELECT id, 'w', 'tester', "
            "'2026-01-01T00:00:00.000Z' FROM test_case WHERE problem_id = 2 AND input NOT IN ('[[4]]', '[[7, 7]]')"
        )
    with programs.open("a") as file:
        file.write(json.dumps(row) + "\n" + json.dumps(row | {"code": row["code"].replace("# ill", "")}) + "\n")
    assert say(["evaluate", "--programs", str(programs)], lab.home).code == 0
    assert items(lab) == [(1, 1, 0), (1, 0, 2)]  # n counts what was judged
    with lab.reading() as connection:
        codes = connection.exec_driver_sql("SELECT DISTINCT code FROM verdict").scalars().all()
    assert sorted(codes) == ["AC", "WA"]
