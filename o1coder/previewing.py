"""What an export would hold, without writing anything: rows, what is left out and why, how they are spread, the first ones
as they would be written, equal and contradicting ones, problems that another split holds too; and how a wish is written.

The rows come from `exporting.selected`, so a preview's sha256 is the export's. A wish is one line: the words of a query and
those of the options (`split:train label:human target:value pairs:strict margin:0.5 as_of:12`).
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import stage
from o1coder.canonical import canonical, digest_bytes
from o1coder.datasets import Row
from o1coder.errors import LabError
from o1coder.export import card, sides
from o1coder.exporting import SCHEMAS, Selected, Wanted, counts, selected
from o1coder.lab import Lab
from o1coder.queries.datasets import Sampled, same_rows
from o1coder.queries.leaks import Leaks, leaks
from o1coder.queries.membership import Member, Spread, problems_of, spread

KINDS = tuple(SCHEMAS)
OPTIONS = ("target", "as_of", "per_problem", "pairs", "margin", "edit")


class Preview(NamedTuple):
    """What an export would hold. `equal`: rows that say what an earlier one says; `contradicting`: texts that rows say
    different things of. `words`: how often each label is said. `known`: datasets that hold these very rows."""

    kind: str
    target: str
    query: dict[str, Any]
    as_of: dict[str, int]
    rows: int
    excluded: dict[str, int]
    sha256: str
    words: dict[str, int]
    by: Spread
    equal: int
    contradicting: int
    leaks: Leaks
    known: list[int]
    first: list[Sampled]
    card: str


def wish(kind: str, text: str, given: Mapping[str, Any] | None = None) -> Wanted:
    """The wish that a line (and options that were given beside it) stands for. LabError names the word that is wrong."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise LabError(f"the query cannot be read: {error}", "e.g. `split:train label:human`") from error
    values: dict[str, Any] = {name: value for name, value in (given or {}).items() if value is not None}
    rest = []
    for word in words:
        name, colon, value = word.partition(":")
        if colon and name in OPTIONS:
            values[name] = value
        else:
            rest.append(word)
    config = stage.parse(
        stage.find("export").config, {**values, "kind": kind, "query": shlex.join(rest), "out": "/nowhere"}
    )
    return Wanted(**config.model_dump(exclude={"seed", "budget_s"}))


def line(wanted: Wanted) -> str:
    """A wish as one line, without what every wish has unless it says otherwise."""
    plain = wish(wanted.kind, wanted.query)
    options = [(name, getattr(wanted, name)) for name in OPTIONS if getattr(wanted, name) != getattr(plain, name)]
    return " ".join([*([wanted.query] if wanted.query else []), *(f"{name}:{value}" for name, value in options)])


def preview(lab: Lab, wanted: Wanted, *, skip: int = 0, first: int = 20, every_leak: bool = False) -> Preview:
    """What an export of `wanted` would hold now, with `first` rows from the `skip`-th on. LabError when the wish is wrong."""
    with lab.reading() as connection:
        return _preview(connection, wanted, range(skip, skip + first), every_leak)


def _preview(connection: Connection, wanted: Wanted, shown: range, every_leak: bool) -> Preview:
    found = selected(connection, wanted)
    members = [Member(r.step_id, r.rollout_id, r.program_id, r.problem_id, r.label_ids) for r in found.rows]
    by = spread(connection, members)
    told = _told(found.rows)
    return Preview(
        wanted.kind,
        wanted.target,
        found.query,
        found.as_of,
        len(found.rows),
        found.excluded,
        told.sha256,
        told.words,
        by,
        told.equal,
        told.contradicting,
        leaks(connection, problems_of(connection, members)[0], every=every_leak),
        same_rows(connection, wanted.kind, told.sha256),
        [_sampled(n, found.rows[n]) for n in shown if n < len(found.rows)],
        card.card(_about(wanted, found, told.sha256, by)),
    )


def _about(wanted: Wanted, found: Selected, sha256: str, by: Spread) -> card.About:
    schema = dict(SCHEMAS[wanted.kind])
    if found.rows and "weight" in found.rows[0].content:
        schema["weight"] = "number"
    rows, moment = len(found.rows), found.as_of
    return card.About(wanted.kind, wanted.target, rows, sha256, found.query, moment, found.excluded, schema, counts(by))


class _Told(NamedTuple):
    sha256: str
    words: dict[str, int]
    equal: int
    contradicting: int


def _told(rows: Iterable[Row]) -> _Told:
    """What the rows' texts come to, in one pass."""
    whole = hashlib.sha256()
    words: dict[str, int] = {}
    seen: set[str] = set()
    said: dict[str, set[str]] = {}
    equal = 0
    for row in rows:
        text = canonical(row.content)
        whole.update(text.encode() + b"\n")
        mark = digest_bytes(text.encode())
        equal += mark in seen
        seen.add(mark)
        for word in sides.words(row.content):
            words[word] = words.get(word, 0) + 1
        if says := sides.says(row.content):
            said.setdefault(digest_bytes(sides.about(row.content).encode()), set()).add(says)
    return _Told(
        "sha256:" + whole.hexdigest(), dict(sorted(words.items())), equal, sum(len(one) > 1 for one in said.values())
    )


def _sampled(ordinal: int, row: Row) -> Sampled:
    labels = sorted(set(row.label_ids))
    return Sampled(ordinal, row.step_id, row.rollout_id, row.program_id, row.problem_id, labels, row.content)
