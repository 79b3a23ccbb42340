"""Labs made once a session, and a worker that starts by itself when the last one was killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from o1coder import checkpoints
from o1coder.jobs import verbs
from o1coder.lab import Lab
from tests.crash import world
from tests.crash.worker import ensure_worker
from tests.tiny import make_tiny_model

FEW = {"threads": 1, "batch": 2, "lora_r": 4, "max_length": 320}


@pytest.fixture(scope="session", autouse=True)
def watched_workers() -> Iterator[None]:
    """Whoever waits for a job starts a watched worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verbs, "ensure_worker", ensure_worker)
        patch.delenv("O1CODER_SLOTS", raising=False)
        yield


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab with problems, trees of `fake:7` as job 1, and a PRM without weights as checkpoint 1."""
    folder = tmp_path_factory.mktemp("scripted")
    lab = Lab.create(folder / "lab")
    world.add_problems(lab)
    world.add_stand_in(lab, folder / "prm", "prm")
    world.prepare(lab, "synthesize", sampler="fake:7", simulations=4, width=3)
    return world.finished(lab)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab with problems, trees of `fake:7` as job 1, and checkpoints: 1 a random model, 2 the same after some SFT, 3 a test
    case generator, 4 a PRM."""
    folder = tmp_path_factory.mktemp("trained")
    lab = Lab.create(folder / "lab")
    world.add_problems(lab)
    checkpoints.add_model(lab, "tiny", make_tiny_model(folder / "tiny"), "made", copy=True)
    world.prepare(lab, "synthesize", sampler="fake:7", simulations=6, width=4)
    some = {**FEW, "iterations": 70, "lr": 1e-2, "lora_r": 0, "save_every": 70}  # until its chains hold programs
    world.prepare(lab, "policy-sft", policy=1, query=f"problem:{world.first_train_problem(lab)}", **some)
    world.prepare(lab, "tcg-sft", base=1, iterations=1, **FEW)
    world.prepare(lab, "prm", base=1, iterations=1, **FEW)
    return world.finished(lab)
