"""Why a checkpoint is stale, and the commands that would mend it: followed until nothing is stale any more."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from o1coder import datasets, labels, stage
from o1coder.cli import Parser
from o1coder.commands.stages import add_flags, config_of
from o1coder.queries import checkpoints, ingredients, lineage, remedy, stale
from tests.lineage.family import Family, label_of, train


@pytest.fixture
def corrected(family: Family) -> Family:
    """Ann says that the first step of the chain is wrong."""
    labels.add_human(family.lab, family.steps["0"], "invalid", "ann", reason="wrong list")
    return family


def why(family: Family, checkpoint: int) -> list[stale.Overruled]:
    with family.lab.reading() as connection:
        return stale.why(connection, checkpoint)


def remedies(family: Family, checkpoint: int) -> list[remedy.Remedy]:
    with family.lab.reading() as connection:
        return remedy.remedies(connection, checkpoint)


def counts(family: Family) -> dict[int, int]:
    with family.lab.reading() as connection:
        return checkpoints.stale_counts(connection)


def test_nothing_is_stale_before_anybody_disagrees(family: Family) -> None:
    labels.add_human(family.lab, family.steps["0"], "valid", "ann")
    assert counts(family) == {}
    assert (why(family, family.rl), remedies(family, family.rl)) == ([], [])


def test_the_reason_says_who_said_what_instead_of_what_where_and_why(corrected: Family) -> None:
    [one] = why(corrected, corrected.rl)
    assert one.label == label_of(corrected.lab, corrected.steps["0"])
    assert (one.was, one.was_source, one.now_says, one.now_source, one.now_author) == (
        "valid",
        "search",
        "invalid",
        "human",
        "ann",
    )
    assert (one.reason, one.tree, one.path, one.problem, one.trained) == ("wrong list", 1, "0", 1, corrected.sft)
    with corrected.lab.reading() as connection:
        assert stale.rows_of(connection, corrected.rl) == [(corrected.sft_data, 1, 1)]
        assert stale.rows_of(connection, corrected.prm) == [(corrected.prm_data, 1, 4)]
        assert (stale.own_labels(connection, corrected.rl), stale.own_labels(connection, corrected.sft)) == (0, 1)


def test_what_a_correction_of_another_step_says_is_not_mixed_in(corrected: Family) -> None:
    labels.add_human(corrected.lab, corrected.steps["1.0"], "valid", "bob")
    told = {one.step: (one.now_says, one.now_author) for one in why(corrected, corrected.prm)}
    assert told == {corrected.steps["0"]: ("invalid", "ann"), corrected.steps["1.0"]: ("valid", "bob")}


def test_followers_are_told_apart_by_how_they_follow(corrected: Family) -> None:
    with corrected.lab.reading() as connection:
        assert [(f.checkpoint, f.way) for f in stale.followers(connection, corrected.sft)] == [
            (corrected.rl, "weights")
        ]
        assert [(f.checkpoint, f.way) for f in stale.followers(connection, corrected.prm)] == [(corrected.rl, "reward")]
        listed = {one.checkpoint: one for one in stale.listing(connection)}
    assert set(listed) >= {corrected.sft, corrected.prm, corrected.rl}
    assert (listed[corrected.rl].labels, listed[corrected.rl].direct) == (1, 0)


def test_a_label_taken_back_says_by_whom(family: Family) -> None:
    added = labels.add_human(family.lab, family.steps["1.0"], "valid", "ann")
    row = datasets.Row({"n": 9}, step_id=family.steps["1.0"], label_ids=(added.id,))
    prm = train(family.lab, "prm", "prm", family.base, None, [row], base=family.base, query="split:train")
    labels.undo(family.lab, added.id, "bob")
    [one] = why(family, prm)
    assert (one.was_author, one.taken_back_by, one.now_source) == ("ann", "bob", "search")


def test_a_first_word_against_a_step_that_nobody_had_judged_counts_too(family: Family) -> None:
    with family.lab.reading() as connection:
        rollout = connection.exec_driver_sql("SELECT MIN(id) FROM rollout").scalar()
    row = datasets.Row({"n": 7}, rollout_id=rollout, path_ids=(family.steps["0"],))
    config = {"policy": family.base, "query": "split:train slice:demo"}
    sft = train(family.lab, "policy-sft", "policy", family.base, family.base, [row], **config)
    assert why(family, sft) == []
    added = labels.add_human(family.lab, family.steps["0"], "invalid", "ann")
    [one] = why(family, sft)
    assert (one.label, one.was, one.now, one.now_says, one.rows) == (added.id, None, added.id, "invalid", 1)
    with family.lab.reading() as connection:
        [data] = checkpoints.datasets(connection, sft)
        found = ingredients.ingredients(connection, data)
        [node] = lineage.children(connection, ("overruled", data)).nodes
    assert (found.rows_unsound, found.against, found.labels) == (1, 1, [])
    assert node.title.endswith("invalid by ann, the first word on its step")


def read_back(command: str, family: Family) -> dict[str, Any]:
    """The config that the command line makes of a command."""
    words = shlex.split(command)
    assert words[:2] == ["o1coder", "run"]
    declared = stage.find(words[2])
    parser = Parser(prog="o1coder run")
    parser.add_argument("--run")
    parser.add_argument("--config", dest="config_file")
    add_flags(parser, declared.config)
    return config_of(family.lab, declared, parser.parse_args(words[3:]), None).model_dump(mode="json")


def test_a_remedy_is_the_same_job_again_and_its_command_reads_back_as_its_config(corrected: Family) -> None:
    [prm] = remedies(corrected, corrected.prm)
    assert (prm.stage, prm.waits_for, prm.mended_by, prm.run) == ("prm", None, None, "r")
    assert prm.config["refreshes"] == corrected.prm
    assert prm.config["base"] == corrected.base
    assert read_back(prm.command, corrected) == prm.config
    sft, rl = remedies(corrected, corrected.rl)
    assert (sft.replaces, rl.replaces, rl.waits_for) == (corrected.sft, corrected.rl, corrected.sft)
    assert "--policy NEW" in rl.command
    assert read_back(sft.command, corrected) == sft.config
    assert sft.config["lr"] == 1e-4


def test_a_prm_that_went_on_from_the_stale_one_is_mended_from_its_base(corrected: Family) -> None:
    row = datasets.Row({"n": 1}, step_id=corrected.steps["1"])
    config = {"base": corrected.base, "refreshes": corrected.prm, "continue_from": True}
    went_on = train(corrected.lab, "prm", "prm", corrected.base, corrected.prm, [row], **config)
    assert went_on in counts(corrected)
    first, second = remedies(corrected, went_on)
    assert [first.replaces, second.replaces] == [corrected.prm, went_on]
    assert (second.config["continue_from"], second.config["refreshes"]) == (False, went_on)


def test_a_job_that_a_stale_prm_rewarded_is_asked_for_with_the_one_that_mends_it(corrected: Family) -> None:
    assert remedies(corrected, corrected.rl)[-1].config["prm"] == corrected.prm
    row = datasets.Row({"n": 4}, step_id=corrected.steps["1.0"])
    config = {"base": corrected.base, "query": "split:train", "refreshes": corrected.prm}
    prm = train(corrected.lab, "prm", "prm", corrected.base, corrected.prm, [row], **config)
    assert remedies(corrected, corrected.prm)[-1].mended_by == prm
    assert remedies(corrected, corrected.rl)[-1].config["prm"] == prm


def test_once_followed_the_remedies_say_what_mended_it(corrected: Family) -> None:
    """The new rows rest on no overruled label; then the RL job is asked for with the new policy."""
    chain = datasets.Row({"n": 5}, step_id=corrected.steps["1.0"])
    sft = train(
        corrected.lab,
        "policy-sft",
        "policy",
        corrected.base,
        corrected.base,
        [chain],
        policy=corrected.base,
        query="split:train",
        iterations=4,
        lr=1e-4,
    )
    other = {"query": "split:train slice:demo", "iterations": 4, "lr": 1e-4}  # another config mends nothing
    train(
        corrected.lab, "policy-sft", "policy", corrected.base, corrected.base, [chain], policy=corrected.base, **other
    )
    first, second = remedies(corrected, corrected.rl)
    assert (first.mended_by, second.waits_for, second.mended_by) == (sft, None, None)
    assert second.config["policy"] == sft
    assert f"--policy {sft}" in second.command
    config = {name: value for name, value in second.config.items() if name in ("policy", "prm")}
    rl = train(corrected.lab, "rl", "policy", sft, sft, [datasets.Row({"p": 1}, problem_id=1)], **config)
    assert rl not in counts(corrected)
    assert remedies(corrected, corrected.rl)[-1].mended_by == rl
