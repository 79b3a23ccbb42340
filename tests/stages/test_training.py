"""How a stage takes its trainer's end: a trainer that a signal stopped is not done, and the next attempt goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from o1coder import stage, training
from o1coder.errors import LabError
from o1coder.lab import Lab
from tests.stages.conftest import Note

WAITS = "import sys, time, signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); {then}"
FINISHES = "import pathlib, sys; pathlib.Path(sys.argv[1], 'done.json').write_text('{\"stopped\": \"%s\"}')"


def trainer(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(training, "launch_line", lambda _, folder, __: [sys.executable, "-c", program, str(folder)])


def train(lab: Lab, *, cancelled: bool = False) -> training.Trained:
    note = Note(1)
    note.cancelled = cancelled
    return training.train(lab, note, {"kind": "sft"}, [])


def test_a_cancelled_trainer_is_not_done_and_a_retry_trains_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer(monkeypatch, WAITS.format(then="time.sleep(60)"))
    with pytest.raises(stage.Cancelled):
        train(lab, cancelled=True)
    trainer(monkeypatch, FINISHES % "done")
    assert train(lab).done == {"stopped": "done"}


def test_a_trainer_that_somebody_terminated_is_lost(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer(monkeypatch, WAITS.format(then="signal.raise_signal(signal.SIGTERM)"))
    with pytest.raises(LabError) as found:
        train(lab)
    assert (found.value.kind, "SIGTERM" in found.value.message) == ("signal", True)


def test_only_done_and_budget_are_ends(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer(monkeypatch, FINISHES % "signal")
    with pytest.raises(LabError, match="not done"):
        train(lab)
    folder: Path = lab.job_folder(1) / "train"
    assert json.loads((folder / "done.json").read_text()) == {"stopped": "signal"}
