"""Which facts a dataset's query and moment give: the selection that made it, asked again, without writing any row's text.

Kinds whose members come from a seeded draw over test cases (the test case generator's) are not asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import selection

Member = tuple[int | None, int | None, int | None, int | None]  # step, rollout, program, label


def members(
    connection: Connection, kind: str, target: str | None, query: Mapping[str, Any], as_of: Mapping[str, int]
) -> list[Member] | None:
    """The members in their order, or None for a kind that is not asked again. LabError or KeyError when the stored query
    is not one."""
    excluded = selection.Excluded()
    if kind == "policy-sft":
        chains = selection.chains(
            connection, selection.Query.parse(query["query"]), as_of, excluded, per_problem=query["per_problem"]
        )
        return [(None, chain.rollout_id, None, None) for chain in chains]
    if kind == "prm-point":
        steps = selection.labelled_steps(
            connection,
            selection.Query.parse(query["query"]),
            as_of,
            excluded,
            target="value" if target == "value" else "validity",
        )
        return [(item.prefix[-1].id, None, None, item.label_id) for item in steps]
    if kind == "prm-pair":
        pairs = selection.pairs(
            connection, selection.Query.parse(query["query"]), as_of, excluded, margin=query["margin"]
        )
        return [(pair.worse.prefix[-1].id, None, None, pair.worse.label_id) for pair in pairs]
    return None
