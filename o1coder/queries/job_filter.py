"""The language in which jobs are asked for: `state:failed stage:prm run:x age<1h words "exact words" -word !field:value`.

Words are looked for in stage, run, config, key and error. Each field is declared once; the rows are jobs.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from o1coder.clock import stamp
from o1coder.errors import LabError
from o1coder.queries.words import Term, among, number_of, seconds_of, terms, unknown, values_of

STATES = ("queued", "running", "done", "failed", "cancelled", "lost")
FIELDS = {
    "state": "state",
    "stage": "stage",
    "run": "run",
    "error": "error_kind",
    "author": "author",
    "host": "host",
    "key": "key",
}
NUMBERS = {"id": "id", "round": "round", "attempts": "attempts"}
SPANS = {  # seconds, from a time in the lab's form
    "age": "created_at",
    "silent": "CASE WHEN state = 'running' THEN heartbeat_at END",
}
ALLOWED = (*FIELDS, *NUMBERS, *SPANS)
_TEXT = "(stage || ' ' || coalesce(run, '') || ' ' || coalesce(key, '') || ' ' || coalesce(error, '') || ' ' || config)"
_BACK = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!=", ":": "="}  # a shorter age is a later time


def parse(text: str, *, typing: bool = False) -> list[Term]:
    """Read a query. LabError names the word that is not understood and what it could be."""
    found = terms(text, typing=typing)
    for term in found:
        if term.field in NUMBERS:
            number_of(term, "id>5 or round=2")
        elif term.field in SPANS:
            seconds_of(term, "age<1h or silent>30s")
        elif term.field in FIELDS:
            if term.op not in (":", "=", "!="):
                raise LabError(f"{term.field} is no number", f"write {term.field}:value")
            if term.field == "state" and not typing:
                among("job", term, STATES)
        elif term.field and term.value:
            raise unknown("jobs", term, ALLOWED)
    return found


def condition(asked: list[Term], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> tuple[str, dict[str, Any]]:
    """SQL and named values of what a query asks of a row of jobs.ALL."""
    parts: list[str] = []
    values: dict[str, Any] = {}

    def bound(value: Any) -> str:
        values[f"q{len(values)}"] = value
        return f":q{len(values) - 1}"

    for term in asked:
        op = "=" if term.op == ":" else term.op
        if term.field in NUMBERS:
            sql = f"{NUMBERS[term.field]} {op} {bound(float(term.value))}"
        elif term.field in SPANS:
            then = stamp(now() - timedelta(seconds=seconds_of(term, "")))
            sql = f"{SPANS[term.field]} {_BACK[op]} {bound(then)}"
        elif term.field in FIELDS:
            column = FIELDS[term.field]
            any_of = [
                f"{column} {'GLOB' if '*' in one and not term.quoted else '='} {bound(one)}" for one in values_of(term)
            ]
            sql = f"({' OR '.join(any_of)})"
        else:
            word = term.value if not term.field else term.raw
            sql = f"instr(lower({_TEXT}), {bound(word.lower())}) > 0"
        negated = term.negated != (term.op == "!=" and term.field in FIELDS)
        parts.append(f"NOT coalesce({sql}, 0)" if negated else sql)
    return " AND ".join(parts) or "1", values
