"""Work that flows: a server pulls requests while it has room, and gives each answer as soon as it is known.

One shape for samplers, scorers and the judge, so that a caller with many trees never waits for the slowest of a batch:

    for number, answer in server.stream(pull):   # in any order; requests are numbered as they were pulled, from 0
        ...

The generator works in its caller's thread, or lets threads of its own work, but calls `pull` only while its caller waits for the
next answer. Leaving it early (`close`) drops what is under way. Nothing here samples, judges or starts threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Asked_co = TypeVar("Asked_co", covariant=True)


class Pull(Protocol[Asked_co]):
    """What a server asks its caller: `pull(room, idle)` gives at most `room` requests to begin now.

    An empty list: none at the moment, ask again soon. None: there will be no more, and the stream ends with its last answer.
    `idle` says that nothing is under way, so the caller may wait a moment for something to ask. A server whose answers may be
    long in coming asks with room 0 now and then, even after None, so that its caller can end the stream by an exception.
    """

    def __call__(self, room: int, idle: bool) -> Sequence[Asked_co] | None: ...


def listed(requests: Sequence[Asked]) -> Pull[Asked]:
    """A pull that gives out a list, in order."""
    begun = 0

    def pull(room: int, idle: bool) -> Sequence[Asked] | None:
        nonlocal begun
        if begun == len(requests):
            return None
        taken = requests[begun : begun + room]
        begun += len(taken)
        return taken

    return pull


def answers(stream: Callable[[Pull[Asked]], Iterator[tuple[int, Answer]]], requests: Sequence[Asked]) -> list[Answer]:
    """Every answer to a list of requests, in their order."""
    found = dict(stream(listed(requests)))
    return [found[number] for number in range(len(requests))]


def in_calls(
    call: Callable[[Sequence[Asked]], Sequence[Answer]], pull: Pull[Asked], rows: int
) -> Iterator[tuple[int, Answer]]:
    """A stream from a function that answers a list at once, asked for at most `rows` at a time."""
    number = 0
    while (asked := pull(rows, True)) is not None:
        for answer in call(asked) if asked else ():
            yield number, answer
            number += 1
