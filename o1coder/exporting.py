"""An export between the lab and its folder: which rows a config asks for, frozen once a job, then written out.

The formats are in export/; a retried job finds its dataset frozen, and its folder either absent or finished.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from o1coder import datasets, selection
from o1coder.errors import LabError
from o1coder.export import folder, o1coder_prm, preference, prompt_completion, stepwise
from o1coder.lab import Lab
from o1coder.queries import datasets as stored
from o1coder.rows import By

if TYPE_CHECKING:
    from o1coder.stages.export import Export

SCHEMAS = {
    "prompt-completion": prompt_completion.SCHEMA,
    "preference": preference.SCHEMA,
    "stepwise": stepwise.SCHEMA,
    "o1coder-prm": o1coder_prm.SCHEMA,
}


def require_absent(lab: Lab, config: Export, job_id: int) -> None:
    """LabError when `out` exists and is not what this very job wrote before it was ended, or is no full path."""
    out = Path(config.out)
    if not out.is_absolute():
        raise LabError(f"{out} is no full path", "a job has no current folder: name the folder from / on")
    known = datasets.of_job(lab, job_id, config.kind)
    if out.exists() and (known is None or not folder.holds(out, known.sha256)):
        raise LabError(f"{out} exists already", "name a folder that does not exist yet")
    if not out.parent.is_dir():
        raise LabError(f"there is no folder {out.parent}", "make it first")


def export_rows(lab: Lab, config: Export, job_id: int) -> datasets.Frozen:
    """Freeze the rows that `config` asks for. LabError when there are none, or the config contradicts itself."""
    if config.target == "value" and config.kind in ("prompt-completion", "preference"):
        raise LabError(f"{config.kind} rows have no value", "leave --target away, or take stepwise or o1coder-prm")
    query, excluded = selection.Query.parse(config.query), selection.Excluded()
    with lab.reading() as connection:
        as_of = moment(connection, config.as_of)
        rows = _rows(connection, config, query, as_of, excluded)
    asked: dict[str, Any] = {"query": query.text()}
    if config.kind == "prompt-completion":
        asked["per_problem"] = config.per_problem
    if config.kind == "preference":
        asked["margin"] = config.margin
    return datasets.freeze(
        lab,
        config.kind,
        rows,
        query=asked,
        as_of=as_of,
        by=By(job_id=job_id),
        target=config.target,
        excluded=excluded.counts,
    )


def moment(connection: Connection, as_of: str) -> dict[str, int]:
    """The largest fact ids at a moment: now, or when a dataset was frozen. LabError when it is neither."""
    if as_of == "now":
        return selection.as_of_now(connection)
    if not (as_of.isascii() and as_of.isdigit()):
        raise LabError(f"as-of {as_of!r} is neither now nor a dataset's id", "`o1coder datasets list` shows them")
    found = stored.show(connection, int(as_of)).as_of
    if set(found) != set(selection.FACTS):
        raise LabError(f"dataset {as_of} does not say what it could see", "take one made by this version")
    return found


def _rows(
    connection: Connection,
    config: Export,
    query: selection.Query,
    as_of: selection.AsOf,
    excluded: selection.Excluded,
) -> list[datasets.Row]:
    if config.kind == "prompt-completion":
        chains = selection.chains(connection, query, as_of, excluded, per_problem=config.per_problem)
        return [prompt_completion.row(chain) for chain in chains]
    if config.kind == "preference":
        pairs = selection.pairs(connection, query, as_of, excluded, margin=config.margin)
        return [preference.row(pair) for pair in pairs]
    found = selection.labelled_steps(connection, query, as_of, excluded, target=config.target)
    if config.kind == "stepwise":
        return stepwise.rows(found, config.target, excluded)
    return list(o1coder_prm.rows(found, config.target, excluded))


def write_out(lab: Lab, config: Export, frozen: datasets.Frozen) -> dict[str, Any]:
    """Write the folder unless it is finished already; returns the command's object."""
    with lab.reading() as connection:
        dataset = stored.show(connection, frozen.id)
    out = Path(config.out)
    if not out.exists():
        about = folder.About(
            config.kind,
            config.target,
            frozen.rows,
            frozen.sha256,
            dataset.query,
            dataset.as_of,
            dataset.excluded,
            SCHEMAS[config.kind],
        )
        folder.write(out, frozen.folder / datasets.DATA, about, array=config.kind == "o1coder-prm")
    return {
        "dataset": frozen.id,
        "kind": config.kind,
        "rows": frozen.rows,
        "excluded": dataset.excluded,
        "as_of": dataset.as_of,
        "sha256": frozen.sha256,
        "files": folder.files_of(out),
    }
