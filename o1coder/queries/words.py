"""The words of a filter, as every list's language has them: `word`, `"exact phrase"`, `field:value`, `number<3`, `-not`, `!not`.

It splits and checks; which fields there are, and what they ask of the database, is each list's own (problem_filter.py,
job_filter.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from o1coder.errors import LabError

_HEAD = re.compile(r"(?P<field>[a-z_]+)(?P<op><=|>=|!=|[:<>=])", re.ASCII)
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
QUOTES = "\"'"


class Term(NamedTuple):
    """One word. `field` and `op` (`:` or a comparison) are empty for words to be looked for; `quoted`: taken exactly."""

    negated: bool
    field: str
    op: str
    value: str
    quoted: bool
    raw: str


def terms(text: str, *, typing: bool = False) -> list[Term]:
    """The words of a filter. LabError when a quotation mark is not closed; while it is being typed, its end closes it and
    what has no value yet is left out."""
    out: list[Term] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        begin = at
        negated = text[at] in "-!" and at + 1 < len(text) and not text[at + 1].isspace()
        at += negated
        head = _HEAD.match(text, at)
        if head:
            at = head.end()
        quote = text[at] if at < len(text) and text[at] in QUOTES else ""
        if quote:
            end = text.find(quote, at + 1)
            if end < 0 and not typing:
                raise LabError("the filter cannot be read: No closing quotation", "close the quotation mark")
            value, at = (text[at + 1 :], len(text)) if end < 0 else (text[at + 1 : end], end + 1)
        else:
            end = at
            while end < len(text) and not text[end].isspace():
                end += 1
            value, at = text[at:end], end
        field, op = (head["field"], head["op"]) if head else ("", "")
        if typing and not value:
            continue
        out.append(Term(negated, field, op, value, bool(quote), text[begin:at]))
    return out


def unknown(what: str, term: Term, allowed: Sequence[str]) -> LabError:
    """The error for a field that there is not; it names those there are."""
    return LabError(f"{what} have no field {term.field!r}", f"fields: {', '.join(allowed)}")


def number_of(term: Term, example: str) -> float:
    """The number that a comparison compares with. LabError when it is none."""
    if not NUMBER.fullmatch(term.value):
        raise LabError(f"{term.raw!r} compares with no number", f"write {example}")
    return float(term.value)


def seconds_of(term: Term, example: str) -> float:
    """The span of time that a comparison compares with: 90s, 5m, 1h, 2d, 1w. LabError when it is none."""
    found = _AGE.fullmatch(term.value)
    if found is None:
        raise LabError(f"{term.raw!r} compares with no time", f"write {example}: s, m, h, d or w")
    return float(found[1]) * _SECONDS[found[2]]


def among(what: str, term: Term, allowed: Sequence[str]) -> None:
    """LabError unless every value of the term is one of `allowed`."""
    for value in values_of(term):
        if value not in allowed and "*" not in value:
            raise LabError(f"no {what} has the {term.field} {value!r}", f"{term.field}: {', '.join(allowed)}")


def values_of(term: Term) -> list[str]:
    """The values of `field:a,b`: either will do; quoted, a comma is part of the value."""
    return [term.value] if term.quoted else [value for value in term.value.split(",") if value] or [term.value]


def equals(column: str, term: Term) -> tuple[str, list[str]]:
    """SQL and values that hold where a column is one of the term's values; an unquoted `*` stands for anything."""
    parts: list[str] = []
    values = values_of(term)
    for value in values:
        parts.append(f"{column} GLOB ?" if "*" in value and not term.quoted else f"{column} = ?")
    sql = f"({' OR '.join(parts)})" if len(parts) > 1 else parts[0]
    return (f"NOT coalesce({sql}, 0)" if term.negated else sql), values


def match_expression(found: Sequence[Term]) -> str:
    """What FTS5 is asked for words: all that are wanted (their beginnings, unless quoted), none that are not; empty where
    no word is wanted."""

    def phrase(term: Term) -> str:
        return '"' + term.value.replace('"', '""') + '"' + ("" if term.quoted else "*")

    spoken = [term for term in found if any(character.isalnum() for character in term.value)]
    wanted = " ".join(phrase(term) for term in spoken if not term.negated)
    not_wanted = " OR ".join(phrase(term) for term in spoken if term.negated)
    return f"{wanted} NOT ({not_wanted})" if wanted and not_wanted else wanted
