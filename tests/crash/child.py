"""The child as it is, watched: every applied simulation is a commit of its own, and its trainers are watched too."""

from __future__ import annotations

import sys
from pathlib import Path

from o1coder import growing, training
from o1coder.jobs import child, verbs
from tests.crash.boundary import watch
from tests.crash.worker import ensure_worker


def watched_line(kind: str, folder: Path, placement: object = None) -> list[str]:
    """The launch line of one watched trainer process."""
    return [sys.executable, "-P", str(Path(__file__).with_name("trainer.py")), kind, str(folder)]


if __name__ == "__main__":
    growing.FLUSH_S = 0.0
    training.launch_line = watched_line  # type: ignore[assignment]
    verbs.ensure_worker = ensure_worker  # type: ignore[assignment]
    watch(Path(sys.argv[sys.argv.index("--home") + 1]))
    raise SystemExit(child.main())
