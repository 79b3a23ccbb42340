"""TRL's own trainers take the exported rows: one iteration each on a tiny random model.

Stepwise rows are not tried: TRL 1.16 has no PRM trainer any more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from o1coder.lab import Lab
from o1coder.stages.export import Export, export
from tests.export.conftest import Report, grow, lines, new_job
from tests.tiny import make_tiny_model

pytestmark = pytest.mark.slow


def rows(lab: Lab, kind: str, out: Path) -> Any:
    """A dataset of exported rows, as many as one batch needs."""
    from datasets import Dataset

    export(lab, Export.model_validate({"kind": kind, "out": str(out)}), Report(new_job(lab, "export")))
    return Dataset.from_list(lines(out) * 2)


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """What every trainer is told."""
    return {
        "output_dir": str(tmp_path / "trained"),
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "report_to": "none",
        "use_cpu": True,
        "save_strategy": "no",
        "disable_tqdm": True,
    }


def test_sft_takes_prompt_completion(lab: Lab, tmp_path: Path, options: dict[str, Any]) -> None:
    from trl import SFTConfig, SFTTrainer

    grow(lab)
    model = str(make_tiny_model(tmp_path / "model"))
    trainer = SFTTrainer(model, SFTConfig(**options), train_dataset=rows(lab, "prompt-completion", tmp_path / "out"))
    assert trainer.train().training_loss > 0


def test_dpo_takes_preference(lab: Lab, tmp_path: Path, options: dict[str, Any]) -> None:
    from trl import DPOConfig, DPOTrainer

    grow(lab)
    model = str(make_tiny_model(tmp_path / "model"))
    trainer = DPOTrainer(model, args=DPOConfig(**options), train_dataset=rows(lab, "preference", tmp_path / "out"))
    assert trainer.train().training_loss > 0
