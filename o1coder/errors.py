"""The one error a user can mend, and the kinds under which a job's failure is filed.

Everything that is not a LabError is a bug and propagates. This file decides nothing about exit codes; `cli.py` does.
"""

from __future__ import annotations

from typing import Literal

ErrorKind = Literal["gpu-oom", "host-oom", "disk-full", "signal", "lab-error", "bug"]


class LabError(Exception):
    """What is wrong (`message`) and what to do about it (`hint`). The command line prints both and exits 2."""

    def __init__(self, message: str, hint: str = "", kind: ErrorKind = "lab-error") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.kind: ErrorKind = kind
