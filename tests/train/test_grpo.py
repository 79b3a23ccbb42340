"""RL on a tiny model that was taught one chain: rollouts written before the iteration, exact resumption, masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.train import grpo, sft
from o1coder.train.folder import Folder, read_lines
from tests.tiny import make_tiny_model
from tests.train.test_programs import Crash, losses, make, train, weights
from tests.train.test_rollouts import CHAIN, PROMPT, ROW

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
GRPO: dict[str, Any] = {
    "kind": "grpo",
    "batch": 4,
    "generations": 4,
    "max_completion": 110,
    "phi": "outcome",
    "judge_workers": 1,
    "beta": 0.01,
}


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that knows one chain nearly by heart, so that some of its samples are right and some are not."""
    folder = tmp_path_factory.mktemp("taught")
    rows = [{"prompt": PROMPT, "completion": CHAIN}, {"prompt": PROMPT, "completion": CHAIN.replace("a + b", "a - b")}]
    spec = {"kind": "sft", "lora": None, "iterations": 50, "batch": 2, "lr": 1e-2, "save_every": 1000}
    run = make(folder / "sft", make_tiny_model(folder / "base"), rows, **spec)
    train(run, sft.build)
    return run.model


def rollouts(folder: Folder, attempt: int) -> list[dict[str, Any]]:
    return [line for line in read_lines(folder.rollouts) if line["attempt"] == attempt]


def test_a_crashed_run_repeats_its_rollouts_and_then_is_the_run_left_alone(taught: Path, tmp_path: Path) -> None:
    alone = make(tmp_path / "alone", taught, [ROW], iterations=3, **GRPO)
    train(alone, grpo.build)
    written = rollouts(alone, 1)
    assert [(line["iteration"], line["ordinal"]) for line in written] == [(i, o) for i in (1, 2, 3) for o in range(4)]
    right = [line for line in written if line["code"] and "a + b" in line["code"]]
    assert right, [line["error"] for line in written]
    assert {(line["reward"], line["passed"], *line["cases"].values()) for line in right} == {(1.0, 2, "AC", "AC")}
    assert all(line["text"].endswith("\n```") for line in right)  # generation ended at the closing fence
    assert all(loss is not None for loss in losses(alone).values())

    crashed = make(tmp_path / "crashed", taught, [ROW], iterations=3, **GRPO)
    with pytest.raises(Crash):
        train(crashed, grpo.build, crash_after=3)
    assert train(crashed, grpo.build).events[0]["resumed_from_iteration"] == 2
    assert [line["text"] for line in rollouts(crashed, 2)] == [
        line["text"] for line in written if line["iteration"] == 3
    ]
    assert losses(crashed, 2)[3] == losses(alone)[3]
    assert weights(crashed) == weights(alone)


def test_completions_that_never_end_are_masked_and_the_loss_stays_a_number(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", make_tiny_model(tmp_path / "m"), [ROW], iterations=1, **{**GRPO, "max_completion": 8})
    train(folder, grpo.build)
    assert losses(folder)[1] == pytest.approx(0.0)
    assert {line["reward"] for line in rollouts(folder, 1)} == {0.0}
    assert json.loads(folder.done.read_text())["iterations"] == 1


def test_fewer_problems_than_a_generation_needs_is_an_error(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", make_tiny_model(tmp_path / "m"), [ROW], iterations=1, **{**GRPO, "batch": 8})
    with pytest.raises(LabError, match="too few rows"):
        train(folder, grpo.build)


def test_an_adapter_goes_on_from_itself_and_several_iterations_read_one_generation(
    taught: Path, tmp_path: Path
) -> None:
    first = make(tmp_path / "first", taught, [{"prompt": PROMPT, "completion": CHAIN}], kind="sft", iterations=1)
    train(first, sft.build)
    spec = {**GRPO, "iterations": 4, "reuse": 2, "accumulate": 2, "adapter": str(first.model), "save_every": 1}
    folder = make(tmp_path / "second", taught, [ROW], **spec)
    train(folder, grpo.build)
    assert sorted(weights(folder)) == ["adapter_model.safetensors"]
    assert [line["iteration"] for line in rollouts(folder, 1)] == [1] * 4 + [3] * 4
    assert {item.name for item in folder.checkpoints.glob("checkpoint-*")} == {"checkpoint-2", "checkpoint-4"}
