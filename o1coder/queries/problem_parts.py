"""What one problem is made of and what it was used for: tests with what fails them, programs by what the judge said,
counts per origin, and the datasets, evaluations and checkpoints that it reached.

Every answer is bounded: a problem of a million rollouts is told by its counts and the first of its programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.withdrawn import withdrawn

NAMED = 12  # programs that are named where many fail a test


class CaseVerdicts(NamedTuple):
    """What became of a case. `purposes`: of the newest set of each purpose that holds it; `failed`: programs that do not
    pass it, the first of them by id in `failed_by` with the verdict."""

    id: int
    origin: str
    input: str
    expected: str
    purposes: str
    withdrawn: bool
    reason: str | None
    passed: int
    failed: int
    failed_by: list[tuple[int, str]]


class OriginCount(NamedTuple):
    """How many of a problem's tests are of one origin."""

    origin: str
    tests: int
    withdrawn: int


class ProgramGroup(NamedTuple):
    """Programs that came to one verdict: the first that is not AC, else AC; None where none was judged."""

    verdict: str | None
    programs: int


class ProgramVerdicts(NamedTuple):
    """A program and how it fared. `fails`: (case, verdict, layer) of what it does not pass; `rollouts`: how many led to it."""

    id: int
    code: str
    origins: str
    claim: str | None
    verdict: str | None
    passed: int
    judged: int
    layers: str
    rollouts: int
    fails: list[tuple[int, str, str]]


class Use(NamedTuple):
    """Something made from the problem, or measured on it: a dataset, an evaluation, or a checkpoint. `rows`: of the
    dataset that are of this problem, or samples. `of`: a dataset's job, the dataset behind a checkpoint, an evaluation's
    checkpoint."""

    kind: str
    id: int
    about: str
    rows: int | None
    of: int | None


def cases(connection: Connection, problem_id: int) -> list[CaseVerdicts]:
    """The test cases of a problem by origin, each with the programs that fail it."""
    failures: dict[int, list[tuple[int, str]]] = {}
    tallies: dict[int, list[int]] = {}
    for case, program, code in connection.exec_driver_sql(
        "SELECT v.test_case_id, v.program_id, coalesce(MAX(CASE WHEN v.code <> 'AC' THEN v.code END), 'AC') FROM program g "
        "JOIN verdict v ON v.program_id = g.id WHERE g.problem_id = ? GROUP BY v.test_case_id, v.program_id "
        "ORDER BY v.program_id",
        (problem_id,),
    ):
        tally = tallies.setdefault(case, [0, 0])
        tally[code != "AC"] += 1
        if code != "AC" and len(failures.setdefault(case, [])) < NAMED:
            failures[case].append((program, code))
    rows = connection.exec_driver_sql(
        "SELECT t.id, t.origin, t.input, t.expected, coalesce((SELECT GROUP_CONCAT(DISTINCT s.purpose) "
        "FROM test_set_item i JOIN test_set s ON s.id = i.test_set_id WHERE i.test_case_id = t.id AND s.id = "
        "(SELECT MAX(n.id) FROM test_set n WHERE n.problem_id = s.problem_id AND n.purpose = s.purpose)), ''), "
        f"{withdrawn('t.id')}, (SELECT w.reason FROM test_withdrawal w WHERE w.test_case_id = t.id AND w.retracts IS NULL "
        "ORDER BY w.id DESC LIMIT 1) FROM test_case t WHERE t.problem_id = ? ORDER BY t.origin, t.id",
        (problem_id,),
    )
    return [
        CaseVerdicts._make(
            (*row[:5], bool(row[5]), row[6] if row[5] else None, *tallies.get(row[0], [0, 0]), failures.get(row[0], []))
        )
        for row in rows
    ]


def origins(found: Sequence[CaseVerdicts]) -> list[OriginCount]:
    """Counts per origin of a problem's cases."""
    counts: dict[str, list[int]] = {}
    for case in found:
        count = counts.setdefault(case.origin, [0, 0])
        count[0] += 1
        count[1] += case.withdrawn
    return [OriginCount(name, *count) for name, count in counts.items()]


# What is withdrawn says nothing of a program any more.
_JUDGED = (
    "SELECT g.id AS id, v.code AS code FROM program g LEFT JOIN verdict v ON v.program_id = g.id "
    f"AND NOT {withdrawn('v.test_case_id')} WHERE g.problem_id = ?"
)
_WORD = "coalesce(MIN(CASE WHEN code <> 'AC' THEN code END), MAX(code))"


def program_groups(connection: Connection, problem_id: int) -> list[ProgramGroup]:
    """How many programs of a problem came to each verdict; what passes first, what was not judged last."""
    rows = connection.exec_driver_sql(
        f"SELECT word, COUNT(*) FROM (SELECT {_WORD} AS word FROM ({_JUDGED}) GROUP BY id) GROUP BY word "
        "ORDER BY word IS NULL, word <> 'AC', COUNT(*) DESC",
        (problem_id,),
    )
    return [ProgramGroup(*row) for row in rows]


