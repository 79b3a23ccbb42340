"""What is kept of prompts: shared beginnings that end where prompts part, and blocks that go when they were not used."""

from __future__ import annotations

from o1coder.sampling.prefixes import AT_MOST, WORTH, Beginnings, common

EXAMPLE = tuple(range(1000, 1000 + 2 * WORTH))
OTHER = tuple(range(5000, 5000 + 2 * WORTH))


def prompt(example: tuple[int, ...], problem: int, step: int = 0) -> tuple[int, ...]:
    return (*example, *range(problem * 100, problem * 100 + 20), step, step + 1)


def test_a_beginning_ends_where_most_prompts_part() -> None:
    beginnings = Beginnings()
    siblings = [prompt(EXAMPLE, 1)] * 3
    assert beginnings.assign(siblings) == [siblings[0][:-1]] * 3
    mixed = [prompt(EXAMPLE, problem, step) for problem in range(2, 6) for step in range(3)]
    assert beginnings.assign([*siblings, *mixed]) == [EXAMPLE] * 15
    assert beginnings.known == [EXAMPLE]
    assert beginnings.assign([EXAMPLE])[0] == EXAMPLE[:-1], "a prompt's last token is its own"


def test_prompts_of_two_kinds_keep_two_beginnings() -> None:
    beginnings = Beginnings()
    for problem in range(8):
        beginnings.assign([prompt(EXAMPLE, problem), prompt(OTHER, problem)])
    assert beginnings.assign([prompt(EXAMPLE, 9), prompt(OTHER, 9), (1, 2, 3)]) == [EXAMPLE, OTHER, ()]
    assert len(beginnings.known) == 2


def test_few_are_held_and_short_ones_never() -> None:
    beginnings = Beginnings()
    for kind in range(9):
        example = tuple(range(10**6 * (kind + 1), 10**6 * (kind + 1) + WORTH))
        beginnings.assign([prompt(example, 1), prompt(example, 2)])
        beginnings.assign([prompt(example[: WORTH - 1], 3), prompt(example[: WORTH - 1], 4)])
        assert len(beginnings.known) <= AT_MOST
        assert beginnings.known[0] == example


def test_common_beginnings() -> None:
    assert common((1, 2, 3), (1, 2, 4), 9) == 2
    assert common((1, 2, 3), (1, 2, 3), 2) == 2
    assert common((1,), (), 5) == 0


def test_what_was_used_last_stays() -> None:
    import torch

    from o1coder.sampling.kept import Kept

    def read(begin: int, end: int) -> torch.Tensor:
        return torch.arange(begin, end, dtype=torch.float32).expand(1, 2, 1, end - begin)

    kept = Kept(limit=4 * 2 * 4 * 4, block=4)  # four blocks of four tokens
    first, second = tuple(range(12)), (0, 1, 2, 3, 9, 9, 9, 9)
    kept.keep(first[:10], read)
    assert [block.shape[-1] for block in kept.find(first)] == [4, 4], "a part of a block is not kept"
    kept.keep(second, read)
    assert kept.find((7, *first)) == []
    assert kept.find(first, root=1) == []
    kept.find(first)
    kept.keep((5,) * 8, read)
    assert len(kept.find(first)) == 2
    assert len(kept.find(second)) == 1, "its end was the longest unused; its beginning is the other's too"
    assert kept.bytes == kept.limit
    kept.keep((6, 6), read, root=256, tail=True)
    assert len(kept.find((6, 6), root=256)) == 1
    assert kept.find((6, 6, 6), root=256) == []
    assert torch.equal(kept.find(first)[1][0, 0, 0], torch.arange(4.0, 8.0))
