"""Two PRMs on the same steps: people's words, and fresh draws of families that neither saw."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from o1coder import labels
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.models import Label, Score, Step
from o1coder.queries.prmchange import as_json, prm_change
from o1coder.rows import add
from o1coder.trees import add_tree
from tests.lab.grown import add_job
from tests.lab.test_labels import checkpoint


class Two(NamedTuple):
    """The lab with two PRMs, and who scores for them."""

    lab: Lab
    old: int
    new: int
    job: int

    def score(self, step: int, old: float, new: float, form: str = "f") -> None:
        with self.lab.writing() as connection:
            for prm, value in ((self.old, old), (self.new, new)):
                key = {"step_id": step, "checkpoint_id": prm, "format_digest": form, "job_id": self.job}
                add(connection, Score, value=value, **key)


@pytest.fixture
def two(lab: Lab) -> Two:
    """An old PRM trained on dataset 2, and a new one whose data held a person's label as well."""
    return Two(lab, checkpoint(lab, "prm", 2), checkpoint(lab, "prm", 2), add_job(lab, "score", {"prm": 1}))


def draw(two: Two, problem: int, passed: list[int], action: str, scores: list[tuple[float, float]]) -> int:
    """A tree of fresh draws: a step of this action with so many of 8 passing for each number; its id."""
    job = add_job(two.lab, "synthesize", {"sampler": "fake:3", "seed": problem})
    values = {"kind": "draws", "preset": "lab", "prompt_digest": "p", "sampler": "fake:3", "reproducible": True}
    steps = []
    with two.lab.writing() as connection:
        tree = add_tree(connection, job, problem, 0, config={"simulations": 1}, seed=1, **values)
        root = connection.exec_driver_sql("SELECT id FROM step WHERE tree_id = ?", (tree,)).scalar()
        for n, c in enumerate(passed):
            place = {"tree_id": tree, "parent_id": root, "ordinal": n, "depth": 1, "action": action, "text": "t"}
            steps.append(add(connection, Step, **place))
            said = {"value": "valid" if c else "invalid", "source": "search", "k": 8, "c": c, "estimate": "mc"}
            add(connection, Label, step_id=steps[-1], job_id=job, created_at=now(), **said)
    for step, (old, new) in zip(steps, scores, strict=True):
        two.score(step, old, new)
    return tree


def unseen(two: Two) -> list[int]:
    """Two problems of new families, which no dataset holds."""
    made = []
    with two.lab.writing() as connection:
        for n in range(2):
            connection.exec_driver_sql(
                "INSERT INTO problem (digest, source, source_key, split, family, difficulty, title, statement, kind, "
                "entry_point, signature, comparator, comparator_args, cpu_s, memory_mb, author, created_at) "
                "SELECT ?, source, ?, 'validation', ?, difficulty, title, statement, kind, entry_point, signature, comparator, "
                "comparator_args, cpu_s, memory_mb, 'tester', created_at FROM problem WHERE id = 1",
                (f"sha256:new{n}", f"new{n}", f"family-new{n}"),
            )
            made.append(int(connection.exec_driver_sql("SELECT MAX(id) FROM problem").scalar() or 0))
    return made


def test_steps_that_people_spoke_of(two: Two) -> None:
    with two.lab.reading() as connection:
        steps = [
            row[0]
            for row in connection.exec_driver_sql(
                "SELECT s.id FROM step s JOIN label l ON l.step_id = s.id AND l.value = 'valid' AND l.source = 'search' "
                "WHERE NOT EXISTS (SELECT 1 FROM label h WHERE h.step_id = s.id AND h.source = 'human') ORDER BY s.id LIMIT 3"
            )
        ]
    for step, word in zip(steps, ("invalid", "valid", "unsure"), strict=True):
        labels.add_human(two.lab, step, word, "ann")  # type: ignore[arg-type]
    two.score(steps[0], 0.9, 0.2)
    two.score(steps[1], 0.4, 0.6)
    two.score(steps[2], 0.1, 0.9)  # no word to agree with
    with two.lab.reading() as connection:
        found = prm_change(connection, two.old, two.new)
    assert [(one.step, one.said, one.search, one.before, one.after) for one in found.moved] == [
        (steps[0], "invalid", "valid", 0.9, 0.2),
        (steps[1], "valid", "valid", 0.4, 0.6),
    ]
    assert [one.towards for one in found.moved] == [pytest.approx(0.7), pytest.approx(0.2)]
    people = found.people
    assert (people.steps, people.corrected) == (2, 1)
    assert (people.agreement_before, people.agreement_after) == (0.0, 1.0)
    assert people.towards_value == pytest.approx(0.45)
    assert (people.learned_before, people.learned_after) == (0, 0)  # said after the data were frozen


def test_draws_of_families_that_neither_saw(two: Two) -> None:
    first, second = unseen(two)
    for problem in (first, second):
        draw(two, problem, [8, 3, 0, 0], "structure", [(0.2, 0.9), (0.6, 0.8), (0.5, 0.3), (0.1, 0.7)])
    draw(two, 1, [8, 0], "structure", [(0.0, 1.0), (1.0, 0.0)])  # a problem that both were trained on
    with two.lab.reading() as connection:
        found = prm_change(connection, two.old, two.new)
    assert (found.families, found.left_out) == (2, 2)
    assert (found.prefix.steps, found.prefix.right, found.prefix.problems, found.code.steps) == (8, 4, 2, 0)
    assert found.prefix.before.within_value == 0.75
    assert found.prefix.after.within_value == 1.0
    assert (found.prefix.change.pooled_value, found.prefix.change.within_value) == (0.25, 0.25)
    assert found.code.before.pooled_value is None
    told: dict[str, Any] = json.loads(json.dumps(as_json(found)))
    assert told["prefix"]["change"]["within_value"] == 0.25


def test_scores_of_two_formats_never_mix(two: Two) -> None:
    [problem, _] = unseen(two)
    tree = draw(two, problem, [8, 0], "code", [(0.1, 0.9), (0.9, 0.1)])
    with two.lab.writing() as connection:
        step = connection.exec_driver_sql("SELECT MIN(id) FROM step WHERE tree_id = ? AND depth = 1", (tree,)).scalar()
        lone = {"step_id": step, "checkpoint_id": two.old, "format_digest": "other", "job_id": two.job}
        add(connection, Score, value=0.99, **lone)
    with two.lab.reading() as connection:
        found = prm_change(connection, two.old, two.new)
    assert (found.code.steps, found.code.before.pooled_value, found.code.after.pooled_value) == (2, 0.0, 1.0)


def test_what_cannot_be_compared_is_told(two: Two) -> None:
    policy = checkpoint(two.lab, "policy", 1)
    with two.lab.reading() as connection:
        with pytest.raises(LabError, match="no step was scored by both") as raised:
            prm_change(connection, two.old, two.new)
        assert f"--prm {two.new}" in raised.value.hint
        with pytest.raises(LabError, match="no PRM but a policy"):
            prm_change(connection, two.old, policy)
        with pytest.raises(LabError, match="there is no checkpoint 999"):
            prm_change(connection, 999, two.new)
