"""PRM800K's lines: a question, and its steps with ratings −1, 0, 1 (or null) by one labeller (arXiv 2305.20050).

1 is valid, −1 invalid, 0 (neutral) unsure, null nothing. A completion that we hand out carries its step's name in `step`;
others are found by their texts: the path is what was chosen at every step, and a completion beside the chosen one is a
sibling. What follows a step that a person wrote is no step of ours and ends the line. Lines of quality control and of
screening, and those whose labeller calls the problem bad, are turned down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from o1coder.labelfiles.record import Chain, Rejected, Said
from o1coder.problems.lines import json_rows

RATINGS = {1: "valid", 0: "unsure", -1: "invalid"}
RATED = {word: rating for rating, word in RATINGS.items()}


def write(chains: Iterable[Chain]) -> Iterator[dict[str, Any]]:
    """One line a chain."""
    for chain in chains:
        said = [link.value for link in chain.links]
        whole = chain.links[-1].action == "code" and all(word == "valid" for word in said)
        taken = [link.taken_ms for link in chain.links if link.taken_ms is not None]
        reason = (
            None if chain.author is None else "found_error" if "invalid" in said else "solution" if whole else "give_up"
        )
        yield {
            "labeler": chain.author,
            "timestamp": chain.at,
            "generation": None,
            "is_quality_control_question": False,
            "is_initial_screening_question": False,
            "question": {"problem": chain.statement, "pre_generated_steps": [link.text for link in chain.links]},
            "label": {
                "steps": [
                    {
                        "completions": [
                            {
                                "text": link.text,
                                "rating": None if link.value is None else RATED[link.value],
                                "flagged": False,
                                "step": link.name,
                                "reason": link.reason,
                                "category": link.category,
                            }
                        ],
                        "human_completion": None,
                        "chosen_completion": 0,
                    }
                    for link in chain.links
                ],
                "total_time": sum(taken) if taken else None,
                "finish_reason": reason,
            },
        }


def read(path: Path) -> Iterator[Said | Rejected]:
    """What the lines say; a line that cannot be read is told with its reason."""
    for row in json_rows(path):
        if isinstance(row, Rejected):
            yield row
            continue
        why = _against(row.value)
        if why is None:
            yield from _line(row.number, row.value)
        else:
            yield Rejected(row.number, str(row.value.get("labeler") or ""), why)


def _against(line: dict[str, Any]) -> str | None:
    label, question = line.get("label"), line.get("question")
    if not isinstance(label, dict) or not isinstance(question, dict) or not isinstance(label.get("steps"), list):
        return "no line of PRM800K: it has no question with labelled steps"
    if not isinstance(question.get("problem"), str):
        return "its question has no problem"
    if line.get("labeler") is not None and not isinstance(line["labeler"], str):
        return "its labeler is no name"
    if line.get("is_quality_control_question") or line.get("is_initial_screening_question"):
        return "a question of quality control or screening, asked to measure the labeller"
    if label.get("finish_reason") == "bad_problem":
        return "the labeller calls the problem bad"
    return None


def _line(number: int, line: dict[str, Any]) -> Iterator[Said | Rejected]:
    label, statement, author = line["label"], line["question"]["problem"], line.get("labeler") or None
    taken = label.get("total_time")
    path: tuple[str, ...] = ()
    first = True
    for place, step in enumerate(label["steps"], start=1):
        completions = step.get("completions") if isinstance(step, dict) else None
        if completions is not None and not isinstance(completions, list):
            yield Rejected(number, author or "", f"step {place}: its completions are no list")
            return
        for one in completions or ():
            if not isinstance(one, dict) or not isinstance(one.get("text"), str):
                yield Rejected(number, author or "", f"step {place}: a completion without a text")
                return
            rating = one.get("rating")
            if rating is None:
                continue
            if isinstance(rating, bool) or not isinstance(rating, int) or rating not in RATINGS:
                yield Rejected(number, author or "", f"step {place}: the rating {rating!r} is none of -1, 0, 1")
                continue
            yield Said(
                number,
                RATINGS[rating],
                _word(one.get("step")),
                statement,
                (*path, one["text"]),
                author,
                _word(one.get("reason")) or ("flagged" if one.get("flagged") else None),
                _word(one.get("category")),
                taken if first and isinstance(taken, int) and taken >= 0 else None,
                _word(line.get("timestamp")),
            )
            first = False
        chosen = step.get("chosen_completion") if isinstance(step, dict) else None
        if isinstance(chosen, bool) or not isinstance(chosen, int) or not 0 <= chosen < len(completions or ()):
            return
        path = (*path, completions[chosen]["text"])  # type: ignore[index]


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
