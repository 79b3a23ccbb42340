"""The card of an export: what its rows are, of what they were asked, how they are spread, how to ask for them again.

Markdown with the YAML head that dataset hubs read. It says what the manifest says, for people; it computes nothing, and
names no person and no id but those of the query.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from o1coder.datasets import DATA

MANIFEST = "manifest.json"
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
LABELS = """
The label of a step is the newest word of a person that was not taken back, else the newest of a search (from the judged
draws below it), else an imported one. A step whose label is `unsure` teaches nothing. Verdicts and scores of a process
reward model are never labels. Tests that audit never filter or reward.
"""
LICENCES = {
    "starter": "Apache-2.0, as o1coder, with which they come",
    "humaneval": "MIT (openai/human-eval)",
    "mbpp": "CC-BY-4.0 (google-research, Mostly Basic Python Problems)",
}
UNKNOWN = "that of the file they were imported from: o1coder does not know it"


class About(NamedTuple):
    """What the manifest and the card say of the rows. `counts`: how many rows by split, source, last action, and so on."""

    kind: str
    target: str
    rows: int
    sha256: str
    query: Mapping[str, Any]
    as_of: Mapping[str, int]
    excluded: Mapping[str, int]
    schema: Mapping[str, str]
    counts: Mapping[str, Any]


def card(about: About) -> str:
    """The text of the card."""
    fields = "\n".join(f"- `{name}`: {what}" for name, what in about.schema.items())
    people = PEOPLE if about.target == "value" else ""
    people += _pairing(about.query) + _filter(about.query)
    left_out = "\n".join(f"- {reason}: {count}" for reason, count in sorted(about.excluded.items())) or "- nothing"
    moment = ", ".join(f"{table} {largest}" for table, largest in sorted(about.as_of.items()))
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

Rows by what they come from ({about.counts.get("problems", 0)} problems):

{_counts(about.counts)}

Left out:

{left_out}

## Labels
{LABELS}
## The same rows again

    {command(about)}

ID is the dataset with this sha256 in `o1coder datasets list`: it names the moment that was asked of (largest ids: {moment}).
Without `--as-of` the same is asked of what the lab holds by then.

## Licences

{_licences(about.counts)}

`{MANIFEST}` has the query, the moment it was asked of, the counts and the digests.
"""


def command(about: About) -> str:
    """The line that asks for the same rows again."""
    words = ["o1coder", "export", about.kind, "--query", str(about.query["query"])]
    if about.target != "validity":
        words += ["--target", about.target]
    for name in ("per_problem", "pairs", "margin", "edit"):
        if about.query.get(name) is not None:
            words += [f"--{name.replace('_', '-')}", str(about.query[name])]
    return shlex.join(words) + " --as-of ID --out DIR"


_SAID = {
    "split": "split",
    "source": "source of the problem",
    "difficulty": "difficulty",
    "ends_with": "what the row ends with",
    "label_sources": "whose labels it rests on",
}


def _counts(counts: Mapping[str, Any]) -> str:
    lines = []
    for name, words in _SAID.items():
        found = counts.get(name) or {}
        lines.append(f"- {words}: " + (", ".join(f"{value} {rows}" for value, rows in found.items()) or "none"))
    return "\n".join(lines)


def _licences(counts: Mapping[str, Any]) -> str:
    """Statements carry the licences of the sources of their problems; rows are in part those statements."""
    found = "\n".join(f"- problems of {name}: {LICENCES.get(name, UNKNOWN)}" for name in counts.get("source") or {})
    return "Statements carry the licences of the sources of their problems:\n\n" + (found or f"- {UNKNOWN}")


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
