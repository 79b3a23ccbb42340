"""The import stage on a lab: rows stored once, every rejected row reported, references judged, nothing half done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.stages.import_stage import Import, import_problems
from tests.export.conftest import Report, new_job


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty lab."""
    lab = Lab.create(tmp_path / "lab")
    yield lab
    lab.close()


def row(key: str, **change: Any) -> dict[str, Any]:
    """A sound row of the JSONL format."""
    return {
        "key": key,
        "statement": f"Write a function {key} that doubles a number.",
        "entry_point": key,
        "tests": [{"input": [n], "expected": 2 * n} for n in range(4)],
        "reference": f"def {key}(x):\n    return 2 * x\n",
        **change,
    }


OTHER = {  # a problem that is nothing like row's
    "statement": "Write a function that counts the vowels of a word.",
    "tests": [{"input": ["e" * n], "expected": n} for n in range(4)],
    "reference": "def count(word):\n    return sum(letter in 'aeiou' for letter in word)\n",
    "entry_point": "count",
}


def write(tmp_path: Path, *rows: dict[str, Any]) -> str:
    """A JSONL file; its path."""
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return str(file)


def run(lab: Lab, report: Report | None = None, **config: Any) -> dict[str, Any]:
    """Run the stage as a job; its answer."""
    report = report or Report(new_job(lab, "import"))
    import_problems(lab, Import.model_validate(config), report)
    found: dict[str, Any] = json.loads((lab.job_folder(report.job_id) / "answer.json").read_text())
    return found


def counts(lab: Lab) -> dict[str, int]:
    """Rows of every table that an import fills."""
    names = ("problem", "program", "program_origin", "test_case", "test_set", "test_set_item", "verdict")
    with lab.reading() as connection:
        return {n: int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {n}").scalar() or 0) for n in names}


def test_rows_are_stored_and_twice_adds_nothing(lab: Lab, tmp_path: Path) -> None:
    path = write(tmp_path, row("a"), row("b", **OTHER, split="test"))
    first = run(lab, source="jsonl", path=path)
    assert (first["problems"], first["added"], first["known"], first["rejected"]) == (2, 2, 0, [])
    stored = counts(lab)
    assert stored == {
        "problem": 2,
        "program": 2,
        "program_origin": 2,
        "test_case": 8,
        "test_set": 3,
        "test_set_item": 8,
        "verdict": 0,
    }
    with lab.reading() as connection:
        sets = connection.exec_driver_sql(
            "SELECT p.source_key, s.purpose, COUNT(*) FROM test_set s JOIN problem p ON p.id = s.problem_id "
            "JOIN test_set_item i ON i.test_set_id = s.id GROUP BY s.id ORDER BY 1, 2"
        ).all()
    assert sets == [("a", "audit", 1), ("a", "reward", 3), ("b", "held-out", 4)]
    again = run(lab, source="jsonl", path=path)
    assert (again["added"], again["known"]) == (0, 2)
    assert counts(lab) == stored


def test_rejected_rows_are_reported_and_the_rest_is_kept(lab: Lab, tmp_path: Path) -> None:
    same = {**row("a"), "key": "c"}
    report = Report(new_job(lab, "import"))
    path = write(tmp_path, row("a"), row("b", tests=[]), same, row("d"))
    found = run(lab, report, source="jsonl", path=path)
    assert found["added"] == 2
    assert found["rejected"] == [
        {"row": 2, "key": "b", "reason": "no tests"},
        {"row": None, "key": "c", "reason": "the same problem as a"},
    ]
    lines = (lab.job_folder(report.job_id) / "rejected.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == found["rejected"]
    assert "rejected row 2 (b): no tests" in report.lines


def test_a_retry_says_what_the_job_added(lab: Lab, tmp_path: Path) -> None:
    job = new_job(lab, "import")
    path = write(tmp_path, row("a"))
    first = run(lab, Report(job), source="jsonl", path=path)
    assert run(lab, Report(job), source="jsonl", path=path) == first


def test_limit_and_split(lab: Lab, tmp_path: Path) -> None:
    path = write(tmp_path, row("bad", tests=[]), *(row(f"f{n}") for n in range(5)))
    found = run(lab, source="jsonl", path=path, limit=3, split="validation")
    assert (found["added"], len(found["rejected"])) == (3, 1)
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT DISTINCT split FROM problem").all() == [("validation",)]
        assert connection.exec_driver_sql("SELECT DISTINCT purpose FROM test_set").all() == [("held-out",)]


def test_references_are_judged_on_request(lab: Lab, tmp_path: Path) -> None:
    wrong = row("b", reference="def b(x):\n    return 2 * x if x < 3 else 0\n")
    report = Report(new_job(lab, "import"))
    found = run(lab, report, source="jsonl", path=write(tmp_path, row("a"), wrong), check=True)
    [failing] = found["references_failing"]
    assert (failing["key"], failing["tests"], failing["verdict"]) == ("b", 1, "WA")
    assert "the reference of b fails 1 of its tests (WA)" in report.lines
    assert counts(lab)["verdict"] == 8
    again = run(lab, source="jsonl", path=write(tmp_path, row("a"), wrong), check=True)
    assert again["references_failing"] == found["references_failing"]
    assert counts(lab)["verdict"] == 8


def test_the_starter_problems(lab: Lab) -> None:
    found = run(lab)
    assert found["added"] >= 90
    assert found["rejected"] == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"source": "jsonl"}, "needs a file"),
        ({"source": "starter", "path": "/x"}, "need no --path"),
        ({"source": "starter", "split": "test"}, "have their splits"),
        ({"source": "mbpp", "path": "/nowhere/x.jsonl"}, "cannot be read"),
    ],
)
def test_what_a_user_can_mend(lab: Lab, config: dict[str, str], message: str) -> None:
    with pytest.raises(LabError, match=message):
        run(lab, **config)
    assert counts(lab)["problem"] == 0


