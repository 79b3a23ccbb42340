"""A sampler that answers what has been sampled before, and asks another one for the rest.

A request is known by its prompt and its seed: in a search both are functions of where the completion stands. What is known
is answered as it is pulled; what is not goes to the sampler behind, whose own counts and spec stay its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from o1coder.flow import Pull, answers
from o1coder.sampling import Request, Sample, Sampler

ROOM = 64  # requests looked at while nothing is under way behind

Known = Mapping[tuple[str, int], Sample]  # by prompt and seed


class Served:
    """See the head of this file. `served` and `passed_on` count requests."""

    def __init__(self, sampler: Sampler, known: Known) -> None:
        self.spec, self.reproducible = sampler.spec, sampler.reproducible
        self.served = self.passed_on = 0
        self._sampler, self._known = sampler, known

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        """As the protocol says."""
        return answers(self.stream, requests)

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        """As the protocol says. The stream behind is drained when something known comes up, and begun again after it."""
        ready: deque[tuple[int, Sample]] = deque()
        waiting: deque[tuple[int, Request]] = deque()
        pulled, ended = 0, False

        def take(room: int, idle: bool) -> None:
            nonlocal pulled, ended
            asked = pull(room, idle)
            if asked is None:
                ended = True
                return
            for request in asked:
                known = self._known.get((request.prompt, request.seed))
                if known is None:
                    waiting.append((pulled, request))
                else:
                    ready.append((pulled, known))
                pulled += 1

        def behind(numbers: list[int]) -> Pull[Request]:
            def give(room: int, idle: bool) -> list[Request] | None:
                if room == 0 or (not waiting and not ready and not ended):
                    take(room, idle)  # room 0: the server is waiting, and the caller may want no more
                if not waiting:
                    return None if ready or ended else []
                some = [waiting.popleft() for _ in range(min(room, len(waiting)))]
                numbers.extend(number for number, _ in some)
                return [request for _, request in some]

            return give

        while True:
            while ready:
                self.served += 1
                yield ready.popleft()
            if waiting:
                numbers: list[int] = []
                for number, sample in self._sampler.stream(behind(numbers)):
                    self.passed_on += 1
                    yield numbers[number], sample
            elif ended:
                return
            else:
                take(ROOM, True)

    def close(self) -> None:
        """Close the sampler behind."""
        self._sampler.close()
