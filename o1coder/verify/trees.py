"""Tree by tree, from its facts: the canonical export behind its digest, rewards against verdicts, labels against draws.

The functions are those that wrote the facts. A label of a job other than the tree's own is left alone: that job knew more.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.lab import Lab
from o1coder.labels import estimate_of
from o1coder.reward import terminal_reward
from o1coder.search.export import tree_digest
from o1coder.search.facts import Fact, RolloutFact, StepFact
from o1coder.search.values import hard_label, recorded_values
from o1coder.trees import export_rows, step_ids, stored_facts
from o1coder.verify.findings import Findings
from o1coder.withdrawn import withdrawn

BATCH = 32  # trees a read transaction


def check(lab: Lab, found: Findings) -> None:
    """Every tree with its end, rollouts and labels, as they stand in one moment each."""
    with lab.reading() as connection:
        ids = [row[0] for row in connection.exec_driver_sql("SELECT id FROM tree ORDER BY id")]
    for start in range(0, len(ids), BATCH):
        with lab.reading() as connection:
            for tree_id in ids[start : start + BATCH]:
                try:
                    _tree(connection, tree_id, found)
                except KeyError as error:
                    found.disagree("tree-steps", "tree", tree_id, "facts of steps in this tree", f"one of step {error}")


def _tree(connection: Connection, tree_id: int, found: Findings) -> None:
    facts = stored_facts(connection, tree_id)
    end = connection.exec_driver_sql("SELECT digest FROM tree_end WHERE tree_id = ?", (tree_id,)).first()
    if end is not None:
        found.count("tree_end", 1)
        derived = tree_digest(export_rows(connection, tree_id, facts))
        if derived != end[0]:
            found.disagree("tree-digest", "tree_end", tree_id, derived, end[0])
    kind, preset, job_id, config = connection.exec_driver_sql(
        "SELECT kind, preset, job_id, config FROM tree WHERE id = ?", (tree_id,)
    ).one()
    settings = json.loads(config)
    rollouts = [fact for fact in facts if isinstance(fact, RolloutFact)]
    _once(connection, tree_id, settings, facts, rollouts, found)
    searched = preset != "grpo" and kind != "cases"
    _verdicts(connection, tree_id, rollouts, found, exact=searched)
    if searched:
        _rewards(tree_id, rollouts, found)
    _labels(connection, tree_id, job_id, settings, facts, found)


def _once(
    connection: Connection,
    tree_id: int,
    settings: Mapping[str, Any],
    facts: Sequence[Fact],
    rollouts: Sequence[RolloutFact],
    found: Findings,
) -> None:
    """Every program ends one rollout, as a flush holds whole rounds; but where a search visits leaves again it may end more,
    and where only some siblings become rollouts it may end none."""
    times = Counter(rollout.leaf for rollout in rollouts if rollout.code is not None)
    steps = [fact.path for fact in facts if isinstance(fact, StepFact) and fact.code is not None]
    missing = [path for path in steps if path not in times] if settings.get("siblings", "all") == "all" else []
    twice = [path for path, n in times.items() if n > 1] if not settings.get("revisit", False) else []
    ids = step_ids(connection, tree_id) if missing or twice else {}
    for path in missing:
        found.disagree("rollout-missing", "step", ids[path], "a rollout", "none")
    for path in twice:
        last = max(rollout.ordinal for rollout in rollouts if rollout.leaf == path)
        found.disagree("rollout-twice", "rollout", f"{tree_id}:{last}", f"one rollout of step {ids[path]}", times[path])


def _verdicts(
    connection: Connection, tree_id: int, rollouts: Sequence[RolloutFact], found: Findings, *, exact: bool
) -> None:
    """`passed` and `total` against the stored verdicts.

    A question is stored once: where a job asked again what another had asked (`exact` false), only the verdicts that are
    its own bind it, and a case that was ever withdrawn may have been left out or not: its trainer took its cases along
    before the tree was begun.
    """
    ever = "EXISTS (SELECT 1 FROM test_withdrawal w WHERE w.test_case_id = t.id)"
    cases = {
        row[0]: bool(row[1])
        for row in connection.exec_driver_sql(
            f"SELECT t.digest, {'0' if exact else ever} FROM tree x "
            "JOIN test_set_item i ON i.test_set_id = x.test_set_id JOIN test_case t ON t.id = i.test_case_id "
            f"WHERE x.id = ? AND NOT ({withdrawn('t.id', 'x.withdrawals') if exact else '0'})",
            (tree_id,),
        )
    }
    least = sum(not doubtful for doubtful in cases.values())
    own = None if exact else _own(connection, tree_id)
    for rollout in rollouts:
        if rollout.reward is None:
            continue
        name = f"{tree_id}:{rollout.ordinal}"
        if not least <= rollout.total <= len(cases):
            found.disagree("rollout-total", "rollout", name, _span(least, len(cases)), rollout.total)
        if rollout.code is None:
            if rollout.passed:
                found.disagree("rollout-passed", "rollout", name, 0, rollout.passed)
            continue
        binding = {c: v for c, v in rollout.cases.items() if own is None or (rollout.code, c) in own}
        sure = sum(code == "AC" for case, code in binding.items() if not cases[case])
        unbound = 0 if own is None else sum(case not in binding for case in cases)
        most = sure + unbound + sum(code == "AC" for case, code in binding.items() if cases[case])
        judged = sum(not cases[case] for case in rollout.cases)
        if judged < least:
            found.disagree("verdict-missing", "rollout", name, f"{least} verdicts", judged)
        elif not sure <= rollout.passed <= most:
            found.disagree("rollout-passed", "rollout", name, _span(sure, most), rollout.passed)


def _own(connection: Connection, tree_id: int) -> set[tuple[str, str]]:
    """(program, case) of the verdicts that the tree's own job stored."""
    return {
        (row[0], row[1])
        for row in connection.exec_driver_sql(
            "SELECT DISTINCT g.code, t.digest FROM tree x JOIN rollout r ON r.tree_id = x.id "
            "JOIN program g ON g.id = r.program_id JOIN verdict v ON v.program_id = g.id "
            "AND v.profile_id = x.profile_id AND v.job_id = x.job_id JOIN test_case t ON t.id = v.test_case_id "
            "WHERE x.id = ?",
            (tree_id,),
        )
    }


