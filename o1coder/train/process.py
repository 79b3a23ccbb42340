"""What makes a program a good child: it dies with its parent, stops when asked, and keeps its standard output clean.

Linux only for the parent-death signal (elsewhere only the check of the parent's id remains). As a program,
`python -P -m o1coder.train.process COMMAND…` sets the signal and becomes COMMAND: a shim for launchers that do not.
The signal fires when the *thread* that started the child ends, so start trainers from a thread that lives on.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
TERMINATED = 128 + signal.SIGTERM  # how a trainer that SIGTERM stopped says that it is not done
PARENT_VARIABLE = "O1CODER_PARENT_PID"


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends; exit at once when the parent is gone already.

    A parent that ends between fork and this call is caught by O1CODER_PARENT_PID, which it may set to its own id.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    expected = os.environ.pop(PARENT_VARIABLE, None)
    if os.getppid() != parent or (expected is not None and int(expected) != parent):
        raise SystemExit(f"the process that started this one ({expected or parent}) is gone")


class StopSignal:
    """Remembers a SIGTERM, so that the loop can stop between two iterations and keep what it has."""

    def __init__(self) -> None:
        self.received = False
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = True


class Progress:
    """The only writer of standard output: one JSON object a line. Everything else that prints goes to stderr."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
        os.dup2(2, 1)

    def emit(self, event: str, fields: Mapping[str, Any] | None = None) -> None:
        """Write one event and flush it."""
        self._stream.write(json.dumps({"event": event, **(fields or {})}) + "\n")
        self._stream.flush()


if __name__ == "__main__":
    die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])
