"""One whole self-play round by real processes: scripted sampling, a tiny random model in every trainer; then a correction."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from o1coder import checkpoints, labels, loop, report
from o1coder.jobs import alive, launch, verbs
from o1coder.lab import Lab
from o1coder.queries import checkpoints as questions
from o1coder.queries import jobs, rounds
from o1coder.verify import verify
from tests.stages.conftest import count
from tests.tiny import make_tiny_model

ONE = {"iterations": 1, "save_every": 1, "threads": 1, "max_length": 1024}


@pytest.fixture
def model(lab: Lab, tmp_path: Path) -> Iterator[int]:
    """The tiny model as a base; the worker that ran jobs for the test is ended with it."""
    yield checkpoints.add_model(lab, "tiny", make_tiny_model(tmp_path / "tiny"), "test", copy=False)
    post = launch.worker(lab.home)
    if post is not None:
        alive.send([post.pid], signal.SIGKILL)
    for pids in alive.marked(lab.home).values():
        alive.send(pids, signal.SIGKILL)


def finished(lab: Lab, job_id: int) -> jobs.JobView:
    launch.ensure_worker(lab)
    job = verbs.wait(lab, job_id)
    assert job.state == "done", f"{job.error}\n{Path(job.log).read_text()[-3000:]}"
    return job


def test_a_round_then_a_correction_then_the_prm_again(lab: Lab, model: int) -> None:
    config = {
        "base": model,
        "sampler": "fake:7",
        "scorer": "fake:7",
        "overrides": {
            **{name: ONE for name in ("tcg-sft", "tcg-dpo", "policy-sft", "prm")},
            "tcg-dpo": ONE | {"batch": 2},
            "rl": ONE | {"batch": 4, "generations": 4, "max_completion": 16, "only_mixed": False, "limit": 1},
            "evaluate": {"n": 2},
            "evaluate-prm": {"limit": 3, "codes": 8},
        },
    }
    job = finished(lab, verbs.enqueue(lab, "selfplay", config, run="r"))
    assert (job.done, job.total) == (len(loop.moves(loop.Settings(base=model), 0)) + 1,) * 2
    with lab.reading() as connection:
        decision = rounds.decision(connection, "r", 0)
        done = rounds.done(connection, "r", 0)
    assert decision is not None
    assert decision.checkpoint == done["rl"].checkpoint
    assert count(lab, "SELECT COUNT(*) FROM rollout WHERE iteration IS NOT NULL") == 4
    assert (
        count(
            lab, "SELECT COUNT(*) FROM completion c JOIN tree x ON x.id = c.tree_id WHERE x.job_id = ?", done["rl"].job
        )
        == 4
    )
    found = report.round_report(lab, "r", 0)
    assert found["training"] == {"tcg-sft": 1, "tcg-dpo": 1, "policy-sft": 1, "prm": 1, "rl": 1}
    assert all(one is not None for one in found["pass_at_1"].values())
    assert all(len(line) < 130 for line in report.lines(found))
    checked, wrong = verify(lab, quick=False)
    assert wrong == []
    assert checked

    prm = done["prm"].checkpoint
    assert prm is not None
    step = count(
        lab, "SELECT step_id FROM dataset_item i JOIN dataset d ON d.id = i.dataset_id WHERE d.kind = 'prm-point'"
    )
    value = count(lab, "SELECT value FROM label WHERE step_id = ? ORDER BY id DESC", step)
    added = labels.add_human(lab, step, "invalid" if value == "valid" else "valid", "anna")
    assert prm in added.stale_checkpoints
    with lab.reading() as connection:
        assert questions.stale_because(connection, prm) != []
        policy = done["policy-sft"].checkpoint
        assert policy is not None
        assert "train" in questions.problems_seen(connection, policy)
        assert "test" not in questions.problems_seen(connection, policy)
        [tasks] = connection.exec_driver_sql(
            "SELECT i.problem_id FROM dataset_item i JOIN dataset d ON d.id = i.dataset_id WHERE d.kind = 'rl'"
        ).all()
        rolled = connection.exec_driver_sql("SELECT problem_id FROM tree WHERE job_id = ?", (done["rl"].job,)).all()
        assert {tasks} == set(rolled)
    retrained = finished(lab, verbs.enqueue(lab, "prm", {"base": model, "refreshes": prm, **ONE}))
    with lab.reading() as connection:
        new = questions.show(connection, retrained.outputs["checkpoints"][0])
        assert (new.parent, new.stale) == (prm, 0)
    again = {"prm": new.id, "draws": done["prm-figures"].job, "scorer": "fake:8", "sampler": "fake:7"}
    figures = finished(lab, verbs.enqueue(lab, "evaluate-prm", again))
    names = {point.name for point in jobs.metrics(lab, figures.id)}
    assert {"code_steps", "prefix_steps"} <= names
    assert count(lab, "SELECT COUNT(*) FROM tree WHERE job_id = ?", figures.id) == 0
