"""What the newest re-score of a tree says of its programs: the word that counts for what is trained on and shown.

Read-only. A rollout keeps the reward that steered; this is derived from a `rescore` row and the stored verdicts, and the
same whenever it is asked again as of that row. Rewards and labels anew are rescoring.py's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.treefacts import cases_of


class Basis(NamedTuple):
    """What a re-score rests on: the tests, α, how many draws are enough for `invalid`, and as of which rows."""

    test_set: int
    alpha: float
    enough: int
    withdrawals: int
    verdicts: int


class Told(NamedTuple):
    """A program on the tests of a re-score. `verdict`: the first that is not AC, else AC."""

    verdict: str
    passed: int
    total: int

    @property
    def solved(self) -> bool:
        """Whether it passes every test."""
        return self.passed == self.total


def newest(connection: Connection, tree_id: int, upto: int | None = None) -> Basis | None:
    """What the newest re-score of a tree rests on (as of a re-score's id); None where there is none."""
    limit = "" if upto is None else f"AND id <= {int(upto)} "
    row = connection.exec_driver_sql(
        f"SELECT test_set_id, alpha, enough, withdrawals, verdicts FROM rescore WHERE tree_id = ? {limit}"
        "ORDER BY id DESC LIMIT 1",
        (tree_id,),
    ).first()
    return None if row is None else Basis(*row)


def told(
    connection: Connection, tree_id: int, upto: int | None = None, programs: Iterable[int] | None = None
) -> dict[int, Told] | None:
    """By program id, what the newest re-score says (as of a re-score's id), of the tree's programs or of these among them.
    A program without a verdict on every test is absent: nothing is known of it. None where the tree was not re-scored."""
    on = newest(connection, tree_id, upto)
    if on is None:
        return None
    cases = [case.digest for _, case in cases_of(connection, on.test_set, on.withdrawals)]
    out = {}
    for program, known in verdict_codes(connection, tree_id, on, programs).items():
        if cases and all(case in known for case in cases):
            bad = [known[case] for case in cases if known[case] != "AC"]
            out[program] = Told(bad[0] if bad else "AC", len(cases) - len(bad), len(cases))
    return out


def verdict_codes(
    connection: Connection, tree_id: int, on: Basis, programs: Iterable[int] | None = None
) -> dict[int, dict[str, str]]:
    """Verdict codes by program id and case digest: those of the tree's own profile, else the first that was stored under
    another."""
    out: dict[int, dict[str, str]] = {}
    which = "(SELECT program_id FROM rollout WHERE tree_id = x.id)"
    if programs is not None:
        which = f"({','.join(str(int(program)) for program in programs)})"
    for program, digest, said in connection.exec_driver_sql(
        f"SELECT v.program_id, t.digest, v.code FROM tree x JOIN verdict v ON v.program_id IN {which} AND v.id <= ? "
        "JOIN test_set_item i ON i.test_set_id = ? AND i.test_case_id = v.test_case_id "
        "JOIN test_case t ON t.id = v.test_case_id WHERE x.id = ? ORDER BY v.profile_id = x.profile_id, v.id DESC",
        (on.verdicts, on.test_set, tree_id),
    ):
        out.setdefault(program, {})[digest] = said
    return out
