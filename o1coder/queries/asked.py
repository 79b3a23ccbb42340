"""What a label queue is asked for, as text: `split:train job:3 action:code gold:0.2`. Text in, conditions out.

The words of o1coder/treequery.py choose trees; `action:` chooses steps; `gold:`, `overlap:` and `seed:` say how the queue
is mixed. The same text works on the command line and on the screen.
"""

from __future__ import annotations

import json
import shlex
from array import array
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, get_args

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.labelling.gold import ASKED, is_gold
from o1coder.labelling.leases import STANDING, labelled
from o1coder.problems.purposes import Split
from o1coder.treequery import TRAINING_KINDS, Query

ACTIONS = ("structure", "refine", "code")
CHOOSE_LABELS = {"label", "estimate", "agree", "prm", "threshold", "tuned"}
CHOOSE_TREES = {field.name for field in fields(Query)} - CHOOSE_LABELS
WORDS = (*(f.name for f in fields(Query) if f.name in CHOOSE_TREES), "action", "gold", "overlap", "seed")
GOLD, OVERLAP = 0.1, 0.1  # one question in ten where there are any; one second reading in ten
UNREAD = f"s.parent_id IS NOT NULL AND NOT {labelled('s.id')} AND NOT {is_gold('s.id')}"


@dataclass(frozen=True)
class Asked:
    """Which steps, and how the queue is mixed."""

    trees: Query = Query()
    actions: tuple[str, ...] = ()
    gold: float = GOLD
    overlap: float = OVERLAP
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> Asked:
        """LabError names the word that is not known."""
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise LabError(f"the filter cannot be read: {error}", "e.g. `split:train action:code`") from error
        own: dict[str, Any] = {}
        actions: set[str] = set()
        rest: list[str] = []
        for word in words:
            name, _, value = word.partition(":")
            if name == "action":
                if value not in ACTIONS:
                    raise LabError(f"there is no action {value!r} to label", f"one of {', '.join(ACTIONS)}")
                actions.add(value)
            elif name in ("gold", "overlap"):
                own[name] = _share(name, value)
            elif name == "seed":
                if not value.isascii() or not value.isdecimal():
                    raise LabError(f"seed:{value} is no whole number", "e.g. `seed:7`")
                own[name] = int(value)
            elif name not in CHOOSE_TREES | CHOOSE_LABELS or not value:
                raise LabError(f"the queue has no word {word!r}", f"words: {' '.join(f'{one}:' for one in WORDS)}")
            elif name == "split" and value not in get_args(Split):
                raise LabError(f"there is no split {value!r}", f"one of {', '.join(get_args(Split))}")
            else:
                rest.append(word)
        trees = Query.parse(shlex.join(rest))
        for name in ("label", "estimate", "agree"):
            if getattr(trees, name):
                raise LabError(f"{name}: chooses labels, and the queue is of steps", "leave it away")
        return replace(cls(), trees=trees, actions=tuple(sorted(actions)), **own)

    def text(self) -> str:
        """The canonical text: what is as it always is stays unsaid."""
        parts = [self.trees.text(), *(f"action:{one}" for one in self.actions)]
        parts += [f"gold:{self.gold:g}"] if self.gold != GOLD else []
        parts += [f"overlap:{self.overlap:g}"] if self.overlap != OVERLAP else []
        parts += [f"seed:{self.seed}"] if self.seed else []
        return " ".join(part for part in parts if part)


def _share(name: str, value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise LabError(f"{name}:{value} is no share", f"a number from 0 to 1, e.g. `{name}:0.1`")
    return found


class Scope(NamedTuple):
    """The steps that are asked for, as SQL over a step `s` and its tree `x`. `trees`: JSON of their ids, None for all."""

    where: str
    values: tuple[Any, ...]
    trees: str | None
    actions: tuple[str, ...]


def scope(connection: Connection, asked: Asked) -> Scope:
    """Conditions for these steps. Trees of fresh draws are measurements and are left out unless `kind:` names them."""
    kinds = asked.trees.kind or TRAINING_KINDS
    query = replace(asked.trees, kind=tuple(kinds))
    parts: list[str] = []
    values: list[Any] = []
    trees = None
    if query == Query(kind=tuple(kinds)):
        parts.append(f"x.kind IN ({','.join('?' * len(kinds))})")
        values += kinds
    else:
        where, wanted = query.where()
        found = connection.exec_driver_sql(
            "SELECT x.id FROM tree x JOIN problem pr ON pr.id = x.problem_id JOIN job j ON j.id = x.job_id "
            f"LEFT JOIN run rn ON rn.id = j.run_id WHERE {where}",
            wanted,
        )
        trees = json.dumps([int(row[0]) for row in found])
        parts.append("x.id IN (SELECT value FROM json_each(?))")
        values.append(trees)
    if asked.actions:
        parts.append(f"s.action IN ({','.join('?' * len(asked.actions))})")
        values += asked.actions
    return Scope(" AND ".join(parts), tuple(values), trees, asked.actions)


def steps(connection: Connection, chosen: Scope, most: int | None = None) -> array[int]:
    """The ids of all steps in a scope but roots, 8 bytes each, at most `most`."""
    source = (
        "step s JOIN tree x ON x.id = s.tree_id"
        if chosen.trees is None
        else "tree x CROSS JOIN step s ON s.tree_id = x.id"
    )
    limit = "" if most is None else f" LIMIT {most}"
    rows = connection.exec_driver_sql(
        f"SELECT s.id FROM {source} WHERE s.parent_id IS NOT NULL AND {chosen.where}{limit}", chosen.values
    )
    return array("q", (row[0] for row in rows))


class Progress(NamedTuple):
    """How far people are in what is asked for."""

    steps: int
    labelled: int
    left: int


def progress(connection: Connection, asked: Asked) -> Progress:
    """Steps asked for, those that people have labelled, and those left (questions with a known answer are not left)."""
    chosen = scope(connection, asked)
    if chosen.trees is None and not asked.actions:
        total = _one(
            connection,
            "SELECT (SELECT COUNT(*) FROM step) - (SELECT COUNT(*) FROM tree) - (SELECT COUNT(*) FROM tree x CROSS JOIN "
            f"step s ON s.tree_id = x.id WHERE s.parent_id IS NOT NULL AND NOT ({chosen.where}))",
            chosen.values,
        )
    else:
        total = len(steps(connection, chosen))
    done = _one(
        connection,
        "SELECT COUNT(DISTINCT h.step_id) FROM label h INDEXED BY label_by_people JOIN step s ON s.id = h.step_id "
        f"JOIN tree x ON x.id = s.tree_id WHERE {STANDING} AND {chosen.where}",
        chosen.values,
    )
    gold = _one(
        connection,
        f"SELECT COUNT(*) FROM gold g JOIN step s ON s.id = g.step_id JOIN tree x ON x.id = s.tree_id "
        f"WHERE {ASKED} AND NOT {labelled('s.id')} AND {chosen.where}",
        chosen.values,
    )
    return Progress(total, done, max(0, total - done - gold))


def _one(connection: Connection, sql: str, values: tuple[Any, ...]) -> int:
    return int(connection.exec_driver_sql(sql, values).scalar() or 0)
