"""Who gets what: properties of the choice, and leases that hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from o1coder.errors import LabError
from o1coder.jobs import alive, lease, verbs, watch
from o1coder.lab import Lab
from o1coder.queries import jobs as queries

NEEDS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12).map(
    lambda pairs: [lease.Need(i + 1, slots, gpus) for i, (slots, gpus) in enumerate(pairs)]
)


@given(NEEDS, st.integers(1, 4), st.integers(0, 4), st.data())
def test_no_grant_exceeds_what_is_free(queue: list[lease.Need], slots: int, gpus: int, data: st.DataObject) -> None:
    free_slots = data.draw(st.integers(0, slots))
    free = [f"GPU-{i}" for i in range(data.draw(st.integers(0, gpus)))]
    grants = lease.choose(queue, slots, free_slots, gpus, free)
    taken = [gpu for grant in grants for gpu in grant.gpus]
    assert len(set(taken)) == len(taken)
    assert set(taken) <= set(free)
    assert sum(grant.slots for grant in grants) <= free_slots
    granted = {grant.job_id for grant in grants}
    for need in queue:
        want = lease.demand(need, slots, gpus)
        if want == (0, 0):
            assert need.job_id in granted, "a coordinator never waits"
        for later in queue[need.job_id :]:  # oldest first among those that want the same
            if need.job_id not in granted and later.job_id in granted:
                both = lease.demand(later, slots, gpus)
                assert not (want[0] and both[0])
                assert not (want[1] and both[1])


@given(NEEDS, st.integers(1, 4), st.integers(0, 4))
def test_on_an_idle_machine_the_oldest_always_starts(queue: list[lease.Need], slots: int, gpus: int) -> None:
    grants = lease.choose(queue, slots, slots, gpus, [f"GPU-{i}" for i in range(gpus)])
    assert not queue or queue[0].job_id in {grant.job_id for grant in grants}


def test_a_gpu_job_without_gpus_takes_a_slot() -> None:
    assert lease.demand(lease.Need(1, slots=1, gpus=1), 2, 0) == (1, 0)
    assert lease.demand(lease.Need(1, slots=0, gpus=1), 2, 0) == (1, 0)
    assert lease.demand(lease.Need(1, slots=1, gpus=4), 2, 1) == (0, 1)


@pytest.mark.parametrize(
    ("allowed", "seen"), [(None, True), ("", False), ("1", True), ("0", False), ("GPU-ab", True), ("GPU-b", False)]
)
def test_a_schedulers_allocation_is_respected(allowed: str | None, seen: bool) -> None:
    assert lease._visible(1, "GPU-abc", allowed) is seen


def test_slots_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("O1CODER_SLOTS", raising=False)
    assert lease.cpu_slots() == 1
    monkeypatch.setenv("O1CODER_SLOTS", "0")
    with pytest.raises(LabError, match="O1CODER_SLOTS"):
        lease.cpu_slots()


def test_one_gpu_is_leased_once_and_given_back_when_its_job_is_gone(
    lab: Lab, no_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (verbs.enqueue(lab, "probe", {"seed": seed}) for seed in (1, 2))
    with lab.writing() as connection:
        connection.exec_driver_sql("UPDATE job SET gpus = 1")
    watcher = watch.Watcher(lab, ["true"], 1, ["GPU-a"], 1.0)
    monkeypatch.setattr(watcher, "_spawn", lambda watched: None)
    assert watcher.start_queued()
    assert queries.job(lab, first).gpus == ("GPU-a",)
    assert queries.job(lab, second).gpus == ()
    assert queries.job(lab, second).attempts == 0
    with lab.reading() as connection:
        assert list(lease.held(connection, alive.host())) == ["GPU-a"]
    with pytest.raises(IntegrityError), lab.writing() as connection:
        watch.claim(connection, lease.Grant(second, 0, ("GPU-a",)), alive.host(), alive.boot_id())
    verbs.cancel(lab, first)
    watcher.look(0.0)
    watcher.start_queued()
    assert queries.job(lab, second).gpus == ("GPU-a",)
