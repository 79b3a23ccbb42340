"""What a row of a dataset is about, and what it says of that: so that two rows can be seen to contradict each other, and
the words that rows say can be counted. It knows the fields of every kind of row that is frozen, and no lab.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from o1coder.canonical import canonical

SAYING = ("labels", "label", "value")  # fields that are a row's word on the rest of it
ASIDE = ("weight",)  # a row's share in training: neither


def about(content: Mapping[str, Any]) -> str:
    """What a row speaks of, equal for two rows that say the same or opposite things of it."""
    if "chosen" in content:
        pair = sorted((str(content["chosen"]), str(content["rejected"])))
        return canonical({"prompt": content.get("prompt"), "pair": pair})
    return canonical({name: value for name, value in content.items() if name not in (*SAYING, *ASIDE)})


def says(content: Mapping[str, Any]) -> str:
    """What it says of that; empty for rows that are examples and say nothing."""
    if "chosen" in content:
        return canonical(content["chosen"])
    found = {name: content[name] for name in SAYING if name in content}
    return canonical(found) if found else ""


def words(content: Mapping[str, Any]) -> list[str]:
    """Its labels as words that can be counted: valid, invalid, or the tenth in which a value lies."""
    found: Any = next((content[name] for name in SAYING if name in content), [])
    return [_word(one) for one in (found if isinstance(found, list) else [found])]


def _word(label: Any) -> str:
    if label in ("positive", "negative"):
        return "valid" if label == "positive" else "invalid"
    if isinstance(label, bool) or label in (0.0, 1.0):
        return "valid" if label else "invalid"
    return f"value .{int(label * 10)}" if isinstance(label, float) and 0 < label < 1 else str(label)


def last_text(content: Mapping[str, Any]) -> str:
    """The text that a row ends with: what a person knows it by in a list."""
    for name in ("completions", "chosen", "completion", "response", "text", "prompt"):
        found = content.get(name)
        if found:
            return str(found[-1] if isinstance(found, list) else found)
    return ""
