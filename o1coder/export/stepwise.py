"""Stepwise supervision: a problem, the steps of one path, and a label for every step.

TRL's stepwise supervision type, whose step separator is a newline: prompt and completions joined by newlines are the
text a PRM of this project reads. Labels are true or false (validity) or numbers in [0, 1] (value). A path ends before its
first step without a label; a path that begins another one is not a row of its own. The row's member is its last
step; it rests on the labels of all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from o1coder.datasets import Row
from o1coder.selection import parts
from o1coder.text import prefix_text

if TYPE_CHECKING:
    from o1coder.selection import Excluded, Labelled, Target

SCHEMA = {
    "prompt": "string",
    "completions": "list of strings",
    "labels": "list of booleans (validity) or numbers (value)",
}


def rows(found: Iterable[Labelled], target: Target, excluded: Excluded) -> list[Row]:
    """{prompt, completions, labels} of every longest labelled path, in the order its last step was found."""
    by_step = {item.prefix[-1].id: item for item in found}
    whole = []
    for item in by_step.values():
        if all(step.id in by_step for step in item.prefix):
            whole.append(item)
        else:
            excluded.add("a step before it has no label")
    inner = {step.id for item in whole for step in item.prefix[:-1]}
    return [_row(item, by_step, target) for item in whole if item.prefix[-1].id not in inner]


def _row(item: Labelled, by_step: dict[int, Labelled], target: Target) -> Row:
    texts = [prefix_text(item.task, parts(item.prefix[:n])) for n in range(len(item.prefix) + 1)]
    aims = [by_step[step.id].target for step in item.prefix]
    content = {
        "prompt": texts[0],
        "completions": [after[len(before) + 1 :] for before, after in zip(texts, texts[1:], strict=False)],
        "labels": [aim == 1.0 for aim in aims] if target == "validity" else aims,
    }
    rests_on = tuple(label for step in item.prefix for label in by_step[step.id].label_ids)
    before = tuple(step_id for step in item.prefix for step_id in by_step[step.id].path_ids)
    return Row(content, step_id=item.prefix[-1].id, label_ids=rests_on, path_ids=before)
