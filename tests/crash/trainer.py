"""A trainer program as it is, watched: `trainer.py KIND DIR`, DIR being HOME/jobs/ID/train."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from o1coder.train import program
from tests.crash.boundary import watch

if __name__ == "__main__":
    kind, folder = sys.argv[1:]
    watch(Path(folder).parents[2])
    del sys.argv[1]
    program.main(kind, importlib.import_module(f"o1coder.train.{kind}").build)  # type: ignore[arg-type]
