"""Questions about scores: which PRMs scored a tree, and what one of them said of its steps."""

from __future__ import annotations

from sqlalchemy.engine import Connection


def scorers(connection: Connection, tree_id: int) -> list[int]:
    """The checkpoints that scored steps of a tree, newest first."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT c.checkpoint_id FROM score c JOIN step s ON s.id = c.step_id WHERE s.tree_id = ? "
        "ORDER BY c.checkpoint_id DESC",
        (tree_id,),
    )
    return [int(row[0]) for row in rows]


def of_tree(connection: Connection, tree_id: int, checkpoint_id: int) -> dict[int, float]:
    """Step id to the newest score that a checkpoint gave it."""
    rows = connection.exec_driver_sql(
        "SELECT c.step_id, c.value FROM score c JOIN step s ON s.id = c.step_id "
        "WHERE s.tree_id = ? AND c.checkpoint_id = ? ORDER BY c.id",
        (tree_id, checkpoint_id),
    )
    return {int(row[0]): float(row[1]) for row in rows}
