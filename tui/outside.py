"""Handing a text to the person's pager or editor while the screens stand still. What a pager is shown is inert."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from o1coder.errors import LabError

LONGEST = 60  # letters of a file's name


def _run(app: App[Any], command: str, file: Path) -> None:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise LabError(f"{command!r} is no command: {error}", "set PAGER or EDITOR") from error
    if not words:
        raise LabError("PAGER or EDITOR is empty", "set it to a program that is installed")
    failed: OSError | None = None
    try:
        with app.suspend():
            try:
                subprocess.run([*words, str(file)], check=False)
            except OSError as error:  # caught here: what leaves `suspend` by an error leaves the screens suspended
                failed = error
    except SuspendNotSupported as error:
        raise LabError("this terminal cannot be handed over", "use the command line (Y copies the command)") from error
    if failed is not None:
        raise LabError(f"{command!r} cannot be run", "set PAGER or EDITOR to a program that is installed") from failed


def file_name(name: str) -> str:
    """A name that any file system and any pager takes: at most LONGEST letters of ASCII, the suffix kept, nothing that reads
    as an option, a hidden file or a folder."""
    stem, dot, suffix = re.sub(r"[^A-Za-z0-9._-]+", "_", name).rpartition(".")
    if not dot or not re.fullmatch(r"[A-Za-z0-9]{1,8}", suffix):
        stem, suffix = stem + dot + suffix, ""
    end = f".{suffix}" if suffix else ""
    return (stem.strip("._-")[: LONGEST - len(end)] or "text") + end


def page(app: App[Any], name: str, text: str) -> None:
    """Show a text in `$PAGER` (else less). LabError when that cannot be."""
    from tui.clipboard import harmless

    with tempfile.TemporaryDirectory(prefix="o1coder-") as folder:
        file = Path(folder) / file_name(name)
        file.write_text(harmless(text), encoding="utf-8", errors="backslashreplace")
        _run(app, os.environ.get("PAGER") or "less", file)


def edit(app: App[Any], name: str, text: str) -> str | None:
    """Let the person change a text in `$VISUAL`, `$EDITOR` (else vi); None when it was left as it is. LabError when that
    cannot be, or the result is no UTF-8."""
    with tempfile.TemporaryDirectory(prefix="o1coder-") as folder:
        file = Path(folder) / file_name(name)
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
        _run(app, os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi", file)
        try:
            changed = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LabError(f"what the editor left cannot be read: {error}", "save it as UTF-8") from error
    return None if changed.rstrip("\n") == text.rstrip("\n") else changed.rstrip("\n")
