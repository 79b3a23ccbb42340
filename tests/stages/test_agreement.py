"""Agreement on searched trees: a threshold tuned on fresh draws of another split, verdicts that are withdrawn or of a second
origin, and which stages say whose opinion chose their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from o1coder import consensus, selection
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.models import Checkpoint, Completion, GeneratedCase, TestCase, TestWithdrawal, Verdict
from o1coder.rows import add
from tests.stages.conftest import Do, count

FAKE = {"sampler": "fake:7", "split": "train"}


@pytest.fixture
def prm(lab: Lab, tmp_path: Path) -> int:
    """A PRM by name; its numbers come from a scripted scorer."""
    with lab.writing() as connection:
        row: dict[str, Any] = {"digest": "sha256:p", "base_digest": "sha256:p", "format": "full", "bytes": 1}
        return add(connection, Checkpoint, role="prm", path=str(tmp_path), author="t", created_at=now(), **row)


def kept(lab: Lab, text: str) -> tuple[set[int], dict[str, int]]:
    """The steps that a query keeps, and why the others are left out."""
    out = selection.Excluded()
    with lab.reading() as connection:
        query, as_of = selection.Query.parse(text), selection.as_of_now(connection)
        found = selection.labelled_steps(connection, query, as_of, out, target="validity")
        return {item.prefix[-1].id for item in found}, out.counts


def test_the_threshold_is_tuned_on_fresh_draws_of_another_split(lab: Lab, do: Do, prm: int) -> None:
    do("synthesize", **FAKE)
    do("score", scorer="fake:7", prm=prm)
    do("evaluate-prm", sampler="fake:7", scorer="fake:7", prm=prm, split="train", codes=8)
    with pytest.raises(LabError, match="no fresh draws"):
        kept(lab, "agree:prm")
    job = do("evaluate-prm", sampler="fake:7", scorer="fake:7", prm=prm, codes=8).job_id
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        query, said = consensus.settled(connection, selection.Query.parse("agree:prm+search"), as_of)
    assert query.text() == f"agree:prm+search prm:{prm} tuned:{job}"
    threshold = said["filter"]["threshold"]
    assert 0 < threshold < 1
    assert f"fresh draws of job {job} (validation)" in said["filter"]["tuned_on"]
    steps, _ = kept(lab, "agree:prm")
    whole, _ = kept(lab, "split:train")
    scores = f"SELECT COUNT(*) FROM score c JOIN label l ON l.step_id = c.step_id WHERE c.step_id = ? AND (c.value >= {threshold!r}) = (l.value = 'valid')"  # noqa: E501  # fmt: skip
    assert {step for step in whole if count(lab, scores, step)} == steps
    assert 0 < len(steps) < len(whole)
    do("evaluate-prm", sampler="fake:8", scorer="fake:7", prm=prm, codes=8)
    with lab.reading() as connection:  # newer draws change nothing as of then
        assert consensus.settled(connection, selection.Query.parse("agree:prm+search"), as_of) == (query, said)
        newer, _ = consensus.settled(connection, query, selection.as_of_now(connection))
    assert newer == query
    with pytest.raises(LabError, match="drew on train"):
        kept(lab, f"agree:prm tuned:{job - 1}")


def a_solved_step(lab: Lab) -> tuple[int, int, int]:
    """(step, program, tree) of a code step labelled valid."""
    with lab.reading() as connection:
        row = connection.exec_driver_sql(
            "SELECT s.id, s.program_id, s.tree_id FROM step s JOIN label l ON l.step_id = s.id "
            "WHERE s.action = 'code' AND l.value = 'valid' ORDER BY s.id LIMIT 1"
        ).one()
        return row[0], row[1], row[2]


def test_a_second_origin_that_differs_agrees_with_nobody(lab: Lab, do: Do) -> None:
    job = do("synthesize", **FAKE).job_id
    before, _ = kept(lab, "agree:execution")
    step, program, tree = a_solved_step(lab)
    assert step in before
    with lab.writing() as connection:
        problem, profile, digest = connection.exec_driver_sql(
            "SELECT problem_id, profile_id, 'sha256:' || hex(randomblob(32)) FROM tree WHERE id = ?", (tree,)
        ).one()
        shared: dict[str, Any] = {"job_id": job, "created_at": now()}
        case = add(
            connection, TestCase, problem_id=problem, digest=digest, input="[[1]]", expected="9", origin="tcg", **shared
        )
        verdict: dict[str, Any] = {"cpu_ms": 1.0, "wall_ms": 1.0, "memory_kb": 1, "layer": "L4", "host": "h"}
        add(
            connection,
            Verdict,
            program_id=program,
            test_case_id=case,
            profile_id=profile,
            code="WA",
            **verdict,
            **shared,
        )
    assert kept(lab, "agree:execution")[0] == before  # the reference has not passed it: it may be wrong
    with lab.writing() as connection:
        root = connection.exec_driver_sql(
            "SELECT id FROM step WHERE tree_id = ? AND parent_id IS NULL", (tree,)
        ).scalar()
        said = add(
            connection,
            Completion,
            tree_id=tree,
            parent_id=root,
            ordinal=999,
            text="",
            tokens_in=1,
            tokens_out=1,
            finish_reason="stop",
        )
        add(connection, GeneratedCase, completion_id=said, ordinal=0, test_case_id=case, valid=True)
    after, why = kept(lab, "agree:execution")
    gone = before - after
    assert step in gone
    assert {count(lab, "SELECT program_id FROM step WHERE id = ?", each) for each in gone} == {program}
    assert why["execution disagrees with the label"] == len(gone)


def test_a_withdrawn_test_no_longer_speaks(lab: Lab, do: Do) -> None:
    """Every test that a failing program failed is withdrawn: it passes what is left, and its label is out of date."""
    do("synthesize", **FAKE)
    with lab.reading() as connection:
        step, program, tree = connection.exec_driver_sql(
            "SELECT s.id, s.program_id, s.tree_id FROM step s JOIN rollout r ON r.leaf_id = s.id "
            "WHERE r.passed > 0 AND r.passed < r.total ORDER BY s.id LIMIT 1"
        ).one()
        failed = connection.exec_driver_sql(
            "SELECT DISTINCT test_case_id FROM verdict WHERE program_id = ? AND code <> 'AC'", (program,)
        ).all()
    assert step in kept(lab, "agree:execution")[0]
    with lab.writing() as connection:
        for (case,) in failed:
            add(connection, TestWithdrawal, test_case_id=case, reason="wrong", author="t", created_at=now())
    after, why = kept(lab, "agree:execution")
    assert step not in after
    assert why["execution disagrees with the label"] >= 1
    assert step in kept(lab, "agree:search")[0]


@pytest.mark.parametrize("preset", ["puct", "beam"])
def test_what_a_prm_steered_to_is_no_value_of_the_policy(lab: Lab, do: Do, prm: int, preset: str) -> None:
    do("synthesize", **FAKE, preset=preset, prm=prm, scorer="fake:7", simulations=3)
    assert count(lab, "SELECT GROUP_CONCAT(DISTINCT estimate) FROM label") == "guided"
    out = selection.Excluded()
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        found = list(selection.labelled_steps(connection, selection.Query(), as_of, out, target="value"))
    assert found == []
    assert out.counts["a value of estimate guided, which the query does not name"] > 0
    assert kept(lab, "split:train")[0]
