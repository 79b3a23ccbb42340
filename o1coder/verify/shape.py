"""Trees as a whole, by one query a rule: what belongs to whom, which ordinals there are, nothing twice, nothing half.

Each rule selects the rows that break it, with what was expected and what was found.
"""

from __future__ import annotations

from typing import NamedTuple

from o1coder.lab import Lab
from o1coder.models.judge import CODES
from o1coder.verify.findings import Findings


class _Rule(NamedTuple):
    kind: str
    table: str
    broken: str  # SELECT id, expected, found


_STORED = ", ".join(f"'{code}'" for code in CODES)

RULES = (
    _Rule(
        "tree-root",
        "tree",
        "SELECT x.id, 'one root', COUNT(s.id) FROM tree x LEFT JOIN step s ON s.tree_id = x.id AND s.parent_id IS NULL "
        "GROUP BY x.id HAVING COUNT(s.id) <> 1",
    ),
    _Rule(
        "step-tree",
        "step",
        "SELECT s.id, 'tree ' || p.tree_id, 'tree ' || s.tree_id FROM step s JOIN step p ON p.id = s.parent_id "
        "WHERE s.tree_id <> p.tree_id",
    ),
    _Rule(
        "step-depth",
        "step",
        "SELECT s.id, COALESCE(p.depth + 1, 0), s.depth FROM step s LEFT JOIN step p ON p.id = s.parent_id "
        "WHERE s.depth <> COALESCE(p.depth + 1, 0)",
    ),
    _Rule(  # a child's ordinal is that of the completion that said it first: the first applied, not always the lowest
        "step-ordinal",
        "step",
        "SELECT s.id, c.ordinal, s.ordinal FROM step s JOIN completion c ON c.id = "
        "(SELECT MIN(f.id) FROM completion f WHERE f.step_id = s.id) WHERE c.ordinal <> s.ordinal",
    ),
    _Rule(
        "step-program",
        "step",
        "SELECT s.id, 'a program of problem ' || x.problem_id, 'one of problem ' || g.problem_id FROM step s "
        "JOIN tree x ON x.id = s.tree_id JOIN program g ON g.id = s.program_id WHERE g.problem_id <> x.problem_id",
    ),
    _Rule(
        "completion-parent",
        "completion",
        "SELECT c.id, 'tree ' || c.tree_id, 'tree ' || p.tree_id FROM completion c JOIN step p ON p.id = c.parent_id "
        "WHERE p.tree_id <> c.tree_id",
    ),
    _Rule(
        "completion-step",
        "completion",
        "SELECT c.id, 'a child of step ' || c.parent_id, 'a child of ' || COALESCE(s.parent_id, 'nothing') "
        "FROM completion c JOIN step s ON s.id = c.step_id WHERE s.parent_id IS NOT c.parent_id",
    ),
    _Rule(  # a hole would be something in flight that was never stored: right only while several rounds are under way
        "completion-ordinals",
        "completion",
        "SELECT MIN(c.id), '0 to ' || (COUNT(*) - 1), MIN(c.ordinal) || ' to ' || MAX(c.ordinal) FROM completion c "
        "JOIN tree x ON x.id = c.tree_id LEFT JOIN tree_end e ON e.tree_id = x.id "
        "WHERE NOT (CASE WHEN json_valid(x.config) THEN COALESCE(json_extract(x.config, '$.in_flight'), 1) ELSE 1 END > 1 "
        "AND COALESCE(e.reason, 'budget') = 'budget') "
        "GROUP BY c.tree_id, c.parent_id HAVING MIN(c.ordinal) <> 0 OR MAX(c.ordinal) <> COUNT(*) - 1",
    ),
    _Rule(
        "rollout-ordinals",
        "tree",
        "SELECT r.tree_id, 'rollouts 0 to ' || (COUNT(*) - 1), MIN(r.ordinal) || ' to ' || MAX(r.ordinal) "
        "FROM rollout r GROUP BY r.tree_id HAVING MIN(r.ordinal) <> 0 OR MAX(r.ordinal) <> COUNT(*) - 1",
    ),
    _Rule(
        "rollout-leaf",
        "rollout",
        "SELECT r.id, 'program ' || COALESCE(s.program_id, 'none') || ' of tree ' || s.tree_id, "
        "'program ' || COALESCE(r.program_id, 'none') || ' of tree ' || r.tree_id FROM rollout r "
        "JOIN step s ON s.id = r.leaf_id WHERE r.tree_id <> s.tree_id OR r.program_id IS NOT s.program_id",
    ),
    _Rule(
        "verdict-unsound",
        "verdict",
        f"SELECT v.id, 'a verdict of an isolated run', v.code || ' at ' || v.layer FROM verdict v "
        f"WHERE v.code NOT IN ({_STORED}) OR v.layer = 'L0'",
    ),
    _Rule(
        "verdict-problem",
        "verdict",
        "SELECT v.id, 'a case of problem ' || g.problem_id, 'one of problem ' || t.problem_id FROM verdict v "
        "JOIN program g ON g.id = v.program_id JOIN test_case t ON t.id = v.test_case_id WHERE g.problem_id <> t.problem_id",
    ),
    _Rule(
        "test-set-problem",
        "test_set",
        "SELECT s.id, 'cases of problem ' || s.problem_id, 'one of problem ' || t.problem_id FROM test_set s "
        "JOIN test_set_item i ON i.test_set_id = s.id JOIN test_case t ON t.id = i.test_case_id "
        "WHERE t.problem_id <> s.problem_id",
    ),
    _Rule(
        "label-retraction",
        "label",
        "SELECT r.id, 'a human label of step ' || r.step_id, COALESCE(l.source || ' label of step ' || l.step_id, 'none') "
        "FROM label r LEFT JOIN label l ON l.id = r.retracts WHERE r.retracts IS NOT NULL "
        "AND (l.step_id IS NOT r.step_id OR l.source <> 'human' OR l.retracts IS NOT NULL OR l.id > r.id)",
    ),
    _Rule(
        "label-root",
        "label",
        "SELECT l.id, 'a step', 'the root' FROM label l JOIN step s ON s.id = l.step_id WHERE s.parent_id IS NULL",
    ),
)


def check(lab: Lab, found: Findings) -> None:
    """Every rule, each in a read of its own."""
    for name in ("step", "completion", "rollout", "verdict", "label", "score"):
        with lab.reading() as connection:
            found.count(name, int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {name}").scalar() or 0))
    for rule in RULES:
        with lab.reading() as connection:
            for row_id, expected, seen in connection.exec_driver_sql(rule.broken):
                found.disagree(rule.kind, rule.table, row_id, expected, seen)
