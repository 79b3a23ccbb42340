"""The rows O1-CODER's own PRM training reads: {prompt, response, has_final_step, label}, one for every labelled step.

`response` is the path up to the step as `Step n: <Action a>`, pseudocode between [Pseudo Start] and [Pseudo End], code
between [Code Start] and [Code End]; `label` holds one value, "positive" or "negative" (validity) or a number (value), for
the one " Rating" marker that its loader appends. That loader counts the marker in the whole text, so rows that hold it
already are left out. Its reader takes one JSON array: `data.json`, beside the same rows as lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from o1coder.datasets import Row

if TYPE_CHECKING:
    from o1coder.selection import Excluded, Labelled, StepRow, Target

SCHEMA = {
    "prompt": "string",
    "response": "string",
    "has_final_step": "boolean: the last step is code",
    "label": 'list of one: "positive" or "negative" (validity), or a number (value)',
}
MARKER = " Rating"
ACTIONS = {
    "structure": (1, "Define the structure in pseudocode", "Pseudo"),
    "refine": (2, "Refine the pseudocode", "Pseudo"),
    "code": (3, "Write the program", "Code"),
}


def rows(found: Iterable[Labelled], target: Target, excluded: Excluded) -> Iterator[Row]:
    """A row a labelled step, in order; those whose text holds the marker are counted in `excluded`."""
    for item in found:
        content: dict[str, Any] = {
            "prompt": f"### Problem\n{item.task.statement.strip()}\n\n### Solution\n",
            "response": "\n\n".join(_step(number, step) for number, step in enumerate(item.prefix, start=1)),
            "has_final_step": item.prefix[-1].action == "code",
            "label": [item.target] if target == "value" else ["positive" if item.target == 1.0 else "negative"],
        }
        if MARKER in content["prompt"] or MARKER in content["response"]:
            excluded.add(f"the text holds the marker {MARKER!r}")
            continue
        yield Row(content, step_id=item.prefix[-1].id, label_ids=item.label_ids, path_ids=item.path_ids)


def _step(number: int, step: StepRow) -> str:
    action, words, mark = ACTIONS[step.action]
    text = step.text.strip("\n")
    inner = f"```python\n{text}\n```" if mark == "Code" else text
    return f"Step {number}: <Action {action}> {words}\n[{mark} Start]\n{inner}\n[{mark} End]"
