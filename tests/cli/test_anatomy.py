"""`o1coder anatomy --job` prints an earlier job's figures from its rows: the same object, and no job is added."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import say


def test_the_figures_again_without_sampling(copy: Path) -> None:
    small = "--sampler fake:7 --limit 3 --structures 2 --refines 2 --codes 2 --swaps 1 --split train"
    first = say(f"anatomy {small} --json", copy)
    assert first.code == 0, first.err
    found = json.loads(first.out)
    jobs = say("jobs list --json", copy).out
    again = say(f"anatomy --job {found['job']} --json", copy)
    assert json.loads(again.out) == found
    assert say("jobs list --json", copy).out == jobs
    assert "decided by" in say(f"anatomy --job {found['job']}", copy).out
    refused = say(f"anatomy --job {found['job']} --limit 3", copy)
    assert refused.code == 2
