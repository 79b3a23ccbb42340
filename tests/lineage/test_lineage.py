"""Where checkpoints come from and what reached them: every edge of a small family, both ways, and page by page."""

from __future__ import annotations

import json

import pytest

from o1coder import labels
from o1coder.errors import LabError
from o1coder.queries import descent, ingredients, lineage, reach
from o1coder.queries.nodes import Node
from tests.lineage.family import Family, label_of


def back(family: Family, words: str) -> dict[int, tuple[str, int | None, int]]:
    with family.lab.reading() as connection:
        found = reach.reached(connection, reach.parse(connection, words))
    return {one.checkpoint: (one.way, one.via, one.steps) for one in found}


def below(family: Family, *key: object) -> list[Node]:
    with family.lab.reading() as connection:
        return lineage.children(connection, key).nodes


def test_a_step_of_the_chain_reached_all_that_learned_from_it_and_what_went_on_from_there(family: Family) -> None:
    sft, prm, rl = family.sft, family.prm, family.rl
    everything = {sft: ("data", family.sft_data, 0), prm: ("data", family.prm_data, 0), rl: ("weights", sft, 1)}
    for words in (
        f"step:{family.steps['0']}",
        "step:1:0.0",
        "tree:1",
        f"label:{label_of(family.lab, family.steps['0.0'])}",
    ):
        made_by_hand = {c for c in back(family, words) if c < family.base}  # the two that make_lab writes
        assert {c: how for c, how in back(family, words).items() if c not in made_by_hand} == everything, words


def test_a_failing_step_reached_the_prm_and_through_its_rewards_the_rl_policy_alone(family: Family) -> None:
    found = back(family, f"step:{family.steps['1.0']}")
    assert found == {family.prm: ("data", family.prm_data, 0), family.rl: ("reward", family.prm, 1)}


def test_a_parent_step_reaches_what_its_children_reached(family: Family) -> None:
    """A row of a step holds the whole prefix, and that of a chain every step of it."""
    assert set(back(family, f"step:{family.steps['0.0']}")) <= set(back(family, f"step:{family.steps['0']}"))
    with family.lab.reading() as connection:
        rested = reach.rested(connection, reach.Thing("step", family.steps["1"]))
    assert [(one.dataset, one.rows, one.of) for one in rested] == [(family.prm_data, 2, 4)]


def test_a_problem_a_job_and_a_dataset_lead_on_too(family: Family) -> None:
    assert set(back(family, "problem:1")) >= {family.sft, family.prm, family.rl}
    assert back(family, "problem:2") == {}
    assert back(family, f"dataset:{family.sft_data}") == {
        family.sft: ("data", family.sft_data, 0),
        family.rl: ("weights", family.sft, 1),
    }
    assert back(family, f"job:{family.jobs['sft']}")[family.sft] == ("made", None, 0)
    assert set(back(family, f"job:{family.jobs['synthesize']}")) >= {family.sft, family.prm, family.rl}


def test_a_base_reached_its_adapters_and_a_checkpoint_does_not_reach_itself(family: Family) -> None:
    assert set(back(family, f"checkpoint:{family.base}")) == {family.sft, family.prm, family.rl}
    assert back(family, f"checkpoint:{family.rl}") == {}
    assert back(family, f"checkpoint:{family.sft}") == {family.rl: ("weights", family.sft, 1)}


@pytest.mark.parametrize(
    "words", ["problem:99999", "problem:", "x:1", "4", "label:one", "step:9:0", "tree:99999999999999999999"]
)
def test_what_names_nothing_is_said_to(family: Family, words: str) -> None:
    with family.lab.reading() as connection, pytest.raises(LabError):
        reach.parse(connection, words)


def test_a_checkpoint_opens_into_its_job_data_and_relatives(family: Family) -> None:
    told = {(node.relation, node.kind, node.id) for node in below(family, "checkpoint", family.rl)}
    assert told >= {
        ("made by", "job", family.jobs["rl"]),
        ("starts from", "checkpoint", family.sft),
        ("adapter over", "checkpoint", family.base),
        ("rewarded by", "checkpoint", family.prm),
    }
    job = below(family, "job", family.jobs["rl"])
    assert {"config", "code", "round"} <= {node.kind for node in job}
    data = below(family, "dataset", family.prm_data)
    assert {node.title for node in data} >= {"2 valid", "1 invalid", "1 unsure", "1 tree", "1 problem", "4 rows"}


def test_a_correction_marks_every_node_on_the_way(family: Family) -> None:
    assert [node.stale for node in below(family, "checkpoint", family.rl)] == [0] * len(
        below(family, "checkpoint", family.rl)
    )
    labels.add_human(family.lab, family.steps["0"], "invalid", "ann", reason="loops over the wrong list")
    marked = {(n.kind, n.id): n.stale for n in below(family, "checkpoint", family.rl) if n.stale}
    assert marked == {("checkpoint", family.sft): 1, ("checkpoint", family.prm): 1}
    data = {node.title: node.stale for node in below(family, "dataset", family.sft_data)}
    assert data["1 label against it"] == 1
    [label] = below(family, "overruled", family.sft_data)
    assert label.title.endswith("valid, now invalid by ann")
    assert label.step == family.steps["0"]


def test_pages_follow_one_another_and_end(family: Family) -> None:
    seen, after = [], 0
    with family.lab.reading() as connection:
        while True:
            page = lineage.children(connection, ("rows", family.prm_data), after, limit=3)
            seen += [node.id for node in page.nodes]
            if page.next is None:
                break
            after = page.next
        assert seen == [family.steps[path] for path in ("0", "1", "0.0", "1.0")]
        first = ingredients.labels(connection, family.prm_data, group=("search", None, "valid"), limit=1)
        rest = ingredients.labels(connection, family.prm_data, group=("search", None, "valid"), after=first[0].id)
    assert {one.step for one in (*first, *rest)} == {family.steps["0"], family.steps["0.0"]}


def test_the_descent_is_one_json_value_and_names_what_was_learned(family: Family) -> None:
    with family.lab.reading() as connection:
        found = json.loads(json.dumps(descent.descent(connection, family.rl)))
        data = json.loads(json.dumps(descent.descent(connection, family.prm)))["datasets"]
    assert found["line"] == [family.sft, family.base]
    assert found["job"]["config"]["policy"] == family.sft
    assert found["job"]["code_digest"] == "sha256:code"
    assert found["problems_seen"] == {"train": 1}
    groups = [(one["source"], one["value"], one["labels"], one["overruled"]) for one in data[0]["labels"]]
    assert groups == [("search", "invalid", 1, 0), ("search", "unsure", 1, 0), ("search", "valid", 2, 0)]
    assert data[0]["tree_jobs"] == [{"job": family.jobs["synthesize"], "stage": "synthesize", "trees": 1}]
