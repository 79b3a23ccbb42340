"""Preference: two children of one step, the valid one chosen, the invalid one rejected.

TRL's preference type: the prompt is problem and common steps, so that it may train a policy (DPO) and a pair-wise PRM.
The row's member is the rejected step; it rests on the labels of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from o1coder.datasets import Row
from o1coder.selection import parts
from o1coder.text import prefix_text

if TYPE_CHECKING:
    from o1coder.selection import Pair

SCHEMA = {"prompt": "string", "chosen": "string", "rejected": "string"}


def row(pair: Pair) -> Row:
    """{prompt, chosen, rejected}: the shared prefix up to its newline, the winning and the losing step."""
    prompt = prefix_text(pair.task, parts(pair.prefix)) + "\n"
    better, worse = (prefix_text(pair.task, parts(side.prefix))[len(prompt) :] for side in (pair.better, pair.worse))
    return Row(
        {"prompt": prompt, "chosen": better, "rejected": worse},
        step_id=pair.worse.prefix[-1].id,
        label_ids=pair.better.label_ids + pair.worse.label_ids,
    )
