"""What search, execution and a PRM have on record about the steps of one tree, as of a moment. Read-only.

`search` and `execution` speak in valid, invalid and unsure, by step id; a step about which there is nothing is absent.
Execution is read from rollouts and verdicts, not from labels, so tests that were withdrawn since no longer speak; of a tree
that was re-scored, its newest re-score's tests do. Audit and held-out tests are not asked. What follows from agreement is
consensus.py's.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from o1coder import rescores
from o1coder.search.values import ENOUGH_DRAWS
from o1coder.treequery import AsOf
from o1coder.withdrawn import withdrawn

__all__ = ["ENOUGH_DRAWS", "execution", "scores", "search"]


def search(connection: Connection, tree_id: int, as_of: AsOf) -> dict[int, str]:
    """The newest search label of every step."""
    rows = connection.exec_driver_sql(
        "SELECT l.step_id, l.value FROM step s JOIN label l ON l.id = (SELECT MAX(m.id) FROM label m "
        f"WHERE m.step_id = s.id AND m.source = 'search' AND m.id <= {as_of['label']}) WHERE s.tree_id = ?",
        (tree_id,),
    )
    return {row[0]: row[1] for row in rows}


def scores(connection: Connection, tree_id: int, prm: int, format_digest: str, as_of: AsOf) -> dict[int, float]:
    """A PRM's numbers under one input format."""
    rows = connection.exec_driver_sql(
        "SELECT c.step_id, c.value FROM step s JOIN score c ON c.step_id = s.id WHERE s.tree_id = ? "
        f"AND c.checkpoint_id = ? AND c.format_digest = ? AND c.id <= {as_of['score']}",
        (tree_id, prm, format_digest),
    )
    return {row[0]: row[1] for row in rows}


def execution(connection: Connection, tree_id: int, as_of: AsOf) -> dict[int, str]:
    """What running programs says: of a code step its own verdicts, of any other the draws that were judged below it."""
    rows = connection.exec_driver_sql(
        f"SELECT id, parent_id, program_id FROM step WHERE tree_id = ? AND id <= {as_of['step']} ORDER BY depth DESC, id",
        (tree_id,),
    ).all()
    said, unparsed = _completions(connection, tree_id, as_of)
    reward, others = _reward_tests(connection, tree_id, as_of), _generated_tests(connection, tree_id, as_of)
    judged: dict[int, tuple[int, int]] = {}  # leaf: (draws, of them passing)
    programs: dict[int, int] = {}
    told = rescores.told(connection, tree_id, as_of.get("rescore", 0))
    for leaf, program, passes, masked in connection.exec_driver_sql(
        "SELECT leaf_id, program_id, program_id IS NOT NULL AND total > 0 AND passed = total, reward IS NULL "
        f"FROM rollout WHERE tree_id = ? AND id <= {as_of['rollout']}",
        (tree_id,),
    ):
        if masked if told is None or program is None else program not in told:
            continue
        if program is not None:
            programs[leaf] = program
            passes = reward.get(program, bool(passes) if told is None else told[program].solved)
        elif leaf in unparsed:
            continue  # its end is the unparsable completions below it, which count themselves
        draws = said.get(leaf, 1)
        judged[leaf] = (draws, draws * bool(passes))
    words: dict[int, str] = {}
    below: dict[int, tuple[int, int]] = {}
    for step, parent, _ in rows:  # deepest first
        k, c = below.get(step, (0, 0))
        own = judged.get(step, (0, 0))
        k, c = k + own[0] + unparsed.get(step, 0), c + own[1]
        if parent is None:
            continue
        above = below.get(parent, (0, 0))
        below[parent] = (above[0] + k, above[1] + c)
        if step in programs:
            passes, other = own[1] > 0, others.get(programs[step])
            words[step] = "split" if other not in (None, passes) else "valid" if passes else "invalid"
        elif k:
            words[step] = "valid" if c else "invalid" if k >= ENOUGH_DRAWS else "unsure"
    return words


def _completions(connection: Connection, tree_id: int, as_of: AsOf) -> tuple[dict[int, int], dict[int, int]]:
    """How many draws said each step, and how many below each step did not parse."""
    said: dict[int, int] = {}
    unparsed: dict[int, int] = {}
    for parent, step, times in connection.exec_driver_sql(
        "SELECT parent_id, step_id, COUNT(*) FROM completion WHERE tree_id = ? "
        f"AND id <= {as_of['completion']} GROUP BY parent_id, step_id",
        (tree_id,),
    ):
        if step is None:
            unparsed[parent] = times
        else:
            said[step] = said.get(step, 0) + times
    return said, unparsed


def _reward_tests(connection: Connection, tree_id: int, as_of: AsOf) -> dict[int, bool]:
    """Whether a tree's programs pass every case that is not withdrawn, of its test set or of that which it was re-scored
    with; only those with all verdicts."""
    on = rescores.newest(connection, tree_id, as_of.get("rescore", 0))
    test_set = "x.test_set_id" if on is None else str(on.test_set)
    items = (
        f"SELECT i.test_case_id FROM tree x JOIN test_set_item i ON i.test_set_id = {test_set} "
        f"WHERE x.id = ? AND NOT {withdrawn('i.test_case_id', str(as_of['test_withdrawal']))}"
    )
    wanted = connection.exec_driver_sql(f"SELECT COUNT(*) FROM ({items})", (tree_id,)).scalar() or 0
    rows = connection.exec_driver_sql(
        f"SELECT v.program_id, COUNT(*), SUM(v.code = 'AC') {_VERDICTS} AND v.id <= {as_of['verdict']} "
        f"AND v.test_case_id IN ({items}) GROUP BY v.program_id",
        (tree_id, tree_id, tree_id),
    )
    return {program: passed == found for program, found, passed in rows if found == wanted}


def _generated_tests(connection: Connection, tree_id: int, as_of: AsOf) -> dict[int, bool]:
    """Whether a tree's programs pass the generated cases they were run on: those that the reference passes, and that
    measure nothing."""
    rows = connection.exec_driver_sql(
        f"SELECT v.program_id, COUNT(*), SUM(v.code = 'AC') {_VERDICTS} AND v.id <= {as_of['verdict']} "
        f"AND EXISTS (SELECT 1 FROM generated_case g WHERE g.test_case_id = v.test_case_id AND g.valid = 1 "
        f"AND g.completion_id <= {as_of['completion']}) AND NOT {withdrawn('v.test_case_id', str(as_of['test_withdrawal']))} "
        "AND NOT EXISTS (SELECT 1 FROM test_set_item i JOIN test_set t ON t.id = i.test_set_id "
        "WHERE i.test_case_id = v.test_case_id AND t.purpose IN ('audit', 'held-out')) GROUP BY v.program_id",
        (tree_id, tree_id),
    )
    return {program: passed == found for program, found, passed in rows}


_VERDICTS = (
    "FROM verdict v WHERE v.program_id IN (SELECT s.program_id FROM step s WHERE s.tree_id = ?) "
    "AND v.profile_id = (SELECT y.profile_id FROM tree y WHERE y.id = ?)"
)
