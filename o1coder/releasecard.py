"""The card of a checkpoint that is written out: for people who get the folder without the lab. Pure text over its descent.

It says what is known and no more: licences are those of the base model and of the problems' sources, named here, not judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from o1coder.queries.nodes import many

WHAT = {
    "policy": "writes pseudocode steps and then Python",
    "prm": "scores steps of pseudocode reasoning: a sequence classifier with one label",
    "tcg": "writes test cases for programming problems",
}
HOW = {
    "own": "An adapter (PEFT) alone: load it over the base named below. Its `adapter_config.json` names that base by digest.",
    "with-base": "An adapter (PEFT) with the model it lies over in `base/`.",
    "merged": "One model: the adapter is merged into its base, in the base's number format.",
}


def card(about: Mapping[str, Any], weights: str) -> str:
    """README.md of the folder."""
    whole = about["format"] == "full"
    job, base = about["job"], about["base_model"]
    lines = ["---", f"library_name: {'transformers' if whole or weights == 'merged' else 'peft'}"]
    lines += [f"base_model: {base['name']}"] if base["name"] else []
    lines += ["tags:", "- o1coder", f"- {about['role']}", "---"]
    lines += [f"# {about['role']}, checkpoint {about['id']} of its lab", ""]
    lines += [f"It {WHAT[about['role']]}. {'A whole model.' if whole else HOW[weights]}", ""]
    if about["stale"]:
        lines += [
            f"**Stale**: {many(about['stale'], 'label')} overruled since stand against what its weights learned from.",
            "",
        ]
    lines += ["## Where it comes from", ""]
    source = f", from {base['source']}" if base["source"] else ""
    note = f"; {base['note']}" if base["note"] else ""
    lines.append(f"- Base: {base['name'] or 'unnamed'}{source}, `{base['digest']}`{note}")
    if about["line"]:
        lines.append(f"- Its weights went on from {', '.join(map(_ancestor, about['ancestors']))}")
    if job is not None:
        lines.append(f"- Made by the stage `{job['stage']}`, seed {job['seed']}, config `{job['config_digest']}`")
        lines.append(f"- Code `{job['code_digest'] or 'not recorded'}`; {_versions(job['versions'])}")
    lines += [f"- Given as {one['name']}: {one['kind']} {one['id']}" for one in about["inputs"]]
    lines += ["", "## What it was trained on", ""]
    lines += [line for one in about["datasets"] for line in _dataset(one)] or ["Nothing of this lab."]
    if about["problems_seen"]:
        lines += ["", f"Problems seen by it or what it went on from: {_counts(about['problems_seen'])}."]
    lines += ["", "## How it did", "", *_evaluations(about["evaluations"])]
    lines += ["", "## Licences", ""]
    sources = sorted({name for one in about["datasets"] for name in one["sources"]})
    lines.append(
        "The base model's licence holds for these weights. Statements and programs of the training rows carry those of"
    )
    lines.append(f"their sources: {', '.join(sources) or 'none'}. This folder states no licence of its own.")
    lines += [
        "",
        "`lineage.json` has all of this and more in one value; `manifest.json` the digests of every file.",
        "",
    ]
    return "\n".join(lines)


def _ancestor(one: Mapping[str, Any]) -> str:
    seen = ", ".join(f"{data['kind']} of {many(data['rows'], 'row')}, {data['sha256']}" for data in one["datasets"])
    return f"checkpoint {one['id']}" + (f" (trained on {seen})" if seen else "")


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) or "versions not recorded"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _dataset(one: Mapping[str, Any]) -> list[str]:
    target = f", target {one['target']}" if one["target"] else ""
    lines = [f"- {one['kind']}: {one['rows']} rows{target}, `{one['sha256']}`"]
    labels = ", ".join(
        f"{group['labels']} {group['value']} by {group['author'] or group['source']}" for group in one["labels"]
    )
    if labels:
        lines.append(f"  - labels: {labels}")
    if one["problems"]:
        lines.append(f"  - problems: {_counts(one['problems'])}; sources: {_counts(one['sources'])}")
    if one["rows_unsound"]:
        lines.append(f"  - {many(one['rows_unsound'], 'row')} do not stand any more: labels were overruled since")
    return lines


def _evaluations(found: Sequence[Mapping[str, Any]]) -> list[str]:
    if not found:
        return ["It was not measured."]
    lines = [
        "| split | mode | figure | 95 % interval | n | problems | complete chains |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        value = "n/a" if one["value"] is None else f"{one['value']:.3f}"
        bounds = "n/a" if one["low"] is None else f"[{one['low']:.3f}, {one['high']:.3f}]"
        complete = "n/a" if one["complete"] is None else f"{one['complete']:.0%}"
        judged = " (judged by its dataset's own comparison)" if one["official"] else ""
        figure = "valid cases" if one["mode"] == "cases" else "pass@1"
        cells = (one["split"], one["mode"] + judged, f"{figure} {value}", bounds, one["n"], one["problems"], complete)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return [*lines, "", "Intervals are over problems, not samples. Direct and pseudocode are different estimands."]
