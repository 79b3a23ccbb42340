"""Worked settings for whole runs. `demo`: one round that two cores without a GPU finish in at most 18 minutes.

Seconds are budgets, not predictions: a stage that reaches its own stops, keeps what it has, and the table says so. The sum
of the demo's budgets is held to 18 minutes by a test.
"""

from __future__ import annotations

import os
from typing import Any

DEMO_LIMIT_S = 18 * 60

_BUDGETS = {
    "tests-before": 20.0,
    "tcg-sft": 85.0,
    "tests-sft": 20.0,
    "tcg-dpo": 60.0,
    "tests-dpo": 20.0,
    "synthesize": 140.0,
    "policy-sft": 85.0,
    "prm": 100.0,
    "score": 65.0,
    "rl": 145.0,
    "base-direct": 45.0,
    "base": 95.0,
    "sft": 60.0,
    "rl-policy": 60.0,
    "prm-figures": 80.0,
}


def demo(base: int, rounds: int, *, full: bool = False) -> dict[str, Any]:
    """The self-play config of `o1coder demo`. `full`: no budgets, more simulations, samples and iterations on the same
    problems; hours rather than minutes."""
    config: dict[str, Any] = {"base": base, "rounds": rounds, "slice": "demo", "tcg_slice": "tcg"}
    # Judging takes little beside sampling here: with a thread a core 8 trees took 50 s, with one fewer 87 (idle, two cores).
    cores = {"threads": os.cpu_count() or 1}
    overrides: dict[str, dict[str, Any]] = {
        "synthesize": {**cores},
        "generate-tests": {"n": 2, **cores},
        "evaluate": {"n": 4, **cores},
        "evaluate-prm": {"limit": 8, **cores},
        "tcg-sft": {"iterations": 8, "max_length": 320},
        "tcg-dpo": {"iterations": 4, "max_length": 320},
        "policy-sft": {"iterations": 8, "max_length": 320},
        "prm": {"iterations": 16, "max_length": 320},
        "rl": {"iterations": 4, "save_every": 1, "max_completion": 128},
    }
    if full:
        more = {
            "synthesize": {"simulations": 24},
            "evaluate": {"n": 16},
            "policy-sft": {"iterations": 40},
            "prm": {"iterations": 80},
            "rl": {"iterations": 60},
        }
        overrides = {name: overrides.get(name, {}) | more.get(name, {}) for name in {*overrides, *more}}
        return config | {"overrides": overrides}
    return config | {"overrides": overrides, "budgets": dict(_BUDGETS)}
