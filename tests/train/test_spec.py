"""What a spec may say, and which field a wrong one is blamed on; the launch line as a function of placement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.train.launch import Placement, launch_line
from o1coder.train.spec import GrpoOptions, PrmOptions, checkpoint_period, read_spec

BASE: dict[str, Any] = {"kind": "sft", "model": "/m", "iterations": 3, "batch": 4}


def test_options_of_a_kind_are_read_with_the_common_fields() -> None:
    spec = read_spec({**BASE, "kind": "prm", "mode": "pair", "lora": {"r": 4, "targets": ["q_proj"]}})
    assert isinstance(spec.options, PrmOptions)
    assert spec.options.mode == "pair"
    assert spec.lora is not None
    assert spec.lora.targets == ("q_proj",)
    assert spec.lr > 0
    assert read_spec({**BASE, "lora": None}).lora is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kind": "ppo"}, "kind"),
        ({"mode": "pair"}, "mode"),
        ({"batch": 0}, "batch"),
        ({"lora": {"rank": 4}}, "rank"),
        ({"budget_s": 0}, "budget_s"),
        ({"device": "cuda:0"}, "device"),
        ({"kind": "grpo", "batch": 8, "generations": 3, "phi": "outcome"}, "generations"),
        ({"kind": "grpo", "batch": 8, "generations": 1, "phi": "outcome"}, "generations"),
        ({"kind": "grpo", "batch": 8, "generations": 8}, "prm"),
        ({"kind": "grpo", "batch": 8, "phi": {"alfa": 1.0}}, "alfa"),
        ({"kind": "grpo", "batch": 8, "phi": "mine"}, "mine"),
        ({"kind": "grpo", "batch": 8, "phi": {"alpha": 1.2}}, "weight"),
        ({"kind": "grpo", "batch": 8, "phi": {"aggregation": "max"}}, "max"),
        ({"kind": "grpo", "batch": 8, "generations": 8, "phi": "outcome", "scale_rewards": "group"}, "scale"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(LabError, match=named):
        read_spec({**BASE, **change})


def test_a_missing_field_is_named() -> None:
    with pytest.raises(LabError, match="iterations"):
        read_spec({"kind": "sft", "model": "/m", "batch": 1})


def test_grpo_saves_only_at_generation_boundaries() -> None:
    spec = read_spec({**BASE, "kind": "grpo", "batch": 8, "phi": "outcome", "reuse": 4, "save_every": 6})
    assert isinstance(spec.options, GrpoOptions)
    assert checkpoint_period(spec) == 8


def test_one_process_runs_the_program_itself() -> None:
    line = launch_line("grpo", Path("d"), Placement(python="py"))
    assert line == ["py", "-P", "-m", "o1coder.train.grpo", "d"]


def test_more_processes_go_through_accelerate_behind_the_shim() -> None:
    line = launch_line("sft", Path("d"), Placement(processes=16, machines=2, machine_rank=1, main_host="h", gpus=8))
    assert line[3:4] == ["o1coder.train.process"]
    assert line[-3:] == ["--module", "o1coder.train.sft", "d"]
    assert line[line.index("--machine_rank") + 1] == "1"
    assert "--multi_gpu" in line
    assert "static" in line
    assert "torch.distributed.run" in launch_line("sft", Path("d"), Placement(processes=2))


def test_phi_is_a_preset_with_changes() -> None:
    spec = read_spec({**BASE, "kind": "grpo", "batch": 8, "phi": {"preset": "outcome", "gate": 0.5}})
    assert isinstance(spec.options, GrpoOptions)
    assert (spec.options.phi.alpha, spec.options.phi.gate) == (1.0, 0.5)
    assert not spec.options.needs_prm
