"""The steps that each ground to doubt a label puts first, found by an index and a bounded number of rows.

Few or contradicting draws; scores far from labels; programs that fail a test of another origin than those that made the
label. Whatever a person has labelled is passed over. Ranking them together is queries/queue.py's.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from o1coder.queries.asked import UNREAD, Scope

PROPOSED = 300  # steps that a ground proposes
LOOKED_AT = 20_000  # rows that a ground looks at
MOST_DRAWS = 32  # more than these leave little doubt
FAR = 0.3  # a score this far from the value is a ground to propose


def doubtful(connection: Connection, chosen: Scope) -> list[int]:
    """Steps with few draws and none passing, and steps whose draws contradict each other: fewest draws first."""
    found: list[int] = []
    if chosen.actions == ("code",):
        return found  # a judged program is exact
    for value, fewest in (("unsure", 0), ("valid", 2)):
        own: list[int] = []
        for k in range(fewest, MOST_DRAWS + 1):
            own += _ids(
                connection,
                "SELECT s.id FROM (SELECT l.step_id FROM label l INDEXED BY label_in_doubt WHERE l.source = 'search' "
                "AND l.value = ? AND l.k = ? AND (l.value = 'unsure' OR (l.c > 0 AND l.c < l.k)) "
                f"ORDER BY l.id DESC LIMIT {LOOKED_AT}) d JOIN step s ON s.id = d.step_id JOIN tree x ON x.id = s.tree_id "
                f"WHERE {UNREAD} AND {chosen.where} LIMIT {PROPOSED - len(own)}",
                (value, k, *chosen.values),
            )
            if len(own) >= PROPOSED:
                break
        found += own
    return found


def far(connection: Connection, chosen: Scope) -> list[int]:
    """Steps that the newest PRM scores lowest though the search calls them valid, and highest though it does not."""
    prm = connection.exec_driver_sql("SELECT MAX(checkpoint_id) FROM score").scalar()
    if prm is None:
        return []
    found: list[int] = []
    for direction, differs in (("", "l.value = 'valid' AND l.v - d.value >= ?"), ("DESC", "d.value - l.v >= ?")):
        found += _ids(
            connection,
            "SELECT s.id FROM (SELECT c.step_id, c.value FROM score c INDEXED BY score_by_value WHERE c.checkpoint_id = ? "
            f"ORDER BY c.value {direction} LIMIT {LOOKED_AT}) d CROSS JOIN label l ON l.step_id = d.step_id "
            "AND l.source = 'search' CROSS JOIN step s ON s.id = d.step_id CROSS JOIN tree x ON x.id = s.tree_id "
            f"WHERE {differs} AND {UNREAD} AND {chosen.where} LIMIT {PROPOSED}",
            (prm, FAR, *chosen.values),
        )
    return found


def disputed(connection: Connection, chosen: Scope) -> list[int]:
    """Steps whose program the search calls valid though it fails a test that a generator or a person made, newest first."""
    return _ids(
        connection,
        "SELECT DISTINCT s.id FROM (SELECT v.program_id, v.profile_id FROM test_case t INDEXED BY test_case_not_given "
        "CROSS JOIN verdict v ON v.test_case_id = t.id WHERE t.origin IN ('tcg', 'human') AND v.code <> 'AC' "
        f"ORDER BY t.origin DESC, t.id DESC LIMIT {LOOKED_AT}) d "
        "CROSS JOIN step s ON s.program_id = d.program_id CROSS JOIN tree x ON x.id = s.tree_id "
        "AND x.profile_id = d.profile_id CROSS JOIN label l ON l.step_id = s.id AND l.source = 'search' "
        f"WHERE l.value = 'valid' AND {UNREAD} AND {chosen.where} LIMIT {PROPOSED}",
        chosen.values,
    )


def newest(connection: Connection, chosen: Scope, most: int) -> list[int]:
    """Unread steps, the newest first."""
    return _ids(
        connection,
        f"SELECT s.id FROM step s JOIN tree x ON x.id = s.tree_id WHERE {UNREAD} AND {chosen.where} "
        f"ORDER BY s.id DESC LIMIT {most}",
        chosen.values,
    )


def _ids(connection: Connection, sql: str, values: tuple[Any, ...]) -> list[int]:
    return [int(row[0]) for row in connection.exec_driver_sql(sql, values)]