def test_a_cancelled_import_leaves_no_answer(lab: Lab, tmp_path: Path) -> None:
    report = Report(new_job(lab, "import"), cancelled=True)
    with pytest.raises(FileNotFoundError):
        run(lab, report, source="jsonl", path=write(tmp_path, row("a")))


def test_a_budget_keeps_what_there_is(lab: Lab, tmp_path: Path) -> None:
    report = Report(new_job(lab, "import"))
    report.remaining_s = 0.0
    found = run(lab, report, source="jsonl", path=write(tmp_path, row("a")), check=True)
    assert (found["added"], found["references_failing"], report.reason) == (0, [], "budget")


def test_nothing_leaks_between_splits(lab: Lab, tmp_path: Path) -> None:
    """Neither within a file nor from what the lab holds; what was accepted once stays known."""
    held = row("held", **OTHER, split="validation", family="vowels")
    near = {**OTHER, "statement": "Write a function `f(word)` that counts the vowels of a word.", "reference": None}
    path = write(
        tmp_path,
        held,
        row("kin", split="test", family="vowels"),
        row("copy", **{**OTHER, "statement": "Count them all."}),
        row("near", **near),
        row("fine", **{**near, "statement": "Write a function `f(word)` that spells a word backwards."}),
        row("twin", **near, split="validation", family="vowels"),
    )
    first = run(lab, source="jsonl", path=path)
    assert first["added"] == 3
    assert [(one["key"], one["reason"]) for one in first["rejected"]] == [
        ("kin", "its family 'vowels' is in validation already: jsonl/held"),
        ("copy", "its reference is that of jsonl/held, which is in validation"),
        ("near", "its statement is like that of jsonl/held, which is in validation: 1.00 of their words"),
    ]
    again = run(lab, source="jsonl", path=path)
    assert (again["added"], again["known"], again["rejected"]) == (0, 3, first["rejected"])
    [moved] = run(lab, source="jsonl", path=write(tmp_path, held), split="test")["rejected"]
    assert moved["reason"] == "its family 'vowels' is in validation already: jsonl/held"
    renamed = {**held, "family": "new", "statement": "Quite another text.", "reference": None}
    [moved] = run(lab, source="jsonl", path=write(tmp_path, renamed), split="train")["rejected"]
    assert moved["reason"] == "the lab holds it in validation"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("source", "file", "added", "rejected"),
    [("humaneval", "humaneval/HumanEval.jsonl.gz", 164, 0), ("mbpp", "mbpp/mbpp.jsonl", 936, 38)],
)
def test_published_sets_lose_only_what_is_in_two_splits(
    lab: Lab, source: str, file: str, added: int, rejected: int
) -> None:
    path = Path(__file__).parents[3] / "shared" / "data" / file
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    found = run(lab, source=source, path=str(path))
    assert (found["added"], len(found["rejected"])) == (added, rejected)
