"""A preview asked in a process of its own, which is the command line's: a lab of a hundred thousand steps takes it many
seconds and hundreds of megabytes, of which a screen must feel nothing, and it can be killed.

It only starts, waits, stops and reads the answer; what a preview is, previewing.py says.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from o1coder.errors import LabError
from o1coder.jobs.launch import environment
from o1coder.previewing import Preview
from o1coder.queries.datasets import Sampled
from o1coder.queries.leaks import Leak, Leaks
from o1coder.queries.membership import Share, Spread


class Previewing:
    """One preview under way. `answer` waits in the caller's thread; `cancel` from another ends it at once."""

    def __init__(self, home: Path, kind: str, text: str, *, first: int) -> None:
        asked = ["datasets", "preview", kind, "--query", text, "--rows", str(first)]
        self._line = [sys.executable, "-P", "-m", "o1coder.cli", *asked, "--home", str(home), "--readonly", "--json"]
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.cancelled = False

    def answer(self) -> Preview:
        """What an export would hold. LabError says what is wrong with the wish, or that it was stopped."""
        with self._lock:
            if self.cancelled:
                raise LabError("the preview was stopped")
            self._process = subprocess.Popen(
                self._line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
            )
        out, err = self._process.communicate()
        if self.cancelled:
            raise LabError("the preview was stopped")
        if self._process.returncode != 0:
            raise _error(err.decode("utf-8", "replace"))
        return read(json.loads(out))

    def cancel(self) -> None:
        """Stop it; `answer` says so."""
        with self._lock:
            self.cancelled = True
            if self._process is not None:
                self._process.kill()


def _error(said: str) -> LabError:
    """What the command said of its end, in its last line."""
    last = said.strip().splitlines()[-1:] or [""]
    try:
        found = json.loads(last[0])
        return LabError(str(found["error"]), found.get("hint"))
    except (ValueError, KeyError, TypeError):
        return LabError(f"the preview ended: {last[0]}", "`o1coder datasets preview` says more")


def read(found: Mapping[str, Any]) -> Preview:
    """A preview from the object that the command prints."""
    by = {**found["by"], "largest": [Share(**one) for one in found["by"]["largest"]]}
    leaks = {**found["leaks"], "found": [Leak(**one) for one in found["leaks"]["found"]]}
    first = [Sampled(**one) for one in found["first"]]
    return Preview(**{**found, "by": Spread(**by), "leaks": Leaks(**leaks), "first": first})
