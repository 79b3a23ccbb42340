"""Which steps are most worth a person's look: ranked by all grounds of o1coder/labelling/worth.py together.

What is ranked are the steps that a single ground proposes (queries/proposals.py), so the cost does not grow with the lab and
the ranking is exact among those: a step that no ground puts among its strongest can be missed. Few steps (`NARROW`) are all
ranked. Where too few are proposed, the newest unread steps follow. Among steps of nearly the same worth, trees take turns
(labelling/spreading.py). Steps that a person has labelled, and questions with known answers, are left out. Audit and held-out
tests are not asked: they may not steer what is trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.labelling.spreading import spread
from o1coder.labelling.worth import Evidence, Grounds, doubt, gap, siblings, similarity, tests, why, worth
from o1coder.queries import asked as words
from o1coder.queries import proposals
from o1coder.queries.asked import UNREAD, Asked
from o1coder.standing import current_label
from o1coder.withdrawn import withdrawn

NARROW = 2_000  # steps that are all ranked
COMPARED = 400  # steps whose siblings' texts are compared
TWINS = 5_000  # steps with the same programs that are looked at


class Ranked(NamedTuple):
    """A step in the queue, and why. `label` is what counts now, k, c, v the search's newest, `prm` the newest score."""

    step: int
    tree: int
    problem: int
    action: str
    depth: int
    label: str | None
    k: int | None
    c: int | None
    v: float | None
    prm: float | None
    doubt: float
    gap: float
    tests: float
    siblings: float
    worth: float
    why: str


def ranked(connection: Connection, asked: Asked, *, limit: int = 100, without: Iterable[int] = ()) -> list[Ranked]:
    """The steps most worth a look, the newest first among equals, no long run of one tree; none of `without`."""
    chosen, left_out = words.scope(connection, asked), set(without)
    narrow = words.steps(connection, chosen, NARROW + 1) if chosen.trees is not None else ()
    want = limit + len(left_out)
    if chosen.trees is not None and len(narrow) <= NARROW:
        ids: set[int] = set(narrow)
    else:
        ids = {
            step
            for found in (proposals.doubtful, proposals.far, proposals.disputed)
            for step in found(connection, chosen)
        }
    ids -= left_out
    rows = _ranked(connection, ids)
    if len(rows) < limit and not (chosen.trees is not None and len(narrow) <= NARROW):
        rows += _ranked(connection, set(proposals.newest(connection, chosen, want + len(ids))) - ids - left_out)
    return [rows[place] for place in spread([(one.tree, one.worth) for one in rows], limit)]


def of_steps(connection: Connection, ids: Iterable[int]) -> list[Ranked]:
    """These steps ranked, whoever has labelled them; roots are left out."""
    return _ranked(connection, set(ids), unread=False)


# ranking ---------------------------------------------------------------------------------------------------------------
class _Step(NamedTuple):
    id: int
    tree: int
    problem: int
    parent: int
    action: str
    depth: int
    text: str
    program: int | None
    label: str | None
    k: int | None
    c: int | None
    v: float | None
    prm: float | None


def _ranked(connection: Connection, ids: set[int], *, unread: bool = True) -> list[Ranked]:
    """By all grounds; the siblings' texts are compared for those that the other grounds rank highest."""
    if not ids:
        return []
    found = [
        _Step._make(row)
        for row in connection.exec_driver_sql(
            "SELECT s.id, s.tree_id, x.problem_id, s.parent_id, s.action, s.depth, s.text, s.program_id, cur.value, "
            "m.k, m.c, m.v, (SELECT c.value FROM score c WHERE c.step_id = s.id ORDER BY c.checkpoint_id DESC, c.id DESC "
            "LIMIT 1) FROM json_each(?) i CROSS JOIN step s ON s.id = i.value JOIN tree x ON x.id = s.tree_id "
            "LEFT JOIN label m ON m.id = (SELECT MAX(l.id) FROM label l WHERE l.step_id = s.id AND l.source = 'search') "
            f"LEFT JOIN label cur ON cur.id = {current_label('s.id')} "
            f"WHERE {UNREAD if unread else 's.parent_id IS NOT NULL'}",
            (json.dumps(sorted(ids)),),
        )
    ]
    origins = _by_origin(connection, found)
    grounds = {
        one.id: Grounds(
            doubt(one.k, one.c, one.program is not None and one.k is not None),
            gap(one.prm, one.v, one.label),
            tests(origins.get((one.tree, one.program), {})),
        )
        for one in found
    }
    found.sort(key=lambda one: (-worth(grounds[one.id]), -one.id))
    opposite = _opposite(connection, found[:COMPARED])
    for step, (_, alike) in opposite.items():
        grounds[step] = grounds[step]._replace(siblings=siblings(alike))
    found.sort(key=lambda one: (-worth(grounds[one.id]), -one.id))
    return [_row(one, grounds[one.id], origins, opposite) for one in found]


