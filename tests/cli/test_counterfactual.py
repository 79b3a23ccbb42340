"""trees counterfactual: other settings over a tree's own draws, and --continue, which samples the rest."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import done, say

REPLAY = {"tree", "identical", "digest_stored", "digest_replayed", "labels_changed", "coverage"}


def test_the_answer_has_the_shape_of_every_replay_and_says_how_far_it_goes(lab: Path) -> None:
    same = say("trees counterfactual 1 --set c=2.0 --json", lab)
    assert (same.code, same.value["identical"], same.value["coverage"]) == (0, True, 1.0)
    other = say("trees counterfactual 1 --set width=4 --set alpha=0.5 --json", lab)
    assert other.code == 1
    assert REPLAY | {"served", "asked", "stopped_at", "natural_end", "aggregate", "aggregate_why"} <= set(other.value)
    assert other.value["set"] == {"width": 4, "alpha": 0.5}
    plain = say("trees counterfactual 1 --set width=4", lab).out
    assert "no aggregate under 80%" in plain
    assert say("trees counterfactual 1", lab).code == 2
    assert say("trees counterfactual 1 --set top_p=0.5", lab).code == 2
    assert say("trees counterfactual 99 --set c=1", lab).code == 2
    assert say("trees counterfactual 1 --set c=1 --continue --readonly", lab).code == 2


def test_the_rest_is_sampled_by_the_tree_s_own_sampler_as_a_new_tree(copy: Path) -> None:
    before = {tree["id"] for tree in done("trees list", copy)}
    found = say("trees counterfactual 1 --set width=4 --continue --json", copy)
    assert found.code == 1
    new = found.value["new_tree"]
    assert {tree["id"] for tree in done("trees list", copy)} - before == {new}
    assert 0 < found.value["coverage"] < 1
    assert found.value["aggregate"]["counterfactual"]["completions"] == found.value["asked"]
    job = done(f"jobs show {found.value['job']}", copy)
    assert (job["stage"], job["config"]["sampler"], job["outputs"]["trees"]) == ("counterfactual", "fake:7", [new])
    assert say(f"trees replay {new}", copy).code == 0
    assert done("verify --quick", copy)["ok"]
