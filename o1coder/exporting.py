"""An export between the lab and its folder: which rows are wanted, frozen once a job, then written out.

The formats are in export/; a retried job finds its dataset frozen, and its folder either absent or finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import consensus, datasets, mining, selection
from o1coder.errors import LabError
from o1coder.export import card, folder, o1coder_prm, preference, prompt_completion, stepwise
from o1coder.lab import Lab
from o1coder.queries import datasets as stored
from o1coder.queries.membership import Spread
from o1coder.rows import By

SCHEMAS = {
    "prompt-completion": prompt_completion.SCHEMA,
    "preference": preference.SCHEMA,
    "stepwise": stepwise.SCHEMA,
    "o1coder-prm": o1coder_prm.SCHEMA,
}


@dataclass(frozen=True)
class Wanted:
    """What is to be exported: the fields of the stage's wanted."""

    kind: Literal["prompt-completion", "preference", "stepwise", "o1coder-prm"]
    out: str
    query: str
    as_of: str
    target: selection.Target
    per_problem: int
    pairs: str
    margin: float | None
    edit: int | None


def require_absent(lab: Lab, wanted: Wanted, job_id: int) -> None:
    """LabError when `out` exists and is not what this very job wrote before it was ended, or is no full path."""
    out = Path(wanted.out)
    if not out.is_absolute():
        raise LabError(f"{out} is no full path", "a job has no current folder: name the folder from / on")
    known = datasets.of_job(lab, job_id, wanted.kind)
    if out.exists() and (known is None or not folder.holds(out, known.sha256)):
        raise LabError(f"{out} exists already", "name a folder that does not exist yet")
    if not out.parent.is_dir():
        raise LabError(f"there is no folder {out.parent}", "make it first")


class Selected(NamedTuple):
    """The rows that are wanted, and what a dataset of them says of the wish."""

    rows: list[datasets.Row]
    query: dict[str, Any]
    as_of: dict[str, int]
    excluded: dict[str, int]


def selected(connection: Connection, wanted: Wanted) -> Selected:
    """Ask for the rows that are wanted: the one way, for a preview as for an export. LabError when the wish contradicts
    itself."""
    if wanted.target == "value" and wanted.kind in ("prompt-completion", "preference"):
        raise LabError(f"{wanted.kind} rows have no value", "leave --target away, or take stepwise or o1coder-prm")
    query, excluded = selection.Query.parse(wanted.query), selection.Excluded()
    as_of = moment(connection, wanted.as_of)
    query, said = consensus.settled(connection, query, as_of)
    rows = _rows(connection, wanted, query, as_of, excluded)
    asked: dict[str, Any] = {"query": query.text(), **said}
    if wanted.kind == "prompt-completion":
        asked["per_problem"] = wanted.per_problem
    if wanted.kind == "preference":
        asked |= _rule(wanted).said
    return Selected(rows, asked, as_of, excluded.counts)


def export_rows(lab: Lab, wanted: Wanted, job_id: int) -> datasets.Frozen:
    """Freeze the rows that are wanted. LabError when there are none."""
    with lab.reading() as connection:
        found = selected(connection, wanted)
    return datasets.freeze(
        lab,
        wanted.kind,
        found.rows,
        query=found.query,
        as_of=found.as_of,
        by=By(job_id=job_id),
        target=wanted.target,
        excluded=found.excluded,
    )


def moment(connection: Connection, as_of: str) -> dict[str, int]:
    """The largest fact ids at a moment: now, or when a dataset was frozen. LabError when it is neither."""
    if as_of == "now":
        return selection.as_of_now(connection)
    if not (as_of.isascii() and as_of.isdigit()):
        raise LabError(f"as-of {as_of!r} is neither now nor a dataset's id", "`o1coder datasets list` shows them")
    found = stored.show(connection, int(as_of)).as_of
    if set(found) | selection.LATER != set(selection.FACTS):
        raise LabError(f"dataset {as_of} does not say what it could see", "take one made by this version")
    return found


def _rows(
    connection: Connection,
    wanted: Wanted,
    query: selection.Query,
    as_of: selection.AsOf,
    excluded: selection.Excluded,
) -> list[datasets.Row]:
    if wanted.kind == "prompt-completion":
        chains = selection.chains(connection, query, as_of, excluded, per_problem=wanted.per_problem)
        return [prompt_completion.row(chain) for chain in chains]
    if wanted.kind == "preference":
        rule = _rule(wanted)
        pairs = list(mining.pairs(connection, query, as_of, excluded, rule))
        if not rule.by_parent:
            return [preference.row(pair) for pair in pairs]
        weights = mining.weights(pairs, rule)
        return [preference.row(pair, weight) for pair, weight in zip(pairs, weights, strict=True)]
    found = selection.labelled_steps(connection, query, as_of, excluded, target=wanted.target)
    if wanted.kind == "stepwise":
        return stepwise.rows(found, wanted.target, excluded)
    return list(o1coder_prm.rows(found, wanted.target, excluded))


def _rule(wanted: Wanted) -> mining.Rule:
    return mining.rule(wanted.pairs, wanted.margin, wanted.edit)


def about(connection: Connection, wanted: Wanted, dataset_id: int) -> card.About:
    """What manifest and card of an export say."""
    dataset = stored.show(connection, dataset_id)
    weighted = wanted.kind == "preference" and _rule(wanted).by_parent
    return card.About(
        wanted.kind,
        wanted.target,
        dataset.rows,
        dataset.sha256,
        dataset.query,
        dataset.as_of,
        dataset.excluded,
        preference.WEIGHTED if weighted else SCHEMAS[wanted.kind],
        counts(stored.counts(connection, dataset_id)),
    )


def counts(found: Spread) -> dict[str, Any]:
    """What the rows rest on, as the manifest has it: no ids and no names of people."""
    kept = ("problems", "split", "source", "difficulty", "ends_with", "label_sources")
    return {name: getattr(found, name) for name in kept}


def write_out(lab: Lab, wanted: Wanted, frozen: datasets.Frozen) -> dict[str, Any]:
    """Write the folder unless it is finished already; returns the command's object."""
    out = Path(wanted.out)
    with lab.reading() as connection:
        dataset = stored.show(connection, frozen.id)
        told = None if out.exists() else about(connection, wanted, frozen.id)
    if told is not None:
        folder.write(out, frozen.folder / datasets.DATA, told, array=wanted.kind == "o1coder-prm")
    return {
        "dataset": frozen.id,
        "kind": wanted.kind,
        "rows": frozen.rows,
        "excluded": dataset.excluded,
        "as_of": dataset.as_of,
        "sha256": frozen.sha256,
        "files": folder.files_of(out),
    }