def _span(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _rewards(tree_id: int, rollouts: Sequence[RolloutFact], found: Findings) -> None:
    for rollout in rollouts:
        if rollout.reward is None:
            continue
        derived = 0.0
        if rollout.code is not None:
            alpha = rollout.terms.get("alpha", 0.0)
            derived = terminal_reward(rollout.compiled, rollout.passed, rollout.total, alpha)
        if rollout.reward != derived:
            found.disagree("rollout-reward", "rollout", f"{tree_id}:{rollout.ordinal}", derived, rollout.reward)


def _labels(
    connection: Connection,
    tree_id: int,
    job_id: int,
    settings: Mapping[str, Any],
    facts: Sequence[Fact],
    found: Findings,
) -> None:
    stored: dict[int, Any] = {
        row.step_id: row
        for row in connection.exec_driver_sql(
            "SELECT l.id, l.step_id, l.value, l.v, l.v_pass, l.k, l.c, l.estimate FROM label l "
            "JOIN step s ON s.id = l.step_id WHERE s.tree_id = ? AND l.job_id = ? AND l.source = 'search'",
            (tree_id, job_id),
        )
    }
    if not stored:
        return  # not every tree is labelled: an evaluation's are not
    steps = [fact for fact in facts if isinstance(fact, StepFact)]
    values = recorded_values(settings, facts)
    made = sorted({estimate_of(settings), estimate_of(settings, "mc")})
    ids = step_ids(connection, tree_id)
    for step in steps:
        value = values.get(step.path)
        label = stored.pop(ids[step.path], None)
        if value is None or value.k == 0:
            if label is not None:
                found.disagree("label-value", "label", label.id, "no label: nothing was drawn below", label.value)
        elif label is None:
            found.disagree("label-missing", "step", ids[step.path], f"a label, k={value.k} c={value.c}", "none")
        else:
            derived = (hard_label(value, terminal=step.action == "code"), value.v, value.v_pass, value.k, value.c)
            seen = (label.value, label.v, label.v_pass, label.k, label.c)
            if derived != seen:
                found.disagree("label-value", "label", label.id, _said(derived), _said(seen))
            elif label.estimate not in made:
                found.disagree("label-estimate", "label", label.id, " or ".join(made), label.estimate)


def _said(values: tuple[Any, ...]) -> str:
    return "{} v={} v_pass={} k={} c={}".format(*values)
