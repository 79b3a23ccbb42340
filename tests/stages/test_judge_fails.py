"""The judge's own failure is no verdict: not for a reference that is checked, a generated case, nor a sampled program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.judge import Judge, Question, Verdict
from o1coder.lab import Lab
from o1coder.queries import trees
from tests.stages.conftest import Do, count

Ill = Callable[[Callable[[Question], bool]], None]


@pytest.fixture
def fails_on(monkeypatch: pytest.MonkeyPatch) -> Ill:
    """Make the judge fail on some questions, the rest judged as they are; None of them: it is well again."""
    whole, served = Judge.stream, Judge.serve

    def install(ill: Callable[[Question], bool]) -> None:
        def stream(judge: Judge, questions: Any, *more: Any, **named: Any) -> Iterator[Verdict]:
            asked = list(questions)
            for question, verdict in zip(asked, whole(judge, asked, *more, **named), strict=True):
                yield Verdict("IE", detail="lost", layer=judge.layer) if ill(question) else verdict

        def serve(judge: Judge, pull: Any, *more: Any) -> Iterator[tuple[int, Verdict]]:
            asked: list[Question] = []

            def noted(room: int, idle: bool) -> Any:
                pulled = pull(room, idle)
                asked.extend(pulled or ())
                return pulled

            for number, verdict in served(judge, noted, *more):
                sick = isinstance(asked[number], Question) and ill(asked[number])
                yield number, Verdict("IE", detail="lost", layer=judge.layer) if sick else verdict

        monkeypatch.setattr(Judge, "stream", stream)
        monkeypatch.setattr(Judge, "serve", serve)

    return install


def reference(key: str, code: str) -> dict[str, Any]:
    return {
        "key": key,
        "statement": f"Write a function {key}.",
        "entry_point": key,
        "tests": [{"input": [n], "expected": 2 * n} for n in range(3)],
        "reference": f"def {key}(x):\n    {code}\n",
    }


def test_a_reference_is_neither_accepted_nor_rejected(lab: Lab, do: Do, fails_on: Ill, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [reference("good", "return 2 * x"), reference("ill", "return x + x"), reference("bad", "return x")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {"source": "jsonl", "path": str(file), "check": True}

    def answer(job: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((lab.job_folder(job) / "answer.json").read_text())
        return found

    fails_on(lambda question: question.entry_point == "ill" and question.case.input == "[1]")
    note = do("import", **config)
    found = answer(note.job_id)
    assert [(row["key"], row["tests"], row["verdict"]) for row in found["references_failing"]] == [("bad", 2, "WA")]
    assert [(row["key"], row["tests"], row["detail"]) for row in found["references_unjudged"]] == [("ill", 1, "lost")]
    assert any("judge failed on 1 tests of the reference of ill" in line for line in note.said)
    assert count(lab, "SELECT COUNT(*) FROM verdict") == 8
    fails_on(lambda question: False)
    do("import", again=note.job_id, **config)
    assert answer(note.job_id)["references_unjudged"] == []
    assert count(lab, "SELECT COUNT(*) FROM verdict") == 9


def test_a_generated_case_is_neither_valid_nor_invalid(lab: Lab, do: Do, fails_on: Ill) -> None:
    config = {"sampler": "fake:7", "split": "train", "n": 2}
    fails_on(lambda question: question.entry_point == "total_of_train")
    note = do("generate-tests", **config)
    assert any("parsed cases were not judged" in line for line in note.said)
    tested = (
        "SELECT COUNT(*) FROM generated_case g JOIN test_case t ON t.id = g.test_case_id "
        "JOIN problem p ON p.id = t.problem_id WHERE p.entry_point {} 'total_of_train' AND g.valid IS {} NULL"
    )
    assert count(lab, tested.format("=", "NOT")) == 0
    assert count(lab, tested.format("=", "")) > 0
    assert count(lab, tested.format("<>", "")) == 0
    masked = (
        "SELECT SUM(i.masked) FROM evaluation_item i JOIN problem p ON p.id = i.problem_id WHERE p.entry_point {} ?"
    )
    assert count(lab, masked.format("="), "total_of_train") > 0
    assert count(lab, masked.format("<>"), "total_of_train") == 0
    verify = (
        "SELECT COUNT(*) FROM test_set s JOIN problem p ON p.id = s.problem_id "
        "WHERE s.purpose = 'verify' AND p.entry_point = ?"
    )
    assert count(lab, verify, "total_of_train") == 0
    assert count(lab, verify, "twice_train") == 1


@pytest.mark.parametrize("mode", ["pseudocode", "search"])
def test_a_sampled_program_is_masked(lab: Lab, do: Do, fails_on: Ill, mode: str) -> None:
    fails_on(lambda question: question.entry_point == "twice_test")
    do("evaluate", sampler="fake:7", split=["test"], n=3, mode=mode)
    item = "SELECT {} FROM evaluation_item i JOIN problem p ON p.id = i.problem_id WHERE p.entry_point {} 'twice_test'"
    assert count(lab, item.format("MAX(c)", "=")) == 0
    assert count(lab, item.format("MAX(masked)", "=")) > 0
    assert count(lab, item.format("MAX(n + masked)", "=")) == 3
    assert count(lab, item.format("SUM(masked)", "<>")) == 0
    assert count(lab, item.format("SUM(c)", "<>")) > 0
    rewarded = (
        "SELECT COUNT(*) FROM rollout r JOIN tree x ON x.id = r.tree_id JOIN problem p ON p.id = x.problem_id "
        "WHERE p.entry_point = 'twice_test' AND r.program_id IS NOT NULL AND r.reward IS NOT NULL"
    )
    assert count(lab, rewarded) == 0


def test_a_search_labels_nothing_by_a_judge_that_fails(lab: Lab, do: Do, fails_on: Ill) -> None:
    fails_on(lambda question: "total_of" in (question.entry_point or ""))
    do("synthesize", sampler="fake:7", split="train")
    of = "JOIN problem p ON p.id = x.problem_id WHERE p.entry_point {} 'total_of_train'"
    rewards = f"SELECT COUNT(r.reward) FROM rollout r JOIN tree x ON x.id = r.tree_id {of} AND r.program_id IS NOT NULL"
    labels = (
        "SELECT COUNT(*) FROM label l JOIN step s ON s.id = l.step_id JOIN tree x ON x.id = s.tree_id "
        f"{of} AND s.action = 'code' AND s.program_id IS NOT NULL"
    )
    assert [count(lab, sql.format("=")) for sql in (rewards, labels)] == [0, 0]
    assert all(count(lab, sql.format("<>")) > 0 for sql in (rewards, labels))


def test_a_program_that_the_judge_failed_on_is_not_shown_as_accepted(lab: Lab, do: Do, fails_on: Ill) -> None:
    fails_on(lambda question: question.entry_point == "twice_train" and question.case.input == "[[4]]")
    do("synthesize", sampler="fake:7", split="train")
    with lab.reading() as connection:
        tree = "SELECT x.id FROM tree x JOIN problem p ON p.id = x.problem_id WHERE p.entry_point {} 'twice_train'"
        ill = trees.steps(connection, count(lab, tree.format("=")))
        well = trees.steps(connection, count(lab, tree.format("<>")))
    assert count(lab, "SELECT COUNT(*) FROM verdict") > 0
    assert not [step for step in ill if step.verdict or step.total]
    assert [step for step in well if step.verdict and step.total]


def programs(folder: Path, *codes: str) -> str:
    file = folder / "programs.jsonl"
    file.write_text("".join(json.dumps({"problem": "test-total_of", "code": code}) + "\n" for code in codes))
    return str(file)


def test_an_evaluation_runs_nothing_after_the_first_test_that_a_program_fails(lab: Lab, do: Do, tmp_path: Path) -> None:
    bodies = ("sum(xs)", "sum(xs) + (xs == [4])", "0")  # the second fails the second test of ten, the third the first
    do("evaluate", programs=programs(tmp_path, *(f"def total_of_test(xs):\n    return {body}\n" for body in bodies)))
    item = "SELECT n || ' ' || c || ' ' || masked || ' ' || complete FROM evaluation_item"
    assert count(lab, item) == "3 1 0 3"
    with lab.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT COUNT(*), SUM(v.code = 'AC') FROM verdict v GROUP BY v.program_id ORDER BY v.program_id"
        ).all()
    assert [tuple(row) for row in rows] == [(10, 10), (2, 1), (1, 0)]


def test_no_program_passes_a_problem_whose_tests_were_all_withdrawn(lab: Lab, do: Do, tmp_path: Path) -> None:
    with lab.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO test_withdrawal (test_case_id, reason, author, created_at) "
            "SELECT id, 'wrong', 'tester', '2026-01-01T00:00:00.000Z' FROM test_case"
        )
    for config in ({"programs": programs(tmp_path, "pass")}, {"sampler": "fake:7", "split": ["test"]}):
        with pytest.raises(LabError, match="has no tests to judge with"):
            do("evaluate", **config)
    assert count(lab, "SELECT COUNT(*) FROM evaluation") == 0
