"""The folder of an export: data, a short card, and a manifest written last; there whole or not at all.

The manifest holds no times and no ids of its own, so the same rows give the same folder. Nothing is uploaded.
"""

from __future__ import annotations

import errno
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from o1coder.canonical import digest_file
from o1coder.datasets import DATA
from o1coder.errors import LabError
from o1coder.export.card import MANIFEST, About, card

ARRAY = "data.json"
FORMAT = "o1coder-export-1"


def write(out: Path, data: Path, about: About, *, array: bool) -> list[dict[str, Any]]:
    """Make `out` from the frozen rows of `data`; with `array` also `data.json`. Returns its data files as
    {name, rows, sha256}. LabError when the folder cannot be made; then nothing is left of it."""
    partial = out.parent / f".{out.name}.{uuid.uuid4().hex}.part"
    try:
        try:
            partial.mkdir()
            shutil.copyfile(data, partial / DATA)
            if array:
                lines = (partial / DATA).read_text(encoding="utf-8").removesuffix("\n").split("\n")
                (partial / ARRAY).write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
            files = [
                {"name": name, "rows": about.rows, "sha256": digest_file(partial / name)}
                for name in ([DATA, ARRAY] if array else [DATA])
            ]
            (partial / "README.md").write_text(card(about), encoding="utf-8")
            manifest = {"format": FORMAT, **about._asdict(), "files": files}
            text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            (partial / MANIFEST).write_text(text, encoding="utf-8")
            partial.rename(out)
        finally:
            if partial.exists():
                shutil.rmtree(partial)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        hint = "free some space" if full else "name a new folder in one that you may write"
        raise LabError(
            f"{out} cannot be written: {error.strerror}", hint, "disk-full" if full else "lab-error"
        ) from error
    return files


def holds(out: Path, sha256: str) -> bool:
    """Whether `out` is a finished export of exactly these rows."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("sha256") == sha256


def files_of(out: Path) -> list[dict[str, Any]]:
    """The data files that a finished export's manifest lists."""
    found: list[dict[str, Any]] = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["files"]
    return found
