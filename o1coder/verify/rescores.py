"""Re-scores: what each said of its tree's steps, asked again as of the rows that it saw.

The label that a re-score left a step with is the newest search label of that moment, whoever wrote it: only those that
differed were appended.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import rescoring
from o1coder.lab import Lab
from o1coder.relabelling import newest_search
from o1coder.rescores import Basis
from o1coder.trees import step_ids, stored_facts
from o1coder.verify.findings import Findings


def check(lab: Lab, found: Findings) -> None:
    """Every re-score, a read transaction each."""
    with lab.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT r.id, r.tree_id, x.config, r.labels, r.test_set_id, r.alpha, r.enough, r.withdrawals, r.verdicts "
            "FROM rescore r JOIN tree x ON x.id = r.tree_id ORDER BY r.id"
        ).all()
    found.count("rescore", len(rows))
    for row_id, tree, config, labels_upto, *basis in rows:
        with lab.reading() as connection:
            _rescore(connection, row_id, tree, json.loads(config), labels_upto, Basis(*basis), found)


def _rescore(
    connection: Connection,
    row_id: int,
    tree: int,
    config: dict[str, Any],
    labels_upto: int,
    on: Basis,
    found: Findings,
) -> None:
    ids, seen = step_ids(connection, tree), newest_search(connection, tree, labels_upto)
    rollouts = rescoring.rescored(connection, tree, on)
    for path, (word, value) in rescoring.labels(config, stored_facts(connection, tree), rollouts, on.enough).items():
        derived, stored = (word, value.v, value.v_pass, value.k, value.c), seen.get(ids[path])
        if derived != stored:
            shown = "no label" if stored is None else _said(stored)
            found.disagree("rescore-label", "rescore", f"{row_id}:{ids[path]}", _said(derived), shown)


def _said(values: tuple[Any, ...]) -> str:
    return "{} v={} v_pass={} k={} c={}".format(*values)
