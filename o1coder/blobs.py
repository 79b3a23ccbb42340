"""Content-addressed files: `blobs/<two>/<digest>`, a file or a folder with a manifest written last.

A folder's digest is that of its manifest: file names, sizes and digests. Nothing here reads the database; the stage that
adds a blob records it in its own transaction, so a blob without a row is a left-over that `verify` names and nothing reads.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path
from typing import NamedTuple

from o1coder.canonical import canonical, digest_bytes, digest_file

MANIFEST = "manifest.json"


class Stored(NamedTuple):
    """What was put into the store: its digest, its size in bytes, and its path relative to the lab's home."""

    digest: str
    bytes: int
    path: str


def manifest_of(folder: Path) -> dict[str, dict[str, object]]:
    """Names (relative, sorted), sizes and digests of every file below `folder`, the manifest itself left out."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {str(p.relative_to(folder)): {"bytes": p.stat().st_size, "sha256": digest_file(p)} for p in files}


class Blobs:
    """The store below one home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "blobs"

    def path(self, digest: str) -> Path:
        """Where the blob of this digest lies or would lie."""
        name = digest.removeprefix("sha256:")
        return self.root / name[:2] / name

    def _incoming(self) -> Path:
        self.root.mkdir(exist_ok=True)
        return self.root / f".incoming-{uuid.uuid4().hex}"

    def add_folder(self, folder: Path) -> Stored:
        """Store a folder under the digest of its manifest; storing the same content twice is one blob."""
        manifest = manifest_of(folder)
        digest = digest_bytes(canonical(manifest).encode())
        size = sum(int(str(entry["bytes"])) for entry in manifest.values())
        target = self.path(digest)
        if not target.exists():
            incoming = self._incoming()
            shutil.copytree(folder, incoming)
            (incoming / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync_tree(incoming)
            try:
                incoming.rename(target)
            except OSError:
                if not target.exists():  # another process stored the same content first
                    raise
                shutil.rmtree(incoming)
        return Stored(digest, size, str(target.relative_to(self.home)))

    def check(self, digest: str, *, deep: bool) -> str | None:
        """What is wrong with this blob, or None. `deep` reads every byte."""
        folder = self.path(digest)
        if not (folder / MANIFEST).is_file():
            return "missing"
        listed = json.loads((folder / MANIFEST).read_text())
        if digest_bytes(canonical(listed).encode()) != digest:
            return "manifest changed"
        for name, entry in listed.items():
            file = folder / name
            if not file.is_file() or file.stat().st_size != entry["bytes"]:
                return f"{name} is missing or has another size"
            if deep and digest_file(file) != entry["sha256"]:
                return f"{name} has changed"
        return None

    def leftovers(self) -> list[Path]:
        """Folders that a killed process was still filling."""
        return sorted(self.root.glob(".incoming-*")) if self.root.is_dir() else []


def _sync_tree(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
