"""The time as the lab writes it: UTC, ISO-8601, milliseconds, Z. Nothing else knows about time zones."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The present moment, e.g. 2026-01-02T03:04:05.678Z."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """`moment` (aware) in the lab's form."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age_s(text: str) -> float:
    """Seconds since a time in the lab's form; never negative, since clocks of several hosts may differ."""
    then = datetime.fromisoformat(text)
    return max(0.0, (datetime.now(UTC) - then).total_seconds())
