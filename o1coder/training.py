"""A training stage's dealings with its trainer: write the folder, launch the program, follow its files, keep what it leaves.

Shared by every stage that trains. The trainer itself (train/) knows no lab; only this side writes SQLite, by byte offset,
offset and rows in one transaction.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import ErrorKind, LabError
from o1coder.lab import Lab
from o1coder.stage import Cancelled, Reporter
from o1coder.train.folder import ATTEMPT_VARIABLE
from o1coder.train.launch import Placement, launch_line
from o1coder.train.process import TERMINATED

POLL_S = 0.25
GRACE_S = 8.0  # below the worker's own grace, so that the trainer is gone before its stage is killed

Ingest = Callable[[Connection, list[dict[str, Any]]], None]


class Trained(NamedTuple):
    """What a trainer left: its `model/` folder and what `done.json` says."""

    model: Path
    done: dict[str, Any]


def train(
    lab: Lab,
    report: Reporter,
    spec: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    ingest: Mapping[str, Ingest] | None = None,
    placement: Placement | None = None,
) -> Trained:
    """Run the trainer named by `spec["kind"]` over `rows` until it is done; a finished folder is not trained again.

    `ingest` maps further files (`rollouts.jsonl`) to functions that write their new lines. LabError when the trainer
    fails, with the last lines it said; `Cancelled` when the job is asked to end before its trainer is done: what was
    trained waits in the folder for the next attempt.
    """
    folder = lab.job_folder(report.job_id) / "train"
    _prepare(folder, spec, rows)
    tails = [Tail(lab, report.job_id, folder / "metrics.jsonl", _metrics(report))]
    tails += [Tail(lab, report.job_id, folder / name, write) for name, write in (ingest or {}).items()]
    if not (folder / "done.json").is_file():
        lab.require_space()
        _run(folder, launch_line(spec["kind"], folder, placement), report, tails)
    for tail in tails:
        tail.read()
    done = json.loads((folder / "done.json").read_text())
    if done["stopped"] not in ("done", "budget"):
        raise LabError(f"the trainer stopped by {done['stopped']!r}: it is not done", "run the stage anew", "bug")
    if done["stopped"] == "budget":
        report.stopped("budget")
    return Trained(folder / "model", done)


def _prepare(folder: Path, spec: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "spec.json").is_file():
        return
    with (folder / "data.jsonl").open("w", encoding="utf-8") as handle:
        for row in rows:
            handle.write(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    partial = folder / "spec.json.part"
    partial.write_text(json.dumps(dict(spec), indent=1, sort_keys=True) + "\n")
    partial.rename(folder / "spec.json")


def _run(folder: Path, line: list[str], report: Reporter, tails: Sequence[Tail]) -> None:
    errors = folder / "stderr.log"
    with errors.open("ab") as err:
        start = err.tell()
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=err,
            process_group=0,
            env={**os.environ, ATTEMPT_VARIABLE: str(report.attempt)},
        )
        asked: float | None = None
        while process.poll() is None:
            time.sleep(POLL_S)
            for tail in tails:
                tail.read()
            if report.cancelled and asked is None:
                asked = time.monotonic()
                os.killpg(process.pid, signal.SIGTERM)
            elif asked is not None and time.monotonic() - asked > GRACE_S:
                os.killpg(process.pid, signal.SIGKILL)
    for tail in tails:
        tail.read()
    if report.cancelled and not (folder / "done.json").is_file():
        raise Cancelled
    if process.returncode != 0 or not (folder / "done.json").is_file():
        with errors.open("rb") as err:
            err.seek(start)
            said = err.read()[-4000:].decode("utf-8", "replace").strip()
        raise failure(process.returncode, said)


def failure(status: int, said: str) -> LabError:
    """A trainer's exit status and last words as an error with its kind and the setting to change."""
    last = said.splitlines()[-1] if said else "it said nothing"
    told = _told(last)
    if told is not None:
        return told
    kind: ErrorKind = "bug"
    hint = "the whole of it is in the job's folder, train/stderr.log"
    if "out of memory" in said.lower() and "cuda" in said.lower():
        kind, hint = "gpu-oom", "lower batch or max_length, or raise accumulate"
    elif "MemoryError" in said or "can't allocate memory" in said:
        kind, hint = "host-oom", "lower batch or max_length, or close what else runs here"
    elif "No space left" in said:
        kind, hint = "disk-full", "free some space, then `o1coder jobs retry`"
    elif status < 0 or status == TERMINATED:
        kind, hint = "signal", "`o1coder jobs retry` goes on from the last complete checkpoint"
        last = f"ended by {signal.Signals(-status if status < 0 else signal.SIGTERM).name}"
    return LabError(f"the trainer ended with status {status}: {last}", hint, kind)


def _told(line: str) -> LabError | None:
    """The error that a trainer itself explained, as the one JSON object it ends with."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict) or "error" not in found:
        return None
    return LabError(f"the trainer refused: {found['error']}", found.get("hint", ""), found.get("kind", "lab-error"))


class Tail:
    """Reads whole new lines of a trainer's JSONL file into the lab: the offset moves in the same transaction as the rows."""

    def __init__(self, lab: Lab, job_id: int, file: Path, write: Ingest) -> None:
        self._lab, self._job, self._file, self._write = lab, job_id, file, write
        self._size = -1

    def read(self) -> None:
        """Take what is new; nothing happens while the file has not grown."""
        try:
            size = self._file.stat().st_size
        except FileNotFoundError:
            return
        if size == self._size:
            return
        with self._lab.writing() as connection:
            key = (self._job, self._file.name)
            row = connection.exec_driver_sql("SELECT offset FROM ingest WHERE job_id = ? AND file = ?", key).first()
            offset = 0 if row is None else int(row[0])
            with self._file.open("rb") as handle:
                handle.seek(offset)
                data = handle.read()
            whole = data[: data.rfind(b"\n") + 1]
            if whole:
                self._write(connection, [json.loads(line) for line in whole.splitlines()])
                connection.exec_driver_sql(
                    "INSERT INTO ingest(job_id, file, offset) VALUES (?1, ?2, ?3) "
                    "ON CONFLICT (job_id, file) DO UPDATE SET offset = ?3",
                    (*key, offset + len(whole)),
                )
        self._size = size


def _metrics(report: Reporter) -> Ingest:
    def write(connection: Connection, lines: list[dict[str, Any]]) -> None:
        from o1coder.clock import now
        from o1coder.models import Metric
        from o1coder.rows import add_many

        rows: list[dict[str, Any]] = []
        for line in lines:
            if line.get("event") == "start":
                connection.exec_driver_sql(
                    "UPDATE attempt SET resumed_from_iteration = ? WHERE job_id = ? AND n = ?",
                    (line["resumed_from_iteration"], report.job_id, line["attempt"]),
                )
            if "iteration" not in line or "event" in line:
                continue
            for name, value in line.items():
                if name not in ("iteration", "attempt") and isinstance(value, (int, float)):
                    rows.append(
                        {
                            "job_id": report.job_id,
                            "attempt": line["attempt"],  # a killed attempt's last lines may be read by the next one
                            "iteration": line["iteration"],
                            "name": name,
                            "value": float(value),
                            "created_at": now(),
                        }
                    )
            if "total" in line:
                report.progress(int(line["iteration"]), int(line["total"]))
        add_many(connection, Metric, rows)

    return write
