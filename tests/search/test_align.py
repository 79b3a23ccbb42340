"""Which steps of two trees correspond: every step once, equal texts first, then the likest, never across actions."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder.search.align import ALIKE, Pair, align, likeness

Steps = dict[tuple[int, ...], tuple[str, str]]
WORDS = ["sum the list", "sum of the list", "sort it", "loop over xs"]


@st.composite
def trees(draw: st.DrawFn) -> Steps:
    """A tree of at most three levels; siblings never say the same."""
    steps: Steps = {}

    def grow(path: tuple[int, ...], depth: int) -> None:
        said = draw(
            st.lists(
                st.tuples(st.sampled_from(["structure", "refine", "code"]), st.sampled_from(WORDS)),
                max_size=3,
                unique=True,
            )
        )
        for n, step in enumerate(said):
            steps[(*path, n)] = step
            if depth < 2:
                grow((*path, n), depth + 1)

    grow((), 0)
    return steps


@settings(max_examples=80, deadline=None)
@given(trees(), trees())
def test_every_step_stands_once_below_its_parents_pair(a: Steps, b: Steps) -> None:
    pairs = align(a, b)  # type: ignore[arg-type]
    assert sorted(p.a for p in pairs if p.a) == sorted(a)
    assert sorted(p.b for p in pairs if p.b) == sorted(b)
    seen = {(): ()}
    for pair in pairs:
        if pair.a and pair.b:
            assert seen[pair.a[:-1]] == pair.b[:-1]
            assert a[pair.a][0] == b[pair.b][0]
            assert pair.alike is not None
            assert pair.alike >= ALIKE
            assert (pair.alike == 1.0) == (a[pair.a] == b[pair.b])
            seen[pair.a] = pair.b


@settings(max_examples=40, deadline=None)
@given(trees(), trees())
def test_a_tree_beside_itself_is_equal_and_the_other_way_round_is_the_same(a: Steps, b: Steps) -> None:
    assert align(a, a) == sorted([Pair(p, p, 1.0) for p in a], key=lambda p: p.a or ())  # type: ignore[arg-type]
    there = {(p.a, p.b) for p in align(a, b) if p.alike == 1.0}  # type: ignore[arg-type]
    back = {(p.b, p.a) for p in align(b, a) if p.alike == 1.0}  # type: ignore[arg-type]
    roots = [pair for pair in there if pair[0] is not None and len(pair[0]) == 1]
    assert set(roots) <= back


def test_equal_texts_come_before_likeness_and_the_likest_before_the_oldest() -> None:
    a = {(0,): ("refine", "sum of the list"), (1,): ("refine", "sum the list"), (2,): ("code", "sum the list")}
    b = {(0,): ("refine", "sum the list"), (1,): ("refine", "sum of a list"), (2,): ("refine", "turn it around")}
    assert align(a, b) == [  # type: ignore[arg-type]
        Pair((0,), (1,), likeness("sum of the list", "sum of a list")),
        Pair((1,), (0,), 1.0),
        Pair((2,), None, None),
        Pair(None, (2,), None),
    ]


def test_below_a_step_of_one_tree_everything_is_of_that_tree() -> None:
    a = {(0,): ("structure", "alpha"), (0, 0): ("code", "same")}
    b = {(0,): ("structure", "omega"), (0, 0): ("code", "same")}
    assert [(p.a, p.b) for p in align(a, b)] == [  # type: ignore[arg-type]
        ((0,), None),
        ((0, 0), None),
        (None, (0,)),
        (None, (0, 0)),
    ]