def programs(connection: Connection, problem_id: int, limit: int = 40) -> list[ProgramVerdicts]:
    """Programs of a problem: references first, then by verdict (what passes first), then by how many rollouts led to them."""
    found = connection.exec_driver_sql(
        f"WITH told AS (SELECT id, {_WORD} AS word, SUM(code = 'AC') AS passed, COUNT(code) AS judged FROM ({_JUDGED}) "
        "GROUP BY id) SELECT g.id, g.code, coalesce((SELECT GROUP_CONCAT(DISTINCT o.origin) FROM program_origin o "
        "WHERE o.program_id = g.id), '') AS origins, (SELECT MAX(o.claim) FROM program_origin o WHERE o.program_id = g.id), "
        "told.word, coalesce(told.passed, 0), told.judged, coalesce((SELECT GROUP_CONCAT(layer, ' ') FROM (SELECT DISTINCT "
        "v.layer FROM verdict v WHERE v.program_id = g.id ORDER BY v.layer)), ''), "
        "(SELECT COUNT(*) FROM rollout r WHERE r.program_id = g.id) AS drawn FROM told JOIN program g ON g.id = told.id "
        "ORDER BY instr(origins, 'reference') = 0, told.word IS NULL, told.word <> 'AC', told.word, drawn DESC, g.id LIMIT ?",
        (problem_id, limit),
    ).all()
    fails: dict[int, list[tuple[int, str, str]]] = {row[0]: [] for row in found}
    if found:
        for program, case, code, layer in connection.exec_driver_sql(
            "SELECT program_id, test_case_id, code, layer FROM verdict v WHERE code <> 'AC' AND program_id IN "
            f"({','.join('?' * len(fails))}) AND NOT {withdrawn('v.test_case_id')} ORDER BY test_case_id, profile_id",
            tuple(fails),
        ):
            fails[program].append((case, code, layer))
    return [ProgramVerdicts._make((*row, fails[row[0]])) for row in found]


_OF_PROBLEM = (
    "SELECT dataset_id FROM dataset_item WHERE problem_id = ?1 "
    "UNION ALL SELECT i.dataset_id FROM program g JOIN dataset_item i ON i.program_id = g.id WHERE g.problem_id = ?1 "
    "UNION ALL SELECT i.dataset_id FROM tree x JOIN rollout r ON r.tree_id = x.id JOIN dataset_item i ON i.rollout_id = r.id "
    "WHERE x.problem_id = ?1 "
    "UNION ALL SELECT i.dataset_id FROM tree x JOIN step s ON s.tree_id = x.id JOIN dataset_item i ON i.step_id = s.id "
    "WHERE x.problem_id = ?1"
)


def uses(connection: Connection, problem_id: int) -> list[Use]:
    """The datasets that hold rows of a problem, the checkpoints trained on those (or made by a job that froze one), and
    the evaluations that drew samples for it."""
    datasets = [
        Use("dataset", row[0], f"{row[1]}{' ' + row[2] if row[2] else ''}", row[3], row[4])
        for row in connection.exec_driver_sql(
            "SELECT d.id, d.kind, d.target, COUNT(*), d.job_id FROM "
            f"({_OF_PROBLEM}) o JOIN dataset d ON d.id = o.dataset_id GROUP BY d.id ORDER BY d.id",
            (problem_id,),
        )
    ]
    found = list(datasets)
    if datasets:
        ids = tuple(one.id for one in datasets)
        places = ",".join("?" * len(ids))
        found += [
            Use("checkpoint", row[0], f"{row[1]} by {row[2]} job {row[3]}", None, row[4])
            for row in connection.exec_driver_sql(
                "SELECT c.id, c.role, j.stage, j.id, MIN(u.dataset_id) FROM (SELECT job_id, dataset_id FROM job_input "
                f"WHERE dataset_id IN ({places}) UNION SELECT job_id, id FROM dataset WHERE id IN ({places})) u "
                "JOIN job j ON j.id = u.job_id JOIN checkpoint c ON c.job_id = j.id GROUP BY c.id ORDER BY c.id",
                (*ids, *ids),
            )
        ]
    found += [
        Use("evaluation", row[0], f"{row[1]} {row[2]}, {row[3]} of {row[4]} right", row[4], row[5])
        for row in connection.exec_driver_sql(
            "SELECT e.id, e.split, e.mode, i.c, i.n, e.checkpoint_id FROM evaluation e JOIN evaluation_item i "
            "ON i.evaluation_id = e.id AND i.problem_id = ? ORDER BY e.id",
            (problem_id,),
        )
    ]
    return found
