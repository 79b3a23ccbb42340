"""A sampler before another one: what is known is not asked again, whatever comes in which order."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from o1coder.sampling import Request, Sample
from o1coder.sampling.fake import FakeSampler
from o1coder.sampling.served import Served


def requests(count: int) -> list[Request]:
    return [Request(f"### Code\n{n}", 20, ("```",), 0.5, 1.0, seed=n) for n in range(count)]


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 5), st.data())
def test_every_request_is_answered_once_by_the_one_that_knows_it(
    known: list[bool], step: int, data: st.DataObject
) -> None:
    asked = requests(len(known))
    stored = {
        (r.prompt, r.seed): Sample(f"kept {r.seed}", 1, 1, None, "stop") for r, k in zip(asked, known, strict=True) if k
    }
    served = Served(FakeSampler(7), stored)
    rest = list(asked)

    def pull(room: int, idle: bool) -> Sequence[Request] | None:
        if not rest:
            return None
        if data.draw(st.booleans()) and not idle:
            return []
        some = rest[: min(room, step)]
        del rest[: len(some)]
        return some

    found = dict(served.stream(pull))
    fresh = FakeSampler(7).sample(asked)
    assert sorted(found) == list(range(len(known)))
    for n, k in enumerate(known):
        assert found[n] == (Sample(f"kept {n}", 1, 1, None, "stop") if k else fresh[n])
    assert (served.served, served.passed_on) == (sum(known), len(known) - sum(known))
    assert (served.spec, served.reproducible) == ("fake:7", True)


def test_a_list_is_answered_in_its_order() -> None:
    asked = requests(4)
    served = Served(FakeSampler(7), {(asked[2].prompt, 2): Sample("kept", 1, 1, None, "stop")})
    assert [s.text == "kept" for s in served.sample(asked)] == [False, False, True, False]
