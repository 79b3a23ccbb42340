"""A PRM over steps of the lab: opens the scorer, renders prefixes in its format, writes scores once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from o1coder import selection
from o1coder.checkpoints import weights
from o1coder.lab import Lab
from o1coder.models import Score
from o1coder.rows import add_once

if TYPE_CHECKING:
    from o1coder.sampling import Scorer


@contextmanager
def open_prm(
    lab: Lab, prm: int, spec: str, *, threads: int | None = None, batch: int | None = None
) -> Iterator[Scorer]:
    """The scorer of a PRM checkpoint; what needs no weights here (fake:SEED, a server)
    keeps the checkpoint's name on its scores."""
    from o1coder.sampling import open_scorer

    found = weights(lab, prm, "prm")
    scorer = open_scorer(spec, model=found.model, adapter=found.adapter, threads=threads, batch=batch)
    try:
        yield scorer
    finally:
        scorer.close()


def score_steps(lab: Lab, scorer: Scorer, prm: int, steps: Sequence[selection.Unscored], job_id: int) -> list[float]:
    """Score these steps and store the numbers; one transaction."""
    from o1coder.text import FORMAT_DIGEST, prefix_text

    values = scorer.score([prefix_text(step.task, selection.parts(step.prefix)) for step in steps])
    with lab.writing() as connection:
        for step, value in zip(steps, values, strict=True):
            key = {"step_id": step.id, "checkpoint_id": prm, "format_digest": FORMAT_DIGEST}
            add_once(connection, Score, key, value=value, job_id=job_id)
    return values
