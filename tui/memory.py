"""What the screens remember over a restart: where each stood, what was typed, small choices. A file per lab and person.

It lies in the person's state folder, never in the lab: a lab may be read-only and is shared. Losing it loses nothing but
comfort, so an unreadable one is begun anew; it is replaced whole, so a kill leaves the old or the new.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

MOST_LINES = 100


def state_folder() -> Path:
    """`$XDG_STATE_HOME/o1coder`, else its usual place."""
    from platformdirs import user_state_path

    return user_state_path("o1coder", appauthor=False)


class Memory:
    """A small dictionary of JSON on disk; see the module's head."""

    def __init__(self, home: Path) -> None:
        name = hashlib.blake2b(str(home.resolve()).encode(), digest_size=8).hexdigest()
        self.file = state_folder() / f"{name}.json"
        self.kept: dict[str, Any] = {}
        self._saved = ""
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        if isinstance(found, dict):
            self.kept = found

    def of(self, name: str) -> dict[str, Any]:
        """The part of that name, made where there is none; change it in place."""
        part = self.kept.get(name)
        if not isinstance(part, dict):
            part = self.kept[name] = {}
        return part

    def lines(self, name: str) -> list[str]:
        """What was typed into a kind of input, oldest first."""
        found = self.of("lines").get(name)
        return [line for line in found if isinstance(line, str)] if isinstance(found, list) else []

    def typed(self, name: str, line: str) -> None:
        """Remember a line as the newest of its kind."""
        before = [old for old in self.lines(name) if old != line]
        self.of("lines")[name] = [*before, line][-MOST_LINES:]

    def save(self) -> str | None:
        """Write it if it has changed; where that cannot be, the reason, once and no more."""
        text = json.dumps(self.kept, sort_keys=True)
        if text == self._saved:
            return None
        self._saved = text
        part = self.file.with_suffix(f".{os.getpid()}")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            part.replace(self.file)
        except OSError as error:
            return f"what is shown will not be remembered: {error.strerror} ({self.file.parent})"
        return None
