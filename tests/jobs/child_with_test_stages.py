"""The child as it is, with the stages of tests/jobs/stage_files beside the real ones."""

from __future__ import annotations

from pathlib import Path

from o1coder import stages
from o1coder.jobs import child

stages.__path__.append(str(Path(__file__).parent / "stage_files"))

if __name__ == "__main__":
    raise SystemExit(child.main())
