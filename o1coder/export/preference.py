"""Preference: two children of one step (or programs that end two chains of a problem), the valid chosen, the invalid rejected.

TRL's preference type: the prompt is problem and common steps, so that it may train a policy (DPO) and a pair-wise PRM.
The row's member is the rejected step; it rests on the labels of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from o1coder.datasets import Row
from o1coder.selection import parts
from o1coder.text import prefix_text

if TYPE_CHECKING:
    from o1coder.mining import Pair

SCHEMA = {"prompt": "string", "chosen": "string", "rejected": "string"}
WEIGHTED = SCHEMA | {"weight": "number: 1 / (pairs of the parent step · parents of the problem)"}


def row(pair: Pair, weight: float | None = None) -> Row:
    """{prompt, chosen, rejected}: the shared prefix up to its newline, the winning and the losing step; with its weight
    where there is one."""
    prompt = prefix_text(pair.task, parts(pair.prefix)) + "\n"
    better, worse = (prefix_text(pair.task, parts(side.prefix))[len(prompt) :] for side in (pair.better, pair.worse))
    return Row(
        {"prompt": prompt, "chosen": better, "rejected": worse} | ({} if weight is None else {"weight": weight}),
        step_id=pair.worse.prefix[-1].id,
        label_ids=pair.better.label_ids + pair.worse.label_ids,
    )
