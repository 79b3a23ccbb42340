"""The folder of an export: data, a short card, and a manifest written last; there whole or not at all.

The manifest holds no times and no ids of its own, so the same rows give the same folder. Nothing is uploaded.
"""

from __future__ import annotations

import errno
import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from o1coder.canonical import digest_file
from o1coder.datasets import DATA
from o1coder.errors import LabError

MANIFEST = "manifest.json"
ARRAY = "data.json"
FORMAT = "o1coder-export-1"
PEOPLE = """
A value is the share of its policy's draws below a step that passed every test. A person's label has none: `invalid` maps
to 0 for the step and what follows it, `valid` and `unsure` leave the step out.
"""
STRICT = """
Pairs: at most 2×2 (1×4, 4×1) a parent; texts at least {edit} edits and values at least {margin} apart; at least 4 judged
draws on both sides of a prefix. Fresh draws: disjoint 95 % intervals. Draws of one tree have none: 8 draws on both sides, 2
passing of the chosen. Judged programs and a person's word are exact. `weight` sums to 1 over a problem.
"""
PROGRAMS = """
Pairs: a program that passes every reward test over one that does not, siblings where there are any, else whole chains.
"""


class About(NamedTuple):
    """What the manifest and the card say of the rows."""

    kind: str
    target: str
    rows: int
    sha256: str
    query: Mapping[str, Any]
    as_of: Mapping[str, int]
    excluded: Mapping[str, int]
    schema: Mapping[str, str]


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
            (partial / "README.md").write_text(_card(about), encoding="utf-8")
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


def _pairing(query: Mapping[str, Any]) -> str:
    strict = STRICT.format(edit=query.get("edit"), margin=query.get("margin"))
    return {"strict": strict, "programs": PROGRAMS}.get(query.get("pairs", ""), "")


def _filter(query: Mapping[str, Any]) -> str:
    """Who had to agree with the labels; a PRM by name, so that whoever trains one on these rows knows."""
    found = query.get("filter")
    if not found:
        return ""
    text = f"\nKept: only steps of which {', '.join(found['agree'])} say what the label says; the label itself is unchanged."
    if "prm" in found:
        text += (
            f" PRM: checkpoint {found['prm']}, valid from {found['threshold']:.6g} on: {found['tuned_on']}. A process reward "
            "model trained on these rows learns in part from that one's opinion: say so with its figures."
        )
    return text + "\n"


def _card(about: About) -> str:
    fields = "\n".join(f"- `{name}`: {what}" for name, what in about.schema.items())
    people = PEOPLE if about.target == "value" else ""
    people += _pairing(about.query) + _filter(about.query)
    left_out = "\n".join(f"- {reason}: {count}" for reason, count in sorted(about.excluded.items())) or "- nothing"
    return f"""---
pretty_name: o1coder {about.kind}
configs:
- config_name: default
  data_files: {DATA}
---
# {about.rows} rows, {about.kind}, target {about.target}

Steps of pseudocode reasoning towards programs, from search trees whose programs were run on tests. Query:
`{about.query["query"] or "(all)"}`. sha256 of `{DATA}`: `{about.sha256.removeprefix("sha256:")}`.
{people}
Fields:

{fields}

Left out:

{left_out}

Statements carry the licences of the sources of their problems. `{MANIFEST}` has the query, the moment it was asked of and the
digests.
"""
