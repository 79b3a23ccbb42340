"""A form says what a config asks, takes only what it accepts, and shows a command that parses back to it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from o1coder import rows
from o1coder.clock import now
from o1coder.lab import Lab
from o1coder.models import Checkpoint, Job
from o1coder.stage import Pick, StageConfig
from tui.form import command, fields, validate
from tui.screens.tree_retrain import prm_form


class Sample(StageConfig):
    """A stage with a field of each kind."""

    policy: Annotated[int, Pick("checkpoint", role="policy")]
    rounds: int = Field(3, ge=1, description="how often")
    mode: Literal["fast", "slow"] = "fast"
    keep: bool = False
    rate: float | None = None
    jobs: list[int] = Field(default_factory=list)
    name: str = "a b"
    budgets: dict[str, float] = Field(default_factory=dict)


def test_fields_are_declared_once() -> None:
    found = {field.name: field for field in fields(Sample)}
    assert [field.name for field in fields(Sample)][-2:] == ["seed", "budget_s"]
    assert {name: field.kind for name, field in found.items()} == {
        "policy": "pick",
        "rounds": "number",
        "mode": "choice",
        "keep": "flag",
        "rate": "number",
        "jobs": "list",
        "name": "text",
        "budgets": "json",
        "seed": "number",
        "budget_s": "number",
    }
    assert found["policy"].required
    assert found["policy"].pick == Pick("checkpoint", role="policy")
    assert found["mode"].options == ("fast", "slow")
    assert found["rounds"].description == "how often"


def test_wrong_and_missing_values_are_named_by_field() -> None:
    config, wrong = validate(Sample, {"rounds": "0", "rate": "much", "budgets": "{prm"})
    assert config is None
    assert wrong["policy"] == "needed"
    assert set(wrong) == {"policy", "rounds", "rate", "budgets"}


def test_what_was_entered_becomes_the_config_and_the_command() -> None:
    entered = {"policy": "4", "keep": "yes", "jobs": "1, 2", "rounds": "3", "rate": "", "name": "it's"}
    entered |= {"budgets": '{"prm": 6}'}
    config, wrong = validate(Sample, entered)
    assert wrong == {}
    assert config == Sample(policy=4, keep=True, jobs=[1, 2], name="it's", budgets={"prm": 6})
    line = command("sample", Sample, entered, run="first")
    assert shlex.split(line) == [
        *(
            "o1coder",
            "run",
            "sample",
            "--policy",
            "4",
            "--keep",
            "--jobs",
            "1,2",
            "--name",
            "it's",
            "--budgets",
            '{"prm": 6}',
            "--run",
            "first",
        )
    ]


@pytest.mark.parametrize(
    ("stage", "entered"), [("synthesize", {"sampler": "fak"}), ("prm", {"query": "j", "base": "1"})]
)
def test_what_is_half_typed_is_told_not_raised(stage: str, entered: dict[str, str]) -> None:
    from o1coder.stage import find

    config, wrong = validate(find(stage).config, entered)
    assert config is None
    assert any(text in wrong[""] for text in ("'fak'", "'j'"))


def test_a_control_is_not_what_a_retraining_starts_from(tmp_path: Path) -> None:
    lab = Lab.create(tmp_path / "lab")
    made = []
    for shuffle in (None, 3):
        config = json.dumps({"base": 1, "lr": 0.1 if shuffle is None else 0.2, "shuffle": shuffle})
        with lab.writing() as connection:
            by = {"author": "t", "created_at": now()}
            job = rows.add(connection, Job, stage="prm", config=config, config_digest="sha256:0", seed=0, **by)
            weights = {"digest": "sha256:c", "base_digest": "sha256:c", "bytes": 1, "path": "blobs/c"}
            made.append(
                rows.add(connection, Checkpoint, role="prm", format="full", job_id=job, created_at=now(), **weights)
            )
    _, entered = prm_form(lab)
    lab.close()
    assert (entered["lr"], entered["refreshes"]) == ("0.1", str(made[0]))
