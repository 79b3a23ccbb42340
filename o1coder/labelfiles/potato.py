"""Potato's files: tasks for its `process_reward` scheme, and what its annotators answered.

A task is {"id", "text", "steps"}, its id the name of the chain's last step; in Potato's configuration: `id_key: id`,
`text_key: text`, and a scheme with `annotation_type: process_reward`, `steps_key: steps`. An answer is a line of its PRM export,
{"instance_id", "annotator", "steps": [{"index", "reward"}], "mode"}, or a line of its native output, where the same stands as
text under a scheme's name. Reward 1 is valid and −1 invalid. Null is no answer; 0 is neutral (unsure) only in a file of mode
`per_step` that writes null for what is not answered, else no answer. In mode `first_error` what follows the first error is
`tainted`. A step that a model filled in and no person verified is turned down.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from o1coder.labelfiles.record import Chain, Rejected, Said
from o1coder.problems.lines import Row, json_rows

REWARDS = {"valid": 1, "invalid": -1, "unsure": 0}
WORDS = {reward: word for word, reward in REWARDS.items()}
TAINTED = "tainted"


def write(chains: Iterable[Chain]) -> Iterator[dict[str, Any]]:
    """A task for a chain that nobody labelled, an answer for one that somebody did."""
    for chain in chains:
        name, texts = chain.links[-1].name, [link.text for link in chain.links]
        if chain.author is None:
            yield {"id": name, "text": chain.statement, "steps": texts}
            continue
        yield {
            "instance_id": name,
            "annotator": chain.author,
            "timestamp": chain.at,
            "mode": "per_step",
            "steps": [
                {
                    "index": n,
                    "reward": None if link.value is None else REWARDS[link.value],
                    "reason": link.reason,
                    "category": link.category,
                    "taken_ms": link.taken_ms,
                }
                for n, link in enumerate(chain.links)
            ],
        }


class _Answer(NamedTuple):
    row: int
    name: str
    author: str | None
    mode: str
    at: str | None
    steps: list[dict[str, Any]]


def read(path: Path) -> Iterator[Said | Rejected]:
    """What the answers say; the step is named by the task's id and its place in the chain."""
    found = [_answer(row) if isinstance(row, Row) else row for row in json_rows(path)]
    answers = [one for one in found if isinstance(one, _Answer)]
    apart = any(step.get("reward", 0) is None for one in answers for step in one.steps)
    for one in found:
        if isinstance(one, _Answer):
            yield from _said(one, neutral=apart and one.mode == "per_step")
        else:
            yield one


def _answer(row: Row) -> _Answer | Rejected:
    line = row.value
    name = line.get("instance_id", line.get("id"))
    author = line.get("annotator", line.get("user_id"))
    if not isinstance(name, str) or not name:
        return Rejected(row.number, "", "it names no task (instance_id)")
    blob: Any = line if isinstance(line.get("steps"), list) and "labels" not in line else _blob(line)
    if blob is None:
        return Rejected(row.number, name, "it holds no process_reward annotation")
    steps = blob["steps"]
    if not all(isinstance(step, dict) for step in steps):
        return Rejected(row.number, name, "a step is no object with a reward: is this a task that nobody answered?")
    who = author if isinstance(author, str) and author else None
    at = line.get("timestamp")
    return _Answer(row.number, name, who, str(blob.get("mode", "")), at if isinstance(at, str) else None, steps)


def _blob(line: dict[str, Any]) -> dict[str, Any] | None:
    """The annotation of the native output: {scheme: {label: JSON text}} under `labels` or `annotations`."""
    schemes = line.get("labels", line.get("annotations"))
    for value in schemes.values() if isinstance(schemes, dict) else ():
        text = value.get("label") if isinstance(value, dict) else value
        if not isinstance(text, str):
            continue
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("steps"), list):
            return found
    return None


def _said(one: _Answer, *, neutral: bool) -> Iterator[Said | Rejected]:
    wrong = False
    for place, step in enumerate(one.steps):
        reward, index = step.get("reward"), step.get("index", place)
        if isinstance(index, bool) or not isinstance(index, int) or index < 0:
            yield Rejected(one.row, one.name, f"the step index {index!r} is no place in a chain")
            continue
        if reward is None or (reward == 0 and not isinstance(reward, bool) and not neutral):
            continue
        if isinstance(reward, bool) or not isinstance(reward, int) or reward not in WORDS:
            yield Rejected(one.row, one.name, f"step {index}: the reward {reward!r} is none of -1, 0, 1")
            continue
        if step.get("source") == "ai" and not step.get("verified"):
            yield Rejected(one.row, one.name, f"step {index}: a model said it and no person verified it")
            continue
        after = one.mode == "first_error" and wrong
        wrong = wrong or reward == -1
        category, reason, taken = step.get("category"), step.get("reason"), step.get("taken_ms")
        yield Said(
            one.row,
            WORDS[reward],
            f"{one.name}#{index}",
            author=one.author,
            reason=reason if isinstance(reason, str) else None,
            category=category if isinstance(category, str) else TAINTED if after else None,
            taken_ms=taken if isinstance(taken, int) and not isinstance(taken, bool) and taken >= 0 else None,
            at=one.at,
        )
