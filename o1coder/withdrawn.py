"""Which test cases are withdrawn: one SQL expression, here and nowhere else. It needs no table models, so that what only asks
loads none. Withdrawing and giving back are problems/withdrawals.py's."""

from __future__ import annotations


def withdrawn(case: str, upto: str | None = None) -> str:
    """SQL that is true when the test case with this id (an SQL expression) is withdrawn; `upto` (one too): as of that
    withdrawal id."""
    seen, taken_back = ("", "") if upto is None else (f"AND w.id <= {upto} ", f" AND r.id <= {upto}")
    return (
        f"EXISTS (SELECT 1 FROM test_withdrawal w WHERE w.test_case_id = {case} AND w.retracts IS NULL {seen}"
        f"AND NOT EXISTS (SELECT 1 FROM test_withdrawal r WHERE r.retracts = w.id{taken_back}))"
    )
