"""What a comparison answers, and the words for the first place where two texts differ. Pure; the cost is linear.

It decides nothing: which differences count is said by the comparators (compare.py, official.py, typed.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

SHOWN = 60  # characters of each side that a detail quotes
BEFORE = 15  # of them before the place that differs, in a long token


class Compared(NamedTuple):
    """AC, WA, or PE (the right tokens in the wrong layout), and why; true exactly when it is AC."""

    code: Literal["AC", "WA", "PE"]
    detail: str = ""

    def __bool__(self) -> bool:
        return self.code == "AC"


ACCEPTED = Compared("AC")


def split_tokens(text: str) -> list[bytes]:
    """Tokens between runs of ASCII white space, as UTF-8; other Unicode spaces belong to tokens."""
    return text.encode("utf-8", "surrogatepass").split()


def shared(first: Sequence[object], second: Sequence[object]) -> int:
    """How many items two sequences of one type have in common at their beginning, in linear time."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def quoted(text: str | bytes, at: int = 0) -> str:
    """At most SHOWN characters around `at` as a Python literal, control bytes escaped, with … where something is cut."""
    begin = 0 if at < SHOWN - BEFORE else at - BEFORE
    part = text[begin : begin + SHOWN]
    words = repr(part.decode("utf-8", "backslashreplace") if isinstance(part, bytes) else part)
    if len(words) > 2 * SHOWN:
        words = words[: 2 * SHOWN] + "…"
    return ("…" if begin else "") + words + ("…" if begin + SHOWN < len(text) else "")


def unlike(want: bytes | str, found: bytes | str) -> str:
    """Two texts that are not the same, cut around their first difference."""
    at = shared(want, found)
    place = f"from character {at + 1}: " if at >= SHOWN - BEFORE else ""
    return f"{place}expected {quoted(want, at)}, found {quoted(found, at)}"


def at_token(number: int, want: bytes | None, found: bytes | None) -> str:
    """Where the token of that number (from 1) differs; None is the end of that side."""
    if want is not None and found is not None:
        return f"token {number}: {unlike(want, found)}"
    ends = ["the end" if one is None else quoted(one) for one in (want, found)]
    return f"token {number}: expected {ends[0]}, found {ends[1]}"


def first_token(want: Sequence[bytes], found: Sequence[bytes]) -> str:
    """The first token that differs. The two must not be equal."""
    at = shared(want, found)
    sides = [side[at] if at < len(side) else None for side in (want, found)]
    return at_token(at + 1, sides[0], sides[1])
