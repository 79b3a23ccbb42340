"""The files of one training folder: spec.json and data.jsonl in; metrics.jsonl, checkpoints/, model/, done.json out.

Everything is append-only or written aside and renamed; a folder is finished when done.json exists, and done.json is
written last. An attempt is one process; its first metrics line says from which iteration it went on. Deliberately
knows neither torch nor the lab: whoever ingests the files reads whole lines by byte offset.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o1coder.errors import LabError
from o1coder.train.spec import TrainSpec, read_spec

CHECKPOINT_PREFIX = "checkpoint-"
ATTEMPT_VARIABLE = "O1CODER_ATTEMPT"  # the attempt of the job that trains, so that its lines say whose they are
COMPLETE = "complete.json"


@dataclass(frozen=True, slots=True)
class Attempt:
    """This process's place in the folder's history: its number (its job's, else counted from 1), the iteration it goes
    on from, seconds already spent."""

    number: int
    resumed_from_iteration: int
    spent_s: float


class Folder:
    """One training folder. Only one process may write it at a time; many may read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics = path / "metrics.jsonl"
        self.rollouts = path / "rollouts.jsonl"
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"
        self.done = path / "done.json"

    def spec(self) -> TrainSpec:
        """Read spec.json; LabError when it is absent, no JSON, or wrong."""
        file = self.path / "spec.json"
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise LabError(f"{file} does not exist", "a training folder needs spec.json and data.jsonl") from None
        except json.JSONDecodeError as error:
            raise LabError(f"{file} is not JSON: {error}", "write the spec with json.dumps") from None
        if not isinstance(raw, dict):
            raise LabError(f"{file} is not a JSON object", "see o1coder/train/spec.py for its fields")
        return read_spec(raw)

    def rows(self, required: tuple[str, ...]) -> list[dict[str, Any]]:
        """Read data.jsonl whole; LabError names the line that is wrong or lacks a required field."""
        file = self.path / "data.jsonl"
        if not file.exists():
            raise LabError(f"{file} does not exist", "a training folder needs spec.json and data.jsonl")
        rows: list[dict[str, Any]] = []
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise LabError(f"{file}, line {number}: {error}", "each line is one JSON object") from None
                lacking = [name for name in required if name not in row]
                if lacking:
                    raise LabError(f"{file}, line {number}: no {lacking[0]!r}", f"a row has {', '.join(required)}")
                rows.append(row)
        if not rows:
            raise LabError(f"{file} has no rows", "choose a dataset with at least one row")
        return rows

    def begin(self) -> Attempt:
        """Mend what a killed process left (torn last lines, half checkpoints) and say where this attempt stands."""
        for file in (self.metrics, self.rollouts):
            drop_torn_line(file)
        number, spent_s = 1, 0.0
        for line in read_lines(self.metrics):
            if line.get("event") == "start":
                number += 1
            spent_s = max(spent_s, float(line.get("wall_s", 0.0)))
        number = int(os.environ.get(ATTEMPT_VARIABLE, number))
        shutil.rmtree(self.path / "model.partial", ignore_errors=True)
        if self.model.exists():
            shutil.rmtree(self.model)  # without done.json nobody may have used it
        for folder in self._checkpoint_folders():
            if not (folder / COMPLETE).exists():
                shutil.rmtree(folder)
        last = self.last_checkpoint()
        return Attempt(number, iteration_of(last) if last else 0, spent_s)

    def last_checkpoint(self) -> Path | None:
        """The newest complete checkpoint, or None."""
        complete = [folder for folder in self._checkpoint_folders() if (folder / COMPLETE).exists()]
        return max(complete, key=iteration_of, default=None)

    def seal_checkpoint(self, iteration: int) -> None:
        """Mark a checkpoint as complete; one without the mark is removed by the next attempt."""
        folder = self.checkpoints / f"{CHECKPOINT_PREFIX}{iteration}"
        for file in folder.rglob("*"):
            if file.is_file():
                _sync(file)
        write_atomic(folder / COMPLETE, {"iteration": iteration})

    def append(self, file: Path, record: Mapping[str, Any]) -> None:
        """Append one JSON line and hand it to the system before returning."""
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")

    def finish(self, partial: Path, summary: Mapping[str, Any]) -> dict[str, Any]:
        """Move the saved weights to model/, then write done.json with the digest of every file; returns what it wrote."""
        files = []
        for file in sorted(item for item in partial.rglob("*") if item.is_file()):
            _sync(file)
            name = file.relative_to(partial).as_posix()
            files.append({"name": name, "bytes": file.stat().st_size, "sha256": file_sha256(file)})
        partial.rename(self.model)
        record = {**summary, "files": files, "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        write_atomic(self.done, record)
        return record

    def _checkpoint_folders(self) -> list[Path]:
        return [item for item in self.checkpoints.glob(f"{CHECKPOINT_PREFIX}*") if item.is_dir()]


def iteration_of(checkpoint: Path) -> int:
    """The iteration in a checkpoint folder's name."""
    return int(checkpoint.name.removeprefix(CHECKPOINT_PREFIX))


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Every whole JSON line of a file that is appended to; an absent file has none, a torn last line is left out."""
    if not file.exists():
        return []
    text = file.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines() if line.strip()]


def drop_torn_line(file: Path) -> None:
    """Cut a last line that lacks its newline: its writer was killed inside it, and no reader took it."""
    if not file.exists():
        return
    with file.open("r+b") as stream:
        text = stream.read()
        stream.truncate(text.rfind(b"\n") + 1)


def write_atomic(file: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON file so that a reader sees the old one or the new one, never a part."""
    aside = file.with_name(file.name + ".partial")
    aside.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    _sync(aside)
    os.replace(aside, file)
    _sync(file.parent)


def file_sha256(file: Path) -> str:
    """`sha256:` and the hex digest of a file."""
    with file.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def weights_digest(model: Path) -> str:
    """One digest for a model folder: its config and weight files by name and content."""
    total = hashlib.sha256()
    names = sorted(item for pattern in ("config.json", "*.safetensors", "*.bin") for item in model.glob(pattern))
    for file in names:
        total.update(f"{file.name} {file_sha256(file)}\n".encode())
    return "sha256:" + total.hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
