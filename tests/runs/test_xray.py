"""The reward taken apart: every figure against the rows it is of; hacking is told from learning; a group's advantages."""

from __future__ import annotations

import pytest

from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import drift, groups, xray
from tests.runs.conftest import Made
from tests.runs.lab import GENERATIONS, PROBLEMS


def test_an_iteration_adds_up(runs: Made) -> None:
    with Lab(runs.home).reading() as connection:
        taken = xray.taken(connection, runs.ids.honest)
        rows = xray.iterations(connection, runs.ids.honest, taken)
    assert [row.iteration for row in rows] == list(range(1, 13))
    first, last = rows[0], rows[-1]
    assert (first.rollouts, first.groups, first.masked) == (PROBLEMS * GENERATIONS, PROBLEMS, 1)
    assert (first.all, first.none, first.mixed) == (1, 0, PROBLEMS - 1)
    assert first.solved == pytest.approx((4 + 5 * 1) / 23)  # one of 24 is masked
    assert last.solved == pytest.approx((4 + 5 * 3) / 24)
    assert first.zero_std == pytest.approx(1 / PROBLEMS)
    for row in rows:
        assert row.all + row.none + row.mixed == row.groups
        mixed = 0.8 * row.terms["outcome"] + 0.2 * row.terms["process"]
        assert row.reward == pytest.approx(mixed)
        assert row.low is not None
        assert row.high is not None
        assert row.low <= row.reward <= row.high
    assert last.logged["kl"] == pytest.approx(0.01)
    assert (last.audited, last.audit) == (24, pytest.approx(19 / 24))
    assert last.audited_solved == last.solved


def test_hacking_is_told_from_learning(runs: Made) -> None:
    with Lab(runs.home).reading() as connection:
        told = {}
        for job in (runs.ids.hacked, runs.ids.honest):
            taken = xray.taken(connection, job)
            changed = drift.changes(taken)
            told[job] = (drift.findings(xray.iterations(connection, job, taken), changed), changed)
    findings, changed = told[runs.ids.hacked]
    assert findings[0].startswith("reward hacking: reward +")
    by = {one.name: one for one in changed}
    assert by["reward"].low is not None
    assert by["reward"].low > 0
    assert by["audit"].high is not None
    assert by["audit"].high < 0
    assert by["reward"].problems == PROBLEMS
    assert not any("hacking" in line for line in told[runs.ids.honest][0])
    assert any("1 of 288 rollouts are masked" in line for line in findings)


def test_audit_counts_only_what_is_known(runs: Made) -> None:
    """A program with some audit verdicts, all right, is not known to pass; one wrong verdict is enough."""
    lab, job = Lab(runs.home), runs.ids.honest
    with lab.reading() as connection:
        known = xray.audited(connection, job)
        good = next(program for program, passes in known.items() if passes)
        bad = next(program for program, passes in known.items() if not passes)
    with lab.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER verdict_no_delete")
        connection.exec_driver_sql(
            "DELETE FROM verdict WHERE id = (SELECT MAX(v.id) FROM verdict v WHERE v.program_id = ?)", (good,)
        )
    with lab.reading() as connection:
        fewer = xray.audited(connection, job)
    assert good not in fewer
    assert fewer[bad] is False
    assert len(fewer) == len(known) - 1


def test_a_withdrawn_audit_test_counts_no_more(runs: Made) -> None:
    from o1coder.problems import withdrawals

    lab, job = Lab(runs.home), runs.ids.honest
    with lab.reading() as connection:
        before = xray.audited(connection, job)
        failing = next(program for program, passes in before.items() if not passes)
        case = connection.exec_driver_sql(
            "SELECT test_case_id FROM verdict WHERE program_id = ? AND code <> 'AC'", (failing,)
        ).scalar()
    with lab.writing() as connection:
        withdrawals.withdraw(connection, str(case), "wrong", "ann")
    with lab.reading() as connection:
        assert failing not in xray.audited(connection, job)  # the other test was never run


def test_groups_and_their_rollouts(runs: Made) -> None:
    with Lab(runs.home).reading() as connection:
        taken = xray.taken(connection, runs.ids.honest)
        found = groups.groups(connection, taken, 12)
        assert [(g.rollouts, g.solved, g.audit) for g in found] == [(4, 3, 3)] * 5 + [(4, 4, 4)]
        assert (found[-1].sd, found[-1].problem) == (0.0, PROBLEMS)
        rollouts = groups.rollouts_of(connection, taken, found[0].tree)
        with pytest.raises(LabError, match="no iteration 13"):
            groups.groups(connection, taken, 13)
        with pytest.raises(LabError, match="holds no rollouts of this job"):
            groups.rollouts_of(connection, taken, 1)
    assert sum(one.advantage or 0 for one in rollouts) == pytest.approx(0)
    assert [one.path for one in rollouts] == ["0.0", "1.0", "2.0", "3.0"]
    assert [(s.path, s.action, s.score) for s in rollouts[1].steps] == [("1", "structure", 0.9), ("1.0", "code", 0.5)]
    assert (rollouts[1].tokens_out, rollouts[1].audit, rollouts[3].audit) == (31, True, False)


def test_a_search_has_one_row_without_a_number(runs: Made) -> None:
    with Lab(runs.home).reading() as connection:
        taken = xray.taken(connection, runs.ids.search)
        [row] = xray.iterations(connection, runs.ids.search, taken)
        assert (row.iteration, row.rollouts, row.groups) == (None, 3, 1)
        assert drift.changes(taken) == []
        [group] = groups.groups(connection, taken, None)
        assert len(groups.rollouts_of(connection, taken, group.tree)) == 3
        with pytest.raises(LabError, match="made no rollouts"):
            xray.taken(connection, runs.ids.sft)


def test_an_iteration_that_was_repeated_counts_once(runs: Made) -> None:
    """What a killed attempt had written of an iteration that the next one did again is not in any mean."""
    lab, job = Lab(runs.home), runs.ids.honest
    with lab.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO attempt(job_id, n, host, boot_id, started_at, heartbeat_at, done, total, versions, code_digest, "
            "resumed_from_iteration) VALUES (?, 2, 'h', 'b', '', '', 0, 0, '{}', '', 8)",
            (job,),
        )
    with lab.reading() as connection:
        rows = xray.iterations(connection, job, xray.taken(connection, job))
    assert [row.iteration for row in rows] == list(range(1, 9))
    assert "kl" in rows[-1].logged


def test_a_histogram_counts_every_known_reward_once() -> None:
    rewards = [0.0, 0.0, 1.0, None, 0.05, 0.95, 0.5, 1.3, -0.2]
    bins = xray.histogram(rewards)
    assert sum(n for *_, n in bins) == 8
    assert bins[0] == (0.0, 0.0, 2)
    assert bins[-1] == (1.0, 1.0, 1)
    assert xray.histogram([]) == []
