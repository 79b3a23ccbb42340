"""The simulated server: the inner sampler's texts, calls of the said width, counted; its clock is never what is asserted,
but the counts that follow from it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from o1coder.errors import LabError
from o1coder.flow import listed
from o1coder.sampling import Request, Sample, open_sampler
from o1coder.sampling.fake import FakeSampler
from o1coder.sampling.simulate import Server, SimulatedSampler, Use, parse_simulate
from o1coder.stages.synthesize import Synthesize

REQUESTS = [Request(f"prompt {number}", max_tokens=9, seed=number) for number in range(23)]


class Counted(FakeSampler):
    """The scripted sampler, which remembers how many rows each call had."""

    def __init__(self) -> None:
        super().__init__(7)
        self.calls: list[int] = []

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        self.calls.append(len(requests))
        return super().sample(requests)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("latency=50ms,batch=64", Server(0.05, 64)),
        ("batch=1, latency=2s", Server(2.0, 1)),
        ("latency=0.5,batch=8", Server(0.5, 8)),
        ("latency=.5ms,batch=8", Server(0.0005, 8)),
    ],
)
def test_it_is_read(text: str, server: Server) -> None:
    assert parse_simulate(text) == pytest.approx(server)
    assert parse_simulate(parse_simulate(text).text) == pytest.approx(server)


@pytest.mark.parametrize(
    "text",
    ["", "50ms", "latency=50ms", "latency=-1,batch=2", "latency=0ms,batch=2", "latency=5m,batch=2",
     "latency=5ms,batch=0", "latency=5ms,batch=x", "latency=5ms,batch=2,rows=3", "latency=nan,batch=2"],
)  # fmt: skip
def test_what_describes_no_server_is_refused(text: str) -> None:
    for ask in (
        parse_simulate,
        lambda said: Synthesize(simulate=said),
        lambda said: open_sampler("fake:7", simulate=said),
    ):
        with pytest.raises(LabError) as caught:
            ask(text)
        assert "latency=50ms,batch=64" in caught.value.hint


def test_the_texts_are_the_inner_ones_and_the_calls_are_full() -> None:
    inner = Counted()
    sampler = SimulatedSampler(inner, Server(0.002, 8))
    assert sampler.sample(REQUESTS) == FakeSampler(7).sample(REQUESTS)
    assert inner.calls == [8, 8, 7]
    use = sampler.use
    assert (use.rows, use.calls) == (23, 3)
    assert use.busy_s >= 3 * 0.002
    assert use.wall_s >= use.busy_s
    assert use.filled == 23 / 24
    assert 0 < use.used <= use.filled
    assert (sampler.reproducible, sampler.spec) == (True, "fake:7 behind latency=2ms,batch=8")
    assert open_sampler("fake:7", simulate="latency=2ms,batch=8").spec == sampler.spec


def test_what_is_pulled_while_a_call_runs_is_the_next_call() -> None:
    pulled_again = threading.Event()

    class Waits(Counted):
        def sample(self, requests: Sequence[Request]) -> list[Sample]:
            pulled_again.wait()
            return super().sample(requests)

    inner = Waits()
    rooms: list[int] = []
    give = listed(REQUESTS[:12])

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        rooms.append(room)
        if len(rooms) == 2:
            pulled_again.set()
        return give(min(room, 4), idle)

    assert len(list(SimulatedSampler(inner, Server(0.001, 4)).stream(pull))) == 12
    assert inner.calls == [4, 4, 4]
    assert rooms[:2] == [8, 4]


def test_capacity_and_use_are_counted_by_hand() -> None:
    use = Use(rows=96, calls=2, busy_s=0.1, wall_s=0.2, server=Server(0.05, 64))
    assert use.filled == 0.75
    assert use.used == pytest.approx(96 / (0.2 / 0.05 * 64))
    assert Use(0, 0, 0.0, 0.0, Server(0.05, 64)).used == 0


def test_nothing_to_ask_now_is_asked_again() -> None:
    sampler = SimulatedSampler(FakeSampler(7), Server(0.001, 4))
    script: list[Sequence[Request] | None] = [[], [], REQUESTS[:1], [], REQUESTS[1:3], None]

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        return script.pop(0)

    assert dict(sampler.stream(pull)) == dict(enumerate(FakeSampler(7).sample(REQUESTS[:3])))
    assert script == []


def test_a_failure_of_the_inner_one_is_raised_to_the_caller() -> None:
    class Broken(FakeSampler):
        def sample(self, requests: Sequence[Request]) -> list[Sample]:
            raise LabError("the weights are gone")

    with pytest.raises(LabError, match="weights are gone"):
        SimulatedSampler(Broken(7), Server(0.001, 4)).sample(REQUESTS)


def test_closing_says_how_much_was_used_once(caplog: pytest.LogCaptureFixture) -> None:
    sampler = SimulatedSampler(FakeSampler(7), Server(0.001, 8))
    sampler.sample(REQUESTS)
    sampler.close()
    sampler.close()
    assert caplog.text.count("simulated server: 23 rows in 3 calls") == 1


def test_leaving_does_not_wait_for_the_call() -> None:
    sampler = SimulatedSampler(FakeSampler(7), Server(3600.0, 4))

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        if not idle:
            raise KeyboardInterrupt
        return REQUESTS[:2]

    with pytest.raises(KeyboardInterrupt):
        list(sampler.stream(pull))  # or it would take an hour
