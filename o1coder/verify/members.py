"""Which facts a dataset's query and moment give: the selection that made it, asked again.

Only members are compared; the text of a row depends on the version that wrote it. Not asked again are kinds whose members
come from a seeded draw over test cases (the test case generator's) or from pass rates of the moment (RL's).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import mining, selection
from o1coder.datasets import Row
from o1coder.export import o1coder_prm, preference, prompt_completion, stepwise

Member = tuple[
    int | None, int | None, int | None, int | None, tuple[int, ...], tuple[int, ...]
]  # step, rollout, program, problem; labels; steps of its path


def members(
    connection: Connection, kind: str, target: str | None, asked: Mapping[str, Any], as_of: Mapping[str, int]
) -> list[Member] | None:
    """The members in their order, or None for a kind that is not asked again. LabError or KeyError when `asked` is no
    query."""
    out = selection.Excluded()
    aim: selection.Target = "value" if target == "value" else "validity"
    if kind in ("policy-sft", "prompt-completion"):
        query = selection.Query.parse(asked["query"])
        chains = selection.chains(connection, query, as_of, out, per_problem=asked["per_problem"])
        return [_row(prompt_completion.row(chain)) for chain in chains]
    if kind in ("prm-pair", "preference"):
        query = selection.Query.parse(asked["query"])
        rule = mining.rule(asked.get("pairs", "siblings"), asked["margin"], asked.get("edit"))
        pairs = mining.pairs(connection, query, as_of, out, rule)
        return [_row(preference.row(pair)) for pair in pairs]
    if kind in ("prm-point", "stepwise", "o1coder-prm"):
        steps = selection.labelled_steps(connection, selection.Query.parse(asked["query"]), as_of, out, target=aim)
        if kind == "prm-point":
            return [_step(step) for step in steps]
        if kind == "stepwise":
            return [_row(row) for row in stepwise.rows(steps, aim, out)]
        return [_row(row) for row in o1coder_prm.rows(steps, aim, out)]
    return None


def _step(item: selection.Labelled) -> Member:
    return item.prefix[-1].id, None, None, None, _sorted(item.label_ids), _sorted(item.path_ids)


def _row(row: Row) -> Member:
    return row.step_id, row.rollout_id, row.program_id, row.problem_id, _sorted(row.label_ids), _sorted(row.path_ids)


def _sorted(ids: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(ids)))
