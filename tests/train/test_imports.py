"""The trainer side knows no lab, and a stage may import it without waiting for torch."""

from __future__ import annotations

import subprocess
import sys

from tests.train.test_process import ENVIRONMENT

NAMES = ("spec", "folder", "launch", "process", "losses", "loading", "program", "chain", "rollouts")
PROGRAMS = ("sft", "dpo", "prm", "grpo")
HEAVY = ("torch", "transformers", "trl", "peft", "numpy", "datasets")
LAB = ("sqlmodel", "sqlalchemy", "o1coder.models", "o1coder.db", "o1coder.lab", "o1coder.jobs", "o1coder.queries")


def test_importing_every_module_loads_nothing_heavy_and_nothing_of_the_lab() -> None:
    modules = ", ".join(f"o1coder.train.{name}" for name in (*NAMES, *PROGRAMS))
    code = f"import sys, {modules}; print(*sorted(sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    loaded = set(ended.stdout.split())
    assert not loaded & {*HEAVY, *LAB}
