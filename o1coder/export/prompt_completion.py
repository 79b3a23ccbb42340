"""Prompt and completion: a whole passing chain of steps, in the form a policy is fine-tuned and asked in.

TRL's prompt-completion type. The two strings join to the text of the `short` prompt's dialogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from o1coder.datasets import Row
from o1coder.selection import parts
from o1coder.text import chain_text

if TYPE_CHECKING:
    from o1coder.selection import Chain

SCHEMA = {"prompt": "string", "completion": "string"}


def row(chain: Chain) -> Row:
    """{prompt, completion} of a chain."""
    prompt, completion = chain_text(chain.task, parts(chain.steps))
    content = {"prompt": prompt, "completion": completion}
    return Row(content, rollout_id=chain.rollout_id, label_ids=chain.label_ids, path_ids=chain.path_ids)
