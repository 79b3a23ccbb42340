"""Which steps make a pair: each condition of the strict rule by a pair that lacks only it, shapes, weights, edit distance."""

from __future__ import annotations

from dataclasses import replace as changed

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.errors import LabError
from o1coder.mining import RULES, Pair, chosen, differ_by, rule, weights
from o1coder.selection import Excluded, Labelled, StepRow
from o1coder.task import Task

TASK = Task("Add.", "call", "add", "add(a, b)")
LONG = "take a and b, then return their sum, whatever they are"
OTHER = "1. guess a number\n2. give it back without looking at the input"
STRICT = RULES["strict"]


def step(number: int, text: str, k: int, c: int, **more: object) -> Labelled:
    """A refine step of a search, labelled by its counts."""
    action, source = str(more.pop("action", "refine")), str(more.pop("source", "search"))
    row = StepRow(number, 1, action, text, None)
    share = c / k if k else None
    good = more.pop("good", c > 0)
    estimate, v = more.pop("estimate", "mc"), more.pop("v", share)
    assert not more
    return Labelled(
        1,
        1,
        TASK,
        (row,),
        (number,),
        "valid" if good else "invalid",
        source,
        share,
        k or None,
        float(bool(good)),
        c,
        v,
        estimate,  # type: ignore[arg-type]  # fmt: skip
    )


GOOD, BAD = step(1, LONG, 8, 8), step(2, OTHER, 8, 0)


@pytest.mark.parametrize(
    ("better", "worse", "why"),
    [
        (step(1, LONG, 8, 3), BAD, "margin too small"),
        (step(1, LONG, 3, 3), BAD, "fewer than 4 judged draws"),
        (step(1, LONG, 4, 2), BAD, "the counts do not tell them apart"),  # lower bound .15, upper bound .32
        (step(1, LONG, 7, 7, estimate="tree"), BAD, "the counts do not tell them apart"),
        (
            step(1, LONG, 8, 8, v=0.1),
            step(2, OTHER, 8, 0, v=0.4),
            "the chosen's mean reward is not above the rejected's",
        ),
        (GOOD, step(2, LONG + " or not", 8, 0), "texts less than 20 edits apart"),
    ],
)
def test_a_pair_that_lacks_one_condition_is_left_out_for_it(better: Labelled, worse: Labelled, why: str) -> None:
    left_out = Excluded()
    assert chosen([better, worse], STRICT, left_out) == []
    assert left_out.counts == {why: 1}
    assert chosen([GOOD, BAD], STRICT, Excluded()) == [(GOOD, BAD)]
    assert chosen([better, worse], RULES["siblings"], Excluded()) == [(better, worse)]


def test_programs_and_persons_are_exact() -> None:
    passes, fails = step(1, LONG, 1, 1, action="code"), step(2, OTHER, 1, 0, action="code")
    assert chosen([passes, fails], STRICT, Excluded()) == [(passes, fails)]
    said = step(3, OTHER, 0, 0, source="human")
    assert chosen([GOOD, said], STRICT, Excluded()) == [(GOOD, said)]
    assert chosen([step(1, LONG, 3, 3), said], STRICT, Excluded()) == []  # the search's side still needs its draws


def texts(n: int) -> str:
    return f"{n}" * 40


@pytest.mark.parametrize(("good", "bad", "pairs"), [(1, 6, (1, 4)), (6, 1, (4, 1)), (3, 3, (2, 2)), (2, 1, (2, 1))])
def test_a_parent_gives_a_small_square(good: int, bad: int, pairs: tuple[int, int]) -> None:
    members = [step(n, texts(n), 10, 10 - n) for n in range(good)] + [
        step(9 + n, texts(9 + n), 10, 0) for n in range(bad)
    ]
    found = chosen(members, STRICT, Excluded())
    assert len(found) == pairs[0] * pairs[1]
    assert (len({b.prefix for b, _ in found}), len({w.prefix for _, w in found})) == pairs
    assert found[0][0] is members[0]  # the surest first


def test_weights_of_a_problem_sum_to_one() -> None:
    def pair(problem: int, parent: int) -> Pair:
        row = StepRow(7, parent, "refine", LONG, None)
        item = changed_item(problem, row)
        return Pair(problem, TASK, (), item, item)

    def changed_item(problem: int, row: StepRow) -> Labelled:
        return GOOD._replace(problem_id=problem, prefix=(row,))

    found = [pair(1, 1), pair(1, 1), pair(1, 1), pair(1, 2), pair(2, 3)]
    assert weights(found, STRICT) == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2, 1])
    assert weights(found, RULES["siblings"]) == pytest.approx([1 / 4] * 4 + [1])


def test_rules_are_named_and_changed() -> None:
    assert rule("strict", 0.7, 5) == changed(STRICT, margin=0.7, edit=5)
    assert rule() == RULES["siblings"]
    assert rule("siblings", 0.2).said == {"margin": 0.2}
    with pytest.raises(LabError, match="no way of pairing"):
        rule("loose")


def levenshtein(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        above, row = row, [i]
        for j, b in enumerate(other, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


@given(st.text("ab", max_size=12), st.text("ab", max_size=12), st.integers(1, 8))
def test_differ_by_is_the_edit_distance(one: str, other: str, least: int) -> None:
    assert differ_by(one, other, least) == (levenshtein(one, other) >= least)
