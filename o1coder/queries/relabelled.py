"""What has been said of a tree's steps since a moment: so that a screen need not ask for the whole tree again."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.standing import current_label


class Relabelled(NamedTuple):
    """A step that got a label or a retraction, with the label that counts now; `searched`: a search spoke again."""

    step_id: int
    label: str | None
    source: str | None
    label_id: int | None
    searched: bool


def relabelled(connection: Connection, tree_id: int, after: int) -> list[Relabelled]:
    """The steps of a tree that labels with ids above `after` speak of."""
    rows = connection.exec_driver_sql(
        "SELECT s.id, cur.value, cur.source, cur.id, EXISTS (SELECT 1 FROM label n WHERE n.step_id = s.id AND n.id > ?1 "
        "AND n.source <> 'human') FROM step s "
        f"LEFT JOIN label cur ON cur.id = {current_label('s.id')} "
        "WHERE s.tree_id = ?2 AND s.id IN (SELECT step_id FROM label WHERE id > ?1)",
        (after, tree_id),
    )
    return [Relabelled(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows]
