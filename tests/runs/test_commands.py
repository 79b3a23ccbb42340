"""`runs show|compare|xray` and `rounds list|show` on the command line: the figures, the old fields, words for mistakes."""

from __future__ import annotations

import pytest

from tests.cli.conftest import say
from tests.runs.conftest import Made


def test_compare_tells_only_what_differs(runs: Made) -> None:
    ids = runs.ids
    found = say(f"runs compare {ids.hacked} {ids.honest} --json", runs.home).value
    assert {one["field"]: one["values"] for one in found["differing"]} == {
        "phi": ["o1coder-paper", "lab"],
        "seed": [0, 1],
    }
    assert (found["metric"], found["x"]) == ("reward", "iteration")
    assert [one["points"][-1] for one in found["series"]] == [[12, pytest.approx(0.8)]] * 2
    assert [one["final"] for one in found["figures"]["reward"]] == [pytest.approx(0.8)] * 2
    over_time = say(f"runs compare {ids.sft} {ids.prm} --x time --points 10 --smooth 0.5 --json", runs.home).value
    assert [one["n"] for one in over_time["series"]] == [50, 50]
    assert all(len(one["points"]) <= 20 for one in over_time["series"])
    assert over_time["series"][0]["points"][-1][0] == 100.0
    mixed = say(f"runs compare {ids.sft} {ids.honest} --json", runs.home).value
    assert mixed["metric"] == "loss"
    assert mixed["figures"]["kl"][0] is None
    plain = say(f"runs compare {ids.sft} {ids.prm}", runs.home).out
    assert "target" in plain
    assert "n=50" in plain
    assert "seed" not in plain


def test_show_lists_the_jobs_that_report(runs: Made) -> None:
    found = say("runs show demo --json", runs.home).value
    assert {"id", "name", "rounds", "jobs", "author", "created_at"} <= set(found)
    assert [(one["stage"], one["metric"]) for one in found["jobs_with_metrics"]] == [
        ("policy-sft", "loss"),
        ("prm", "loss"),
        ("rl", "reward"),
        ("rl", "reward"),
    ]


def test_xray_by_iteration_group_and_rollout(runs: Made) -> None:
    ids = runs.ids
    found = say(f"runs xray {ids.hacked} --json", runs.home).value
    assert len(found["iterations"]) == 12
    assert "reward hacking" in found["findings"][0]
    assert sum(one["rollouts"] for one in found["rewards"]) == 287
    by_group = say(f"runs xray {ids.hacked} --iteration 2 --json", runs.home).value
    tree = by_group["groups"][0]["tree"]
    by_rollout = say(f"runs xray {ids.hacked} --tree {tree} --json", runs.home).value
    assert len(by_rollout["rollouts"]) == 4
    assert by_rollout["rollouts"][0]["steps"][0]["action"] == "structure"
    assert "reward hacking" in say(f"runs xray {ids.hacked}", runs.home).out
    search = say(f"runs xray {ids.search} --iteration 0 --json", runs.home).value
    assert search["iteration"] is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("runs compare 1", "reports no metrics"),
        ("runs compare 99", "there is no job 99"),
        ("runs compare 4 --metric nope", "none of these jobs reports 'nope'"),
        ("runs compare 1 2 3 4 5 6 7", "one to 6 jobs"),
        ("runs compare 4 --smooth 1", "no weight"),
        ("runs show nope", "there is no run 'nope'"),
        ("runs xray 2", "made no rollouts"),
        ("rounds show demo 3", "has no round 3"),
        ("rounds show nope 0", "there is no run 'nope'"),
    ],
)
def test_what_cannot_be_shown_is_said(runs: Made, line: str, told: str) -> None:
    said = say(line + " --json", runs.home)
    assert said.code == 2
    assert told in said.error["error"]
    assert said.error["hint"]


def test_a_round_keeps_its_fields_and_has_more(runs: Made) -> None:
    from o1coder import labels
    from o1coder.lab import Lab

    lab = Lab(runs.home)
    with lab.reading() as connection:
        step = connection.exec_driver_sql(
            "SELECT s.id FROM step s JOIN tree x ON x.id = s.tree_id WHERE x.job_id = ? AND s.action = 'code'",
            (runs.ids.search,),
        ).scalar()
    assert step is not None
    labels.add_human(lab, step, "valid", "ann")
    [row] = say("rounds --run demo --json", runs.home).value
    assert {"run", "round", "jobs", "done", "seconds", "decision", "checkpoint"} <= set(row)
    assert (row["jobs"], row["done"], row["decision"], row["lower"]) == (4, 4, "undecided", -0.02)
    assert (row["problems"], row["trees"], row["rollouts"], row["solved"]["value"]) == (1, 1, 3, 1.0)
    assert (row["labels"], row["people"], row["test"], row["within"]) == (1, 1, None, None)
    found = say("rounds show demo 0 --json", runs.home).value
    assert found["row"] == row
    assert [move["move"] for move in found["moves"]] == ["synthesize", "policy-sft", "prm", "rl"]
    assert found["report"]["decision"]["outcome"] == "undecided"
    assert "gate: undecided" in say("rounds show demo 0", runs.home).out


def test_moves_that_are_still_to_come_are_listed(runs: Made) -> None:
    import json

    from o1coder import roundrows
    from o1coder.jobs import verbs
    from o1coder.lab import Lab

    lab = Lab(runs.home)
    with lab.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO job(run_id, round, stage, config, config_digest, seed, author, cancel_requested, attempts_wanted, "
            "slots, gpus, created_at) VALUES (1, NULL, 'selfplay', ?, '', 0, 'a', 0, 1, 0, 0, '')",
            (json.dumps({"base": 1, "tcg": False, "rounds": 1}),),
        )
    verbs.enqueue(lab, "import", {"source": "starter"}, run="demo", round=0, key="demo/0/score")
    chain = roundrows.moves(lab, "demo", 0)
    waiting = [move.move for move in chain if move.job is None]
    assert waiting == ["base-direct", "base", "sft", "rl-policy", "prm-figures"]
    row = roundrows.row(lab, "demo", 0)
    assert (row.state, row.jobs, row.done, row.moves) == ("queued", 5, 4, 10)
