"""The label that counts, against a naive reading of the rule; undo; as of a moment; what a correction makes stale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from o1coder import datasets, labels, selection, standing
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.export import o1coder_prm, prompt_completion, stepwise
from o1coder.lab import Lab
from o1coder.models import Checkpoint, JobInput, Label
from o1coder.queries import checkpoints as questions
from o1coder.rows import By, add
from o1coder.standing import current_label, stale_for_steps
from tests.lab.conftest import add_job


class Row(NamedTuple):
    """A label as the rule reads it."""

    id: int
    value: str | None
    source: str
    retracts: int | None = None


def naive(rows: list[Row]) -> int | None:
    """The newest human label not retracted; else the newest search label; else the newest import."""
    for source in ("human", "search", "import"):
        retracted = {row.retracts for row in rows}
        standing = [r for r in rows if r.source == source and r.retracts is None and r.id not in retracted]
        if standing:
            return standing[-1].id
    return None


class Undone(Exception):
    """Rolls a transaction back."""


@contextmanager
def trying(lab: Lab) -> Iterator[Connection]:
    """A write transaction of which nothing stays."""
    with suppress(Undone), lab.writing() as connection:
        yield connection
        raise Undone


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, template: Any) -> Iterator[tuple[Lab, int, list[int]]]:
    """A lab with a step that has no label, and jobs to make labels with."""
    import shutil

    lab = Lab(shutil.copytree(template, tmp_path_factory.mktemp("labels") / "lab"))
    jobs = [add_job(lab, "synthesize", {"sampler": "fake:1", "seed": n}) for n in range(8)]
    with lab.writing() as connection:
        tree, parent = connection.exec_driver_sql("SELECT tree_id, id FROM step WHERE parent_id IS NULL").first() or (
            0,
            0,
        )
        connection.exec_driver_sql(
            "INSERT INTO step(tree_id, parent_id, ordinal, depth, action, text) VALUES (?, ?, 99, 1, 'structure', 's')",
            (tree, parent),
        )
        step = connection.exec_driver_sql("SELECT MAX(id) FROM step").scalar()
    yield lab, step, jobs
    lab.close()


EVENTS = st.lists(
    st.tuples(st.sampled_from(["search", "human", "import", "undo"]), st.sampled_from(labels.VALUES)), max_size=8
)


def write(connection: Connection, step: int, jobs: list[int], events: list[tuple[str, str]]) -> list[Row]:
    rows: list[Row] = []
    for n, (what, value) in enumerate(events):
        if what == "undo":
            retracted = {row.retracts for row in rows}
            open_ = [r for r in rows if r.source == "human" and r.retracts is None and r.id not in retracted]
            if not open_:
                continue
            key = add(
                connection, Label, step_id=step, source="human", author="ann", retracts=open_[-1].id, created_at=now()
            )
            rows.append(Row(key, None, "human", open_[-1].id))
            continue
        by: dict[str, Any] = {"author": "ann"} if what == "human" else {"job_id": jobs[n]}
        rows.append(
            Row(add(connection, Label, step_id=step, value=value, source=what, created_at=now(), **by), value, what)
        )
    return rows


@given(events=EVENTS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_current_label_is_the_naive_reading_now_and_as_of_every_moment(
    bare: tuple[Lab, int, list[int]], events: list[tuple[str, str]]
) -> None:
    lab, step, jobs = bare
    with trying(lab) as connection:
        rows = write(connection, step, jobs, events)
        assert connection.exec_driver_sql(f"SELECT {current_label('?')}", (step,)).scalar() == naive(rows)
        for n, row in enumerate(rows):
            seen = connection.exec_driver_sql(f"SELECT {current_label('?', upto=row.id)}", (step,)).scalar()
            assert seen == naive(rows[: n + 1])


@pytest.mark.parametrize(
    ("events", "counts"),
    [
        ([], None),
        ([("import", "valid")], "valid"),
        ([("search", "invalid"), ("import", "valid")], "invalid"),
        ([("search", "invalid"), ("search", "unsure")], "unsure"),
        ([("human", "valid"), ("search", "invalid")], "valid"),
        ([("human", "valid"), ("human", "unsure")], "unsure"),
        ([("search", "invalid"), ("human", "valid"), ("undo", "")], "invalid"),
        ([("human", "invalid"), ("human", "valid"), ("undo", "")], "invalid"),
        ([("human", "valid"), ("undo", "")], None),
    ],
)
def test_table_of_the_rule(bare: tuple[Lab, int, list[int]], events: list[tuple[str, str]], counts: str | None) -> None:
    lab, step, jobs = bare
    with trying(lab) as connection:
        write(connection, step, jobs, events)
        row = connection.exec_driver_sql(f"SELECT value FROM label WHERE id = {current_label('?')}", (step,)).first()
        assert (None if row is None else row[0]) == counts


def test_wrong_labels_are_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="no label"):
        labels.add_human(lab, 4, "good", "ann")  # type: ignore[arg-type]
    with pytest.raises(LabError, match="no step 9999"):
        labels.add_human(lab, 9999, "valid", "ann")
    with pytest.raises(LabError, match="root"):
        labels.add_human(lab, 1, "valid", "ann")
    added = labels.add_human(lab, 4, "valid", "ann")
    labels.undo(lab, added.id, "ann")
    with pytest.raises(LabError, match="taken back already"):
        labels.undo(lab, added.id, "ann")
    with pytest.raises(LabError, match="not a person's"):
        labels.undo(lab, 1, "ann")
    with pytest.raises(LabError, match="no label 9999"):
        labels.undo(lab, 9999, "ann")


def checkpoint(lab: Lab, role: str, dataset: int | None, parent: int | None = None, **config: Any) -> int:
    """A checkpoint whose job was given a dataset and a config."""
    job = add_job(lab, *(("prm", {"base": 1} | config) if role == "prm" else ("synthesize", {"sampler": "fake:2"})))
    with lab.writing() as connection:
        if dataset is not None:
            add(connection, JobInput, job_id=job, name="d", ordinal=0, dataset_id=dataset)
        return add(
            connection,
            Checkpoint,
            digest="sha256:c",
            role=role,
            format="full",
            base_digest="sha256:c",
            parent_id=parent,
            bytes=1,
            path="blobs/c",
            job_id=job,
            created_at=now(),
        )


@pytest.fixture
def trained(lab: Lab) -> tuple[Lab, int, int]:
    """The lab with a PRM that a job trained on dataset 2 (prm-point), and a step whose search label was in it."""
    with lab.reading() as connection:
        step = connection.exec_driver_sql(
            "SELECT l.step_id FROM dataset_label i JOIN label l ON l.id = i.label_id "
            "WHERE i.dataset_id = 2 AND l.source = 'search' AND l.value = 'invalid' "
            "AND NOT EXISTS (SELECT 1 FROM label h WHERE h.step_id = l.step_id AND h.source = 'human') LIMIT 1"
        ).scalar()
    assert step is not None
    return lab, step, checkpoint(lab, "prm", 2)


def test_a_correction_makes_stale_what_saw_the_label_and_undo_takes_it_back(trained: tuple[Lab, int, int]) -> None:
    lab, step, prm = trained

    def stale() -> list[int]:
        with lab.reading() as connection:
            return stale_for_steps(connection, [step])

    assert stale() == []
    agreed = labels.add_human(lab, step, "invalid", "ann")
    assert (agreed.stale_checkpoints, stale()) == ([], [])
    corrected = labels.add_human(lab, step, "valid", "ann")
    assert corrected.replaces == agreed.id
    assert (corrected.stale_checkpoints, stale()) == ([prm], [prm])
    undone = labels.undo(lab, corrected.id, "ann")
    assert (undone.stale_checkpoints, stale()) == ([], [])


STEPS_OF_A_CHAIN = (
    "WITH RECURSIVE up(id) AS (SELECT r.leaf_id FROM dataset_item i JOIN rollout r ON r.id = i.rollout_id "
    "WHERE i.dataset_id = 1 AND i.ordinal = 0 UNION SELECT s.parent_id FROM step s JOIN up ON s.id = up.id "
    "WHERE s.parent_id IS NOT NULL) SELECT s.id FROM step s JOIN up ON s.id = up.id WHERE s.parent_id IS NOT NULL ORDER BY 1"
)
BOTH_SIDES = (
    "SELECT l.step_id FROM dataset_label i JOIN label l ON l.id = i.label_id WHERE i.dataset_id = 3 AND i.ordinal = 0"
)


@pytest.mark.parametrize(
    ("role", "dataset", "steps", "least"), [("policy", 1, STEPS_OF_A_CHAIN, 3), ("prm", 3, BOTH_SIDES, 2)]
)
def test_every_label_that_a_row_rests_on_makes_stale(lab: Lab, role: str, dataset: int, steps: str, least: int) -> None:
    made = checkpoint(lab, role, dataset)
    with lab.reading() as connection:
        found = [row[0] for row in connection.exec_driver_sql(steps)]
    assert len(found) >= least
    for step in found:
        added = labels.add_human(lab, step, "unsure", "ann")
        assert added.stale_checkpoints == [made]
        assert labels.undo(lab, added.id, "ann").stale_checkpoints == []


def test_what_went_on_from_stale_weights_is_stale_and_what_only_replaced_them_is_not(lab: Lab) -> None:
    sft = checkpoint(lab, "policy", 1)
    rl = checkpoint(lab, "policy", None, sft)
    prm = checkpoint(lab, "prm", 2)
    refreshed, continued = checkpoint(lab, "prm", None, prm), checkpoint(lab, "prm", None, prm, continue_from=True)
    with lab.reading() as connection:
        step = connection.exec_driver_sql(STEPS_OF_A_CHAIN).scalar()
    assert step is not None
    added = labels.add_human(lab, step, "unsure", "ann")
    assert added.stale_checkpoints == [sft, rl, prm, continued]
    with lab.reading() as connection:
        assert questions.stale(connection) == added.stale_checkpoints
        assert questions.stale_because(connection, rl) == questions.stale_because(connection, sft) == [added.replaces]
        assert questions.show(connection, refreshed).stale == 0
        assert questions.label_counts(connection, rl) == {}


def test_a_label_that_no_dataset_holds_makes_nothing_stale(trained: tuple[Lab, int, int]) -> None:
    lab, _, _ = trained
    with lab.reading() as connection:
        free = connection.exec_driver_sql(
            "SELECT MAX(s.id) FROM step s WHERE s.parent_id IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM dataset_label i JOIN label l ON l.id = i.label_id WHERE l.step_id = s.id)"
        ).scalar()
    assert free is not None
    for value in labels.VALUES:
        assert labels.add_human(lab, free, value, "ann").stale_checkpoints == []


def test_the_problems_of_an_rl_dataset_count_as_seen(lab: Lab) -> None:
    with lab.reading() as connection:
        problem, split = connection.exec_driver_sql("SELECT id, split FROM problem ORDER BY id LIMIT 1").one()
    by, rows = By(author="tester"), [datasets.Row({"n": 0}, problem_id=problem)]
    frozen = datasets.freeze(lab, "rl", rows, query={"split": split}, as_of={}, by=by)
    trained_on = checkpoint(lab, "policy", frozen.id)
    with lab.reading() as connection:
        assert questions.problems_seen(connection, trained_on) == {split: 1}


def unlabelled_chain(lab: Lab, damage: Any) -> tuple[int, list[int]]:
    """A dataset of one chain whose steps have no label but the last; it, and the steps of its path."""
    with lab.reading() as connection:
        steps = [row[0] for row in connection.exec_driver_sql(STEPS_OF_A_CHAIN)]
    listed = ", ".join(map(str, steps[:-1]))
    damage(f"DELETE FROM dataset_label WHERE label_id IN (SELECT id FROM label WHERE step_id IN ({listed}))")
    damage(f"DELETE FROM label WHERE step_id IN ({listed})")
    query, out = selection.Query.parse("split:train"), selection.Excluded()
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        chains = list(selection.chains(connection, query, as_of, out))
    [chain] = [one for one in chains if {step.id for step in one.steps} == set(steps)]
    assert set(chain.path_ids) == set(steps[:-1])
    row = prompt_completion.row(chain)
    asked = {"query": "split:train", "per_problem": 4}
    made = datasets.freeze(lab, "policy-sft", [row], query=asked, as_of=as_of, by=By(author="t"), target="validity")
    return made.id, steps


def test_the_first_word_against_a_step_of_a_chain_makes_stale_and_one_for_it_does_not(lab: Lab, damage: Any) -> None:
    dataset, steps = unlabelled_chain(lab, damage)
    policy = checkpoint(lab, "policy", dataset)
    for step in steps[:-1]:
        assert labels.add_human(lab, step, "valid", "ann").stale_checkpoints == []
        for word in ("unsure", "invalid"):
            with lab.reading() as connection:
                assert standing.stale_if(connection, {step: word}) == (1, [dataset], [policy])
            added = labels.add_human(lab, step, word, "ann")  # type: ignore[arg-type]
            assert added.stale_checkpoints == [policy]
            with lab.reading() as connection:
                assert questions.stale_because(connection, policy) == [added.id]
                assert questions.show(connection, policy).stale == 1
            assert labels.undo(lab, added.id, "ann").stale_checkpoints == []
    with lab.reading() as connection:
        assert questions.stale(connection) == []


def test_a_persons_no_above_a_value_makes_stale_what_learned_the_value(lab: Lab) -> None:
    query, out = selection.Query.parse("split:train"), selection.Excluded()
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        found = list(selection.labelled_steps(connection, query, as_of, out, target="value"))
    deep = next(item for item in found if len(item.prefix) == 3 and item.target > 0)
    nothing = next(item for item in found if len(item.prefix) == 3 and item.target == 0)
    assert deep.path_ids == tuple(step.id for step in deep.prefix[:-1])
    assert nothing.path_ids == ()
    rows = [next(iter(o1coder_prm.rows([item], "value", out))) for item in (deep, nothing)]
    frozen = datasets.freeze(lab, "o1coder-prm", rows, query={}, as_of=as_of, by=By(author="t"), target="value")
    prm = checkpoint(lab, "prm", frozen.id)
    above = deep.prefix[0].id
    for word, stale in (("valid", []), ("unsure", []), ("invalid", [prm])):
        added = labels.add_human(lab, above, word, "ann")  # type: ignore[arg-type]
        assert added.stale_checkpoints == stale
        labels.undo(lab, added.id, "ann")
    above = nothing.prefix[0].id
    if above not in deep.path_ids:
        assert labels.add_human(lab, above, "invalid", "ann").stale_checkpoints == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(labels.VALUES)), min_size=1, max_size=6))
def test_what_is_stale_is_the_same_from_the_steps_and_from_the_checkpoints(lab: Lab, words: Any) -> None:
    made = {checkpoint(lab, "prm", 2), checkpoint(lab, "policy", 1), checkpoint(lab, "prm", 3)}
    with lab.reading() as connection:
        steps = [
            r[0] for r in connection.exec_driver_sql("SELECT id FROM step WHERE parent_id IS NOT NULL ORDER BY id")
        ]
    said = {steps[n % len(steps)]: word for n, word in words}
    with lab.reading() as connection:
        before = {one for one in made if standing.stale_labels(connection, [one])}
        would = {one for one in standing.stale_if(connection, said).checkpoints if one in made}
    for step, word in said.items():
        labels.add_human(lab, step, word, "ann")  # type: ignore[arg-type]
    with lab.reading() as connection:
        from_steps = {one for one in stale_for_steps(connection, list(said)) if one in made}
        from_checkpoints = {one for one in made if standing.stale_labels(connection, [one])}
    assert from_steps == would
    assert from_steps <= from_checkpoints <= before | from_steps


def test_older_datasets_get_the_steps_of_their_paths(lab: Lab, damage: Any) -> None:
    import importlib.util

    from o1coder import db

    dataset, _ = unlabelled_chain(lab, damage)
    listed = f"SELECT * FROM dataset_path WHERE dataset_id >= {dataset} ORDER BY 1, 2, 3"
    query, out = selection.Query.parse("split:train"), selection.Excluded()
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        found = list(selection.labelled_steps(connection, query, as_of, out, target="value"))
        rows = stepwise.rows(found, "value", out)
    rows += list(o1coder_prm.rows(found, "value", out))
    datasets.freeze(lab, "mixed", rows, query={}, as_of=as_of, by=By(author="t"), target="value")
    with lab.reading() as connection:
        before = connection.exec_driver_sql(listed).all()
    assert {row[0] for row in before} >= {dataset}
    damage("DELETE FROM dataset_path")
    file = db.migrations_folder() / "versions" / "0003_people_who_label.py"
    spec = importlib.util.spec_from_file_location("people_who_label", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with lab.writing() as connection:
        connection.exec_driver_sql(module._CHAINS)
        connection.exec_driver_sql(module._VALUES)
    with lab.reading() as connection:
        assert connection.exec_driver_sql(listed).all() == before
