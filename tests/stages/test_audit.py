"""The programs of a job's rollouts on tests that never rewarded them: judged once, and nothing else is made of it."""

from __future__ import annotations

import pytest

from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import xray
from o1coder.verify import verify
from tests.stages.conftest import Do, count


def test_rollouts_are_judged_on_audit_tests_once_and_labelled_by_none(lab: Lab, do: Do) -> None:
    search = do("synthesize", sampler="fake:7", split="train").job_id
    with lab.reading() as connection:
        before = xray.taken(connection, search)
        asked = xray.to_audit(connection, before)
    assert {one.audit for one in before} == {None}
    labels, scores = count(lab, "SELECT COUNT(*) FROM label"), count(lab, "SELECT COUNT(*) FROM score")
    job = do("audit", rollouts=search).job_id
    with lab.reading() as connection:
        taken = xray.taken(connection, search)
        assert xray.to_audit(connection, taken) == {}
    with_programs = [one for one in taken if one.program is not None]
    assert with_programs
    assert sum(map(len, asked.values())) == len({one.program for one in with_programs})
    for one in with_programs:
        right = count(
            lab,
            "SELECT COUNT(*) FROM verdict v JOIN test_set_item i ON i.test_case_id = v.test_case_id JOIN test_set s "
            "ON s.id = i.test_set_id AND s.purpose = 'audit' WHERE v.program_id = ? AND v.code = 'AC'",
            one.program,
        )
        assert one.audit == (right == 4)
    assert {one.audit for one in with_programs} == {True, False}
    verdicts = count(lab, "SELECT COUNT(*) FROM verdict")
    do("audit", rollouts=search)
    assert count(lab, "SELECT COUNT(*) FROM verdict") == verdicts
    assert count(lab, "SELECT COUNT(*) FROM verdict WHERE job_id = ?", job) > 0
    assert (count(lab, "SELECT COUNT(*) FROM label"), count(lab, "SELECT COUNT(*) FROM score")) == (labels, scores)
    assert verify(lab, quick=False)[1] == []


def test_a_job_without_rollouts_is_said(lab: Lab, do: Do) -> None:
    first = do("synthesize", sampler="fake:7", split="train").job_id
    empty = do("audit", rollouts=first).job_id
    with pytest.raises(LabError, match="made no rollouts"):
        do("audit", rollouts=empty)
