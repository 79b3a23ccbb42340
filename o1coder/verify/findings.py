"""What a verification gathers: how much was looked at, what disagrees, and what is only worth a remark."""

from __future__ import annotations

from typing import NamedTuple

LONGEST = 200


class Disagreement(NamedTuple):
    """A stored fact and what it should be. `id` is the row's, or a name where there is no number."""

    kind: str
    table: str
    id: int | str
    expected: str
    found: str


class Findings:
    """Filled by the checks, in their order."""

    def __init__(self) -> None:
        self.checked: dict[str, int] = {}
        self.wrong: list[Disagreement] = []
        self.remarks: list[str] = []

    def count(self, table: str, n: int) -> None:
        """`n` more rows of `table` were looked at."""
        self.checked[table] = self.checked.get(table, 0) + n

    def disagree(self, kind: str, table: str, id: int | str, expected: object, found: object) -> None:
        """Note that a row is not as it should be; long texts are cut."""
        self.wrong.append(Disagreement(kind, table, id, str(expected)[:LONGEST], str(found)[:LONGEST]))
