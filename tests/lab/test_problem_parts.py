"""What one problem is made of and was used for, in the lab of the screens' tests, where every number is known."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from o1coder.lab import Lab
from o1coder.problems.withdrawals import withdraw
from o1coder.queries import problem_parts
from tests.tui.conftest import make_lab


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("parts") / "lab"
    make_lab(home)
    return home


@pytest.fixture
def lab(template: Path, tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(Path(shutil.copytree(template, tmp_path / "lab")))
    yield lab
    lab.close()


def test_tests_by_origin_with_what_fails_them_and_what_was_withdrawn(lab: Lab) -> None:
    with lab.writing(durable=True) as connection:
        withdraw(connection, "2", "two answers", "ann")
    with lab.reading() as connection:
        cases = problem_parts.cases(connection, 1)
    bad = cases[0].failed_by[0][0]
    assert [(c.id, c.passed, c.failed, c.failed_by) for c in cases] == [(n, 1, 1, [(bad, "WA")]) for n in (1, 2, 3)]
    assert [(c.withdrawn, c.reason) for c in cases] == [(False, None), (True, "two answers"), (False, None)]
    assert {c.purposes for c in cases} == {"reward"}
    assert problem_parts.origins(cases) == [("dataset", 3, 1)]


def test_programs_by_verdict_and_what_each_fails(lab: Lab) -> None:
    with lab.writing(durable=True) as connection:
        withdraw(connection, "2", "two answers", "ann")
    with lab.reading() as connection:
        groups = problem_parts.program_groups(connection, 1)
        good, bad = problem_parts.programs(connection, 1)
        assert problem_parts.programs(connection, 1, limit=1) == [good]
        assert problem_parts.program_groups(connection, 2) == [(None, 1)]
        assert problem_parts.programs(connection, 2)[0].verdict is None
    assert groups == [("AC", 1), ("WA", 1)]
    assert (good.origins, good.claim, good.verdict, good.passed, good.judged) == (
        "reference,search",
        "correct",
        "AC",
        2,
        2,
    )
    assert (bad.verdict, bad.passed, bad.judged, bad.layers, bad.rollouts) == ("WA", 0, 2, "L4", 1)
    assert bad.fails == [(1, "WA", "L4"), (3, "WA", "L4")]


def test_what_a_problem_was_used_for(lab: Lab) -> None:
    with lab.reading() as connection:
        found = problem_parts.uses(connection, 1)
        assert problem_parts.uses(connection, 2) == []
    assert [(use.kind, use.id, use.rows) for use in found] == [
        ("dataset", 1, 1),
        ("checkpoint", 1, None),
        ("checkpoint", 2, None),
    ]
    assert found[0].about == "prm-point validity"
    assert found[1].about == "prm by prm job 2"
