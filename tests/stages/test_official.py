"""`evaluate --official`: judged by the comparison of each problem's dataset, under a profile of its own, and said so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from o1coder import answers
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.problems.record import NewCase, NewProblem
from o1coder.problems.store import add_problem
from o1coder.queries import checkpoints
from o1coder.rows import By

from .conftest import Do, count

SORTED, REVERSED, WRONG = "print(1, 2, 3)", "print(3, 2, 1)", "print(4)"


def problem(source: str, kind: str = "stdio", split: str = "test") -> NewProblem:
    return NewProblem(
        source=source,
        source_key=f"{kind}-one",
        split=split,  # type: ignore[arg-type]
        family=f"{source}-{kind}",
        slice="official",
        kind=kind,  # type: ignore[arg-type]
        title="one",
        statement=f"Print the numbers from 1 to 3 ({source}, {kind}).",
        entry_point=None if kind == "stdio" else "one",
        signature=None if kind == "stdio" else "one(n)",
        comparator="tokens" if kind == "stdio" else "typed",
        cases=(NewCase("", "1 2 3\n", ("held-out",)),)
        if kind == "stdio"
        else (
            NewCase("[3]" if kind == "call" else "assert one(3) == 6", "[6]" if kind == "call" else "", ("held-out",)),
        ),
    )


@pytest.fixture
def add(lab: Lab) -> Callable[..., None]:
    """Store a problem of a source."""

    def one(source: str, kind: str = "stdio") -> None:
        with lab.writing() as connection:
            add_problem(connection, problem(source, kind), By(author="tester"))

    return one


def programs(folder: Path, *pairs: tuple[str, str]) -> str:
    file = folder / "programs.jsonl"
    file.write_text("".join(json.dumps({"problem": name, "code": code}) + "\n" for name, code in pairs))
    return str(file)


def answer(lab: Lab, job_id: int) -> dict[str, Any]:
    return answers.of(lab, "evaluate", job_id)[0]


def test_programs_are_judged_as_the_dataset_judges(lab: Lab, do: Do, add: Callable[..., None], tmp_path: Path) -> None:
    add("taco")
    file = programs(tmp_path, *(("taco/stdio-one", code) for code in (SORTED, REVERSED, WRONG)))
    own = do("evaluate", programs=file)
    official = do("evaluate", programs=file, official=True)
    assert [count(lab, f"SELECT c FROM evaluation_item WHERE evaluation_id = {n}") for n in (1, 2)] == [1, 2]
    assert [answer(lab, note.job_id)["official"] for note in (own, official)] == [None, ["official-apps"]]
    said = "\n".join(answers.lines("evaluate", answer(lab, official.job_id)))
    assert "official-apps" in said
    assert "published" in said
    assert "published" not in "\n".join(answers.lines("evaluate", answer(lab, own.job_id)))
    with lab.reading() as connection:
        assert [row.official for row in checkpoints.evaluations(connection)] == [True, False]
        rows = connection.exec_driver_sql(
            "SELECT f.comparator, v.code, v.detail FROM verdict v JOIN profile f ON f.id = v.profile_id ORDER BY v.id"
        ).all()
    assert [(json.loads(comparator)[0], code) for comparator, code, _ in rows] == [
        *(("tokens", code) for code in ("AC", "WA", "WA")),
        *(("official-apps", code) for code in ("AC", "AC", "WA")),
    ]
    assert rows[4][2].startswith("accepted by official-apps only")


def test_asserts_and_calls_have_theirs(lab: Lab, do: Do, add: Callable[..., None], tmp_path: Path) -> None:
    add("humaneval", "assert")
    add("apps", "call")
    good = "def one(n):\n    return n * 2\n"
    file = programs(tmp_path, ("humaneval/assert-one", good), ("apps/call-one", good))
    note = do("evaluate", programs=file, official=True)
    assert [item["c"] for item in answer(lab, note.job_id)["per_problem"]] == [1, 1]
    assert answer(lab, note.job_id)["official"] == ["official-apps-call", "typed"]
    assert "(official-apps-call, its asserts)" in "\n".join(answers.lines("evaluate", answer(lab, note.job_id)))
    own = do("evaluate", programs=file)
    assert [item["c"] for item in answer(lab, own.job_id)["per_problem"]] == [1, 0]  # 6 is not [6]


def test_a_source_without_one_is_told_before_anything_runs(lab: Lab, do: Do, tmp_path: Path) -> None:
    file = programs(tmp_path, ("test-total_of", "pass"))
    for config in ({"programs": file}, {"sampler": "fake:7"}, {"sampler": "fake:7", "mode": "search"}):
        with pytest.raises(LabError, match=r"problem \d+ \(test/test-\w+\): there is no official comparison"):
            do("evaluate", official=True, **config)
    assert count(lab, "SELECT COUNT(*) FROM verdict") == 0
    assert count(lab, "SELECT COUNT(*) FROM completion") == 0


@pytest.mark.parametrize("mode", ["direct", "pseudocode", "search"])
def test_a_policy_is_rewarded_by_its_problem_and_measured_officially(
    lab: Lab, do: Do, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from o1coder.judge import official

    own_config = {"sampler": "fake:7", "split": ["test"], "n": 3, "mode": mode}
    own = do("evaluate", **own_config)
    monkeypatch.setattr(official, "OFFICIAL_OF", {("test", "call"): "official-livecodebench-call"})
    note = do("evaluate", official=True, **own_config)
    with lab.reading() as connection:
        rows = checkpoints.evaluations(connection)
        assert [(row.official, row.samples, row.correct) for row in rows] == [
            (True, 9, rows[1].correct),  # whole numbers: both ways of comparing agree
            (False, 9, rows[1].correct),
        ]
    assert rows[1].correct > 0
    assert answer(lab, note.job_id)["official"] == ["official-livecodebench-call"]
    trees = "SELECT COUNT(*) FROM tree t JOIN profile f ON f.id = t.profile_id WHERE f.comparator LIKE '%official%'"
    assert count(lab, trees) == 0  # no reward is of an official comparison
    before = [count(lab, f"SELECT COUNT(*) FROM {table}") for table in ("evaluation", "verdict", "program")]
    do("evaluate", again=note.job_id, official=True, **own_config)
    assert [count(lab, f"SELECT COUNT(*) FROM {table}") for table in ("evaluation", "verdict", "program")] == before
    assert answer(lab, own.job_id)["official"] is None
