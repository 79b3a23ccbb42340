"""What would mend a stale checkpoint: the same jobs again, each from what the one before it leaves, as exact commands.

A job is asked for again with the config that it had. Only what would carry the staleness on is changed: a PRM starts from its
base and replaces the stale one, and whatever names a checkpoint that was trained anew names the new one. Nothing is enqueued.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import stage
from o1coder.errors import LabError
from o1coder.queries import checkpoints, stale
from o1coder.standing import line_of

# What may differ between a job and the one that mends what it left.
FREE = {"seed", "budget_s", "refreshes", "continue_from"}


class Remedy(NamedTuple):
    """One job to run again. `replaces` is the stale checkpoint; `waits_for` the checkpoint whose successor its config names
    as NEW, None when it can be launched now; `mended_by` a newer checkpoint that is the same job done again and not stale."""

    replaces: int
    role: str
    stage: str
    config: dict[str, Any]
    run: str | None
    command: str
    waits_for: int | None
    mended_by: int | None


def remedies(connection: Connection, checkpoint_id: int) -> list[Remedy]:
    """The jobs that would leave a checkpoint like this one that is not stale, in order; none when it is not stale.

    LabError when one of them was made by no job: then its weights came from outside.
    """
    counts = checkpoints.stale_counts(connection)
    if checkpoint_id not in counts:
        checkpoints.show(connection, checkpoint_id)
        return []
    return _in_order(connection, checkpoint_id, counts, {})


def _in_order(
    connection: Connection, checkpoint_id: int, counts: Mapping[int, int], known: dict[int, int | None]
) -> list[Remedy]:
    """The remedies of a stale checkpoint; `known` remembers what has mended the others that are met on the way."""
    line = [
        int(row[0])
        for row in connection.exec_driver_sql(
            f"SELECT c.id FROM checkpoint c WHERE c.id IN {line_of('?1')} ORDER BY c.id", (checkpoint_id,)
        )
    ]
    first = next(i for i, one in enumerate(line) if stale.own_labels(connection, one))
    out: list[Remedy] = []
    anew: dict[int, int | None] = {}
    for one in line[first:]:
        out.append(_remedy(connection, one, anew, counts, known))
        anew[one] = out[-1].mended_by
    return out


def _remedy(
    connection: Connection,
    checkpoint_id: int,
    anew: Mapping[int, int | None],
    counts: Mapping[int, int],
    known: dict[int, int | None],
) -> Remedy:
    row = connection.exec_driver_sql(
        "SELECT c.role, j.stage, j.config, r.name FROM checkpoint c JOIN job j ON j.id = c.job_id "
        "LEFT JOIN run r ON r.id = j.run_id WHERE c.id = ?",
        (checkpoint_id,),
    ).first()
    if row is None:
        raise LabError(
            f"no job of this lab made checkpoint {checkpoint_id}", "train it where it came from, and add it again"
        )
    role, name, config, run = str(row[0]), str(row[1]), json.loads(row[2]), row[3]
    waits: int | None = None
    for field, pick in stage.picks(stage.find(name).config):
        old = config.get(field)
        if pick.source != "checkpoint" or not isinstance(old, int):
            continue
        if old in anew:
            waits = old if anew[old] is None else waits
            config[field] = anew[old] or old
        elif old in counts:  # a stale PRM whose word it trained on: the one that mends it, where there is one
            if old not in known:
                known[old] = None  # a PRM that rewards what it comes from would ask for itself
                known[old] = _in_order(connection, old, counts, known)[-1].mended_by
            config[field] = known[old] or old
    if role == "prm":
        config["refreshes"], config["continue_from"] = checkpoint_id, False
    mended = _mended(connection, checkpoint_id, role, name, config, counts)
    return Remedy(checkpoint_id, role, name, config, run, command(name, config, run, waits), waits, mended)


def _mended(
    connection: Connection,
    checkpoint_id: int,
    role: str,
    name: str,
    config: Mapping[str, Any],
    counts: Mapping[int, int],
) -> int | None:
    """The newest checkpoint after this one that the same stage left by the same config and that is not stale."""
    picked = {field for field, _ in stage.picks(stage.find(name).config)} | FREE
    rows = connection.exec_driver_sql(
        "SELECT c.id, j.config FROM checkpoint c JOIN job j ON j.id = c.job_id WHERE c.id > ? AND c.role = ? AND j.stage = ? "
        "ORDER BY c.id DESC",
        (checkpoint_id, role, name),
    )
    wanted = {field: value for field, value in config.items() if field not in picked}
    for found, text in rows:
        if found not in counts and {f: v for f, v in json.loads(text).items() if f not in picked} == wanted:
            return int(found)
    return None


def command(name: str, config: Mapping[str, Any], run: str | None = None, waits_for: int | None = None) -> str:
    """The command line that launches a stage with this config; only what differs from its defaults is named. A field that
    names `waits_for` is written NEW: the checkpoint is not there yet."""
    words = ["o1coder", "run", name]
    fields = stage.find(name).config.model_fields
    picked = {field for field, pick in stage.picks(stage.find(name).config) if pick.source == "checkpoint"}
    for field, info in fields.items():
        value = config.get(field)
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        if value is None or value == (list(default) if isinstance(default, tuple) else default):
            continue
        flag = "--" + field.replace("_", "-")
        if isinstance(value, bool):
            words.append(flag if value else "--no-" + flag[2:])
        elif isinstance(value, list):
            words += [flag, ",".join(map(str, value))]
        elif isinstance(value, dict):
            words += [flag, json.dumps(value, sort_keys=True)]
        elif waits_for is not None and field in picked and value == waits_for:
            words += [flag, "NEW"]
        else:
            whole = isinstance(value, float) and value.is_integer()
            words += [flag, str(int(value)) if whole else str(value)]
    if run is not None:
        words += ["--run", run]
    return shlex.join(words)