def _row(one: _Step, grounds: Grounds, origins: _Origins, opposite: dict[int, tuple[int, float]]) -> Ranked:
    sibling = f"sibling {opposite[one.id][0]}" if one.id in opposite else None
    evidence = Evidence(one.label, one.k, one.c, one.v, one.prm, origins.get((one.tree, one.program), {}), sibling)
    doubted, gapped, tested, contradicted, whole = (round(value, 3) for value in (*grounds, worth(grounds)))
    return Ranked(
        *(one.id, one.tree, one.problem, one.action, one.depth, one.label, one.k, one.c, one.v, one.prm),
        doubt=doubted,
        gap=gapped,
        tests=tested,
        siblings=contradicted,
        worth=whole,
        why=why(grounds, evidence),
    )


_Origins = dict[tuple[int, int | None], dict[str, tuple[int, int]]]


def _by_origin(connection: Connection, found: Sequence[_Step]) -> _Origins:
    """By tree and program: how many tests of each origin were judged and passed. A generated test counts where the
    reference passes it; what is withdrawn, or measures, does not."""
    pairs = sorted({(one.tree, one.program) for one in found if one.program is not None})
    out: _Origins = {}
    for tree, program, origin, passed, judged in connection.exec_driver_sql(
        "SELECT i.value ->> 0, i.value ->> 1, CASE t.origin WHEN 'starter' THEN 'dataset' ELSE t.origin END AS born, "
        "SUM(v.code = 'AC'), COUNT(*) FROM json_each(?) i JOIN tree x ON x.id = i.value ->> 0 "
        "JOIN verdict v ON v.program_id = i.value ->> 1 AND v.profile_id = x.profile_id "
        "JOIN test_case t ON t.id = v.test_case_id "
        "WHERE (t.origin <> 'tcg' OR EXISTS (SELECT 1 FROM generated_case g WHERE g.test_case_id = t.id AND g.valid = 1)) "
        "AND NOT EXISTS (SELECT 1 FROM test_set_item j JOIN test_set z ON z.id = j.test_set_id "
        f"WHERE j.test_case_id = t.id AND z.purpose IN ('audit', 'held-out')) AND NOT {withdrawn('t.id')} "
        "GROUP BY 1, 2, 3",
        (json.dumps(pairs),),
    ):
        out.setdefault((tree, program), {})[origin] = (int(passed), int(judged))
    return out


def _opposite(connection: Connection, found: Sequence[_Step]) -> dict[int, tuple[int, float]]:
    """By step: the sibling, or the step with the same program elsewhere, that is most alike and labelled the other way."""
    claims = {"valid": "invalid", "invalid": "valid"}
    wanted = [one for one in found if one.label in claims]
    rows = list(
        chain(
            connection.exec_driver_sql(
                "SELECT s.parent_id, s.id, s.text, cur.value FROM json_each(?) i CROSS JOIN step s ON s.parent_id = i.value "
                f"JOIN label cur ON cur.id = {current_label('s.id')}",
                (json.dumps(sorted({one.parent for one in wanted})),),
            )
        )
    )
    below: dict[int, list[tuple[int, str, str]]] = {}
    for parent, step, text, label in rows:
        below.setdefault(parent, []).append((step, text, label))
    twins: dict[int, list[tuple[int, str]]] = {}
    for program, step, label in connection.exec_driver_sql(
        "SELECT s.program_id, s.id, cur.value FROM json_each(?) i CROSS JOIN step s ON s.program_id = i.value "
        f"JOIN label cur ON cur.id = {current_label('s.id')} LIMIT {TWINS}",
        (json.dumps(sorted({one.program for one in wanted if one.program is not None})),),
    ):
        twins.setdefault(program, []).append((step, label))
    out: dict[int, tuple[int, float]] = {}
    for one in wanted:
        other = claims[one.label or ""]
        known = [(step, 1.0) for step, label in twins.get(one.program or 0, ()) if label == other]
        known += [
            (step, similarity(one.text, text)) for step, text, label in below.get(one.parent, ()) if label == other
        ]
        best = max(known, key=lambda pair: (pair[1], pair[0]), default=None)
        if best is not None and siblings(best[1]) > 0:
            out[one.id] = best
    return out
