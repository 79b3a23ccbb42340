"""The anatomy stage on the scripted policy: which trees it draws, its figures from rows again, and that none of it is data."""

from __future__ import annotations

import json

import pytest

from o1coder import anatomizing, answers, measure, replaying, selection, stage
from o1coder.errors import LabError
from o1coder.jobs import verbs
from o1coder.lab import Lab
from o1coder.queries import trees
from o1coder.verify import verify
from tests.stages.conftest import Do, Note, count

SMALL = {"sampler": "fake:7", "structures": 2, "refines": 2, "codes": 2, "swaps": 2}


@pytest.fixture
def drawn(do: Do) -> Note:
    return do("anatomy", **SMALL)


def test_every_draw_counts_once_and_the_shares_sum_to_one(lab: Lab, drawn: Note) -> None:
    found = anatomizing.answer(lab, drawn.job_id)
    assert found["problems"] == 3
    assert found["left_out"] == 0
    assert [each["level"] for each in found["levels"]] == ["problem", "structure", "refine", "code"]
    assert sum(each["share"] for each in found["levels"]) == pytest.approx(1)
    assert sum(each["component"] for each in found["levels"]) == pytest.approx(found["total"])
    with lab.reading() as connection:
        trees = connection.exec_driver_sql(
            "SELECT id FROM tree WHERE job_id = ? AND ordinal = 0 ORDER BY id", (drawn.job_id,)
        ).all()
        nests = [anatomizing.nested(connection, tree.id) for tree in trees]
    again = measure.anatomy(nests, anatomizing.levels(1))
    assert again is not None
    assert [share.component for share in again.shares] == [each["component"] for each in found["levels"]]
    widths = [0, 0, 0]  # completions at each depth, as the nests hold them

    def weigh(node: measure.Nested, depth: int) -> None:
        if isinstance(node, tuple):
            widths[depth] += sum(times for times, _ in node)
            for _, child in node:
                weigh(child, depth + 1)

    for nest in nests:
        weigh(nest, 0)
    asked = "SELECT COUNT(*) FROM completion c JOIN step s ON s.id = c.parent_id JOIN tree x ON x.id = c.tree_id "
    for depth, width in enumerate(widths):
        where = "WHERE x.job_id = ? AND x.ordinal = 0 AND s.depth = ?"
        assert count(lab, asked + where, drawn.job_id, depth) == width


def test_the_arms_stand_below_their_own_or_another_problems_pseudocode(lab: Lab, drawn: Note) -> None:
    def texts(arm: str) -> dict[int, set[str]]:
        first = anatomizing.ARMS[arm]
        with lab.reading() as connection:
            rows = connection.exec_driver_sql(
                "SELECT x.problem_id, s.text FROM tree x JOIN step s ON s.tree_id = x.id WHERE x.job_id = ? "
                "AND x.ordinal BETWEEN ? AND ? AND s.action IN ('structure', 'refine')",
                (drawn.job_id, first, first + 999),
            ).all()
        found: dict[int, set[str]] = {}
        for problem, text in rows:
            found.setdefault(problem, set()).add(text)
        return found

    nested, own, foreign = texts("nested"), texts("own"), texts("foreign")
    assert set(own) == set(foreign) == set(nested)
    for problem, said in own.items():
        assert said <= nested[problem]
        others = [other for other in nested if foreign[problem] <= nested[other]]
        assert others
        assert problem not in others
    sampled = (
        "SELECT COUNT(*) FROM completion c JOIN step s ON s.id = c.step_id JOIN tree x ON x.id = c.tree_id "
        "WHERE x.ordinal >= 1000 AND s.action <> 'code'"
    )
    assert count(lab, sampled) == 0  # what was given was not sampled
    per_arm = "SELECT COUNT(*) FROM completion c JOIN tree x ON x.id = c.tree_id WHERE x.ordinal BETWEEN ? AND ?"
    assert [count(lab, per_arm, n, n + 999) for n in (1000, 2000, 3000)] == [3 * 2 * 2] * 3
    found = anatomizing.answer(lab, drawn.job_id)
    assert found["swap"]["problems"] == found["direct"]["problems"] == 3
    assert found["swap"]["difference"] == pytest.approx(found["swap"]["own"] - found["swap"]["other"])


def test_a_retry_adds_nothing_and_the_metrics_are_the_answer(lab: Lab, do: Do, drawn: Note) -> None:
    tables = ("tree", "step", "completion", "rollout", "tree_end", "label")
    before = {name: count(lab, f"SELECT COUNT(*) FROM {name}") for name in tables}
    again = do("anatomy", again=drawn.job_id, **SMALL)
    assert {name: count(lab, f"SELECT COUNT(*) FROM {name}") for name in tables} == before
    assert again.metrics == drawn.metrics
    assert before["label"] == 0
    found, yes = answers.of(lab, "anatomy", drawn.job_id)
    assert yes
    assert anatomizing.metrics(found) == drawn.metrics
    assert {"problem_share", "code_component", "swap_difference", "direct_other"} <= set(drawn.metrics)
    assert json.loads(json.dumps(found)) == found
    assert all(len(line) < 120 for line in answers.lines("anatomy", found))
    _, wrong = verify(lab, quick=False)
    assert wrong == []
    with lab.reading() as connection:
        for tree in trees.page(connection):
            assert replaying.replay(connection, tree.id)["identical"]


def test_refine_steps_are_levels_of_their_own(lab: Lab, do: Do) -> None:
    note = do("anatomy", **{**SMALL, "refine_steps": 2, "swaps": 0})
    found = anatomizing.answer(lab, note.job_id)
    assert [each["level"] for each in found["levels"]] == ["problem", "structure", "refine 1", "refine 2", "code"]
    assert found["swap"] is None
    assert found["direct"] is None


def test_what_was_drawn_to_measure_is_no_data(lab: Lab, do: Do) -> None:
    note = do("anatomy", **SMALL, split="train")
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        for text in (f"job:{note.job_id}", "split:train"):
            query = selection.Query.parse(text)
            assert list(selection.chains(connection, query, as_of, selection.Excluded())) == []
            assert list(selection.chains(connection, query.training(), as_of, selection.Excluded())) == []
            assert list(selection.labelled_steps(connection, query, as_of, selection.Excluded(), target="value")) == []
        draws = selection.Query.parse("kind:draws")
        with pytest.raises(LabError, match="may not be trained on"):
            list(selection.chains(connection, draws, as_of, selection.Excluded()))
        assert list(selection.unscored(connection, draws, 1))  # a PRM may be measured on them


def test_too_little_is_said(lab: Lab, do: Do) -> None:
    other = do("synthesize", sampler="fake:7", split="train").job_id
    with pytest.raises(LabError, match="no anatomy"):
        anatomizing.answer(lab, other)
    with pytest.raises(LabError, match="too little"):
        spent(lab)


def spent(lab: Lab) -> None:
    """An anatomy whose seconds are over before it begins."""
    declared = stage.find("anatomy")
    config = stage.parse(declared.config, SMALL)
    note = Note(verbs.enqueue(lab, "anatomy", config))
    note.remaining_s = 0.0
    declared.run(lab, config, note)
