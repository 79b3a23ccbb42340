"""Which step every row of a label file means, and the labels that come of it: all of them in one transaction, or none.

A person's row becomes that person's label (`picked` file, in a batch named by the file's digest, so that it can be taken back
as one). A row that names nobody is nobody's statement: it is written by a job, as source `import`, which counts least. What
the person's newest label says already, and what this file has said already, is not written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.canonical import digest_file
from o1coder.clock import now
from o1coder.corrections import Applied
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.labelfiles import flat, potato, prm800k
from o1coder.labelfiles.finding import Finder, unstorable
from o1coder.labelfiles.record import Chain, Rejected, Said
from o1coder.models import Label
from o1coder.rows import add_many, next_id
from o1coder.standing import stale_for_steps

Reader = Callable[[Path], Iterator[Said | Rejected]]
READERS: dict[str, Reader] = {
    "prm800k": prm800k.read,
    "potato": potato.read,
    "jsonl": flat.read,
    "csv": flat.read_csv,
}


class Placed(NamedTuple):
    """A row and the step that it is about."""

    step: int
    said: Said


class Plan(NamedTuple):
    """What importing a file would write: labels of people, and rows that name nobody; `known` rows say nothing new."""

    batch: str
    file: str
    named: list[Placed]
    unnamed: list[Placed]
    known: int
    rejected: list[Rejected]


def guess(path: Path) -> str:
    """The format of a file: by its ending, and of JSON by its first row. LabError when it is none that is known."""
    if path.suffix == ".csv":
        return "csv"
    from o1coder.problems.lines import Row, json_rows

    first = next((row for row in json_rows(path) if isinstance(row, Row)), None)
    fields = set() if first is None else set(first.value)
    for name, wanted in (("prm800k", {"label", "question"}), ("jsonl", {"step", "value"})):
        if wanted <= fields:
            return name
    if fields & {"instance_id", "id"} and fields & {"steps", "labels", "annotations"}:
        return "potato"
    raise LabError(f"it cannot be told what format {path} has", f"name it with --format: {', '.join(READERS)}")


def plan(connection: Connection, path: Path, form: str, *, query: str = "", author: str | None = None) -> Plan:
    """Read a whole file and place its rows; nothing is written. `query` holds rows that are found by their texts to some
    trees; `author` is whose the rows are that name nobody."""
    items = list(READERS[form](path))
    finder = Finder(connection, query, {one.statement for one in items if isinstance(one, Said) and one.statement})
    rejected = [one for one in items if isinstance(one, Rejected)]
    placed: list[Placed] = []
    first: dict[tuple[int, str | None], Said] = {}
    for said in items:
        if isinstance(said, Rejected):
            continue
        who = said.author if said.author is not None else author
        found = unstorable(said, who) or finder.step(said)
        if isinstance(found, str):
            rejected.append(Rejected(said.row, said.step or "", found))
            continue
        before = first.setdefault((found, who), said)
        if before is not said:
            what = "the same" if before.value == said.value else before.value
            rejected.append(Rejected(said.row, said.step or "", f"row {before.row} says {what} of this step already"))
            continue
        placed.append(Placed(found, said._replace(author=who)))
    batch = f"file-{digest_file(path).removeprefix('sha256:')[:12]}"
    fresh = _fresh(connection, placed, batch)
    named, unnamed = [one for one in fresh if one.said.author], [one for one in fresh if not one.said.author]
    order = sorted(rejected, key=lambda one: one.row)
    return Plan(batch, path.name, named, unnamed, len(placed) - len(fresh), order)


def write(lab: Lab, found: Plan) -> Applied:
    """Write what people said, in one durable transaction."""
    with lab.writing(durable=True) as connection:
        # Somebody may have imported the same file since it was planned.
        fresh = _fresh(connection, found.named, found.batch)
        first, stamp = next_id(connection, Label), now()
        rows = [
            {
                "id": first + n,
                "step_id": step,
                "value": said.value,
                "source": "human",
                "author": said.author,
                "reason": said.reason,
                "category": said.category,
                "taken_ms": said.taken_ms,
                "picked": "file",
                "batch": found.batch,
                "seen": json.dumps({"file": found.file, "row": said.row, "at": said.at}, sort_keys=True),
                "created_at": stamp,
            }
            for n, (step, said) in enumerate(fresh)
        ]
        add_many(connection, Label, rows)
        stale = stale_for_steps(connection, [one.step for one in fresh])
    return Applied(found.batch, [(first + n, one.step) for n, one in enumerate(fresh)], stale)


def write_unnamed(lab: Lab, found: Plan, job_id: int) -> int:
    """Write what nobody in particular said, in a job's name; returns how many labels."""
    with lab.writing() as connection:
        fresh = _fresh(connection, found.unnamed, found.batch)
        stamp = now()
        rows = [
            {
                "step_id": step,
                "value": said.value,
                "source": "import",
                "job_id": job_id,
                "reason": said.reason,
                "category": said.category,
                "picked": "file",
                "batch": found.batch,
                "created_at": stamp,
            }
            for step, said in fresh
        ]
        add_many(connection, Label, rows)
    return len(rows)


def answer(found: Plan, done: Applied, unnamed: int = 0) -> dict[str, Any]:
    """What the command says: how many labels were added, were known, and every row that was turned down."""
    return {
        "file": found.file,
        "batch": found.batch,
        "added": len(done.labels) + unnamed,
        "named": len(done.labels),
        "unnamed": unnamed,
        "known": found.known,
        "authors": sorted({one.said.author for one in found.named if one.said.author}),
        "rejected": [one._asdict() for one in found.rejected],
        "stale_checkpoints": done.stale_checkpoints,
    }


def write_file(out: Path, form: str, chains: Iterable[Chain]) -> int:
    """Write chains to a file that must not exist, whole or not at all; returns its rows. LabError when it cannot be."""
    import csv

    if out.exists():
        raise LabError(f"{out} exists already", "name a new file with --out")
    writers = {"prm800k": prm800k.write, "potato": potato.write, "jsonl": flat.write, "csv": flat.write}
    partial, count = out.with_name(f".{out.name}.part"), 0
    try:
        with partial.open("w", encoding="utf-8", newline="") as handle:
            table = csv.DictWriter(handle, flat.COLUMNS) if form == "csv" else None
            if table is not None:
                table.writeheader()
            for row in writers[form](chains):
                count += 1
                if table is not None:
                    table.writerow(row)
                else:
                    handle.write(json.dumps(row, ensure_ascii=False) + "\n")
        partial.rename(out)
    except OSError as error:
        raise LabError(f"{out} cannot be written: {error.strerror}", "name a file in a folder you may write") from error
    finally:
        partial.unlink(missing_ok=True)
    return count


def _fresh(connection: Connection, placed: Sequence[Placed], batch: str) -> list[Placed]:
    """Those that say something new: neither the author's newest standing label on the step says the same, nor has this file
    a standing label of theirs on it; of nobody's, no import says the same."""
    rows = connection.exec_driver_sql(
        "SELECT l.step_id, l.author, l.value, l.batch FROM json_each(?) e JOIN label l ON l.step_id = e.value "
        "WHERE l.source IN ('human', 'import') AND l.retracts IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id) ORDER BY l.id",
        (json.dumps(sorted({one.step for one in placed})),),
    )
    newest: dict[tuple[int, str | None], str] = {}
    ours: set[tuple[int, str | None]] = set()
    for step, author, value, source in rows:
        newest[step, author] = value
        if source == batch:
            ours.add((step, author))
    return [
        one for one in placed if (key := (one.step, one.said.author)) not in ours and newest.get(key) != one.said.value
    ]
