"""What leaks from one split into another, and what does not; that the index finds what comparing all pairs finds."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from itertools import combinations

import pytest

from o1coder.problems.leaks import ALIKE, Leaks, with_prompts
from o1coder.problems.record import NewCase, NewProblem, NewProgram
from o1coder.problems.shipped import read
from o1coder.text import jaccard, load_prompt

RUN = "for every day of the year the ledger names one debtor and one sum"  # 14 words
HELD = NewProblem(
    "jsonl", "held", "test", "ledgers", "call", "f", f"Sum it up: {RUN}.", (NewCase("[1]", "2", ("held-out",)),),
    (NewProgram("def f(n):\n    return n * 7 + 1\n", "correct", "reference"),), "f",
)  # fmt: skip
OTHER = replace(
    HELD, source_key="other", split="train", family="birds", statement="Name the bird that sings first.", programs=()
)


def index(*problems: NewProblem) -> Leaks:
    """An index of problems."""
    leaks = Leaks()
    for problem in problems:
        references = [one.code for one in problem.programs]
        leaks.add(problem.source_key, problem.split, problem.family, problem.statement, references)
    return leaks


@pytest.mark.parametrize(
    ("problem", "part"),
    [
        (OTHER, None),
        (replace(OTHER, family="ledgers"), "its family 'ledgers' is in test already: held"),
        (replace(OTHER, statement=f"A tale. Once {RUN.upper()}; print it."), "shares 13 words with held"),
        (replace(OTHER, statement="Once " + " ".join(RUN.split()[:12])), None),
        (
            replace(OTHER, programs=(NewProgram("def g(k):\n    return k * 7 + 1", "correct", "reference"),)),
            "reference",
        ),
        (replace(OTHER, programs=(NewProgram("def g(k):\n    return k * 7 + 1", "wrong"),)), None),
        (replace(OTHER, programs=(NewProgram("def g(k):\n    return k * 7 + 2", "correct", "reference"),)), None),
        (replace(HELD, source_key="again"), None),
    ],
)
def test_what_leaks(problem: NewProblem, part: str | None) -> None:
    found = index(HELD).reason(problem)
    assert found is None if part is None else part in str(found)


def test_words_that_all_statements_begin_with_do_not_count() -> None:
    held = replace(HELD, statement="Write a Python function `odd(n)` that returns whether n is odd.")
    near = replace(OTHER, statement="Write a function `f(n)` to whether n is odd.")
    far = replace(OTHER, statement="Write a Python function `odd(n)` that returns whether n is even.")
    assert "like that of held" in str(index(held).reason(near))
    assert index(held).reason(far) is None


def test_statements_in_any_script_are_compared() -> None:
    held = replace(HELD, statement="\u0441\u043b\u043e\u0436\u0438 1 \u0438 2")
    assert index(held).reason(replace(OTHER, statement=held.statement.upper())) is not None
    assert index(held).reason(replace(OTHER, statement="1 2 \u6c42\u548c")) is None


def test_worked_examples_are_shown_to_every_model() -> None:
    shown = str(load_prompt("direct").settings["call"]["before"])
    statement = shown.partition("## Problem\n")[2].partition("\n")[0]
    assert "an example in prompt" in str(with_prompts().reason(replace(OTHER, statement=statement)))
    code = shown.partition("```python\n")[2].partition("```")[0]
    reference = NewProgram(code.replace("xs", "numbers"), "correct", "reference")
    assert "an example in prompt" in str(with_prompts().reason(replace(OTHER, programs=(reference,))))


def test_the_starter_problems_leak_nothing() -> None:
    leaks = with_prompts()
    for problem in read():
        assert isinstance(problem, NewProblem)
        assert leaks.reason(problem) is None
        leaks.add(
            problem.source_key, problem.split, problem.family, problem.statement, [p.code for p in problem.programs]
        )


def test_the_index_misses_no_pair_of_alike_statements() -> None:
    rng = random.Random(5)
    words = ["".join(rng.choices("abcdefgh", k=rng.randint(1, 6))) for _ in range(30)]
    sets = [set(words[:n]) ^ set(rng.sample(words, k)) for n in range(1, 30) for k in (0, 1, 2, 3)]
    alike = 0
    for left, right in combinations([s for s in sets if s], 2):
        held, problem = (
            replace(one, statement=" ".join(rng.sample(sorted(chosen), len(chosen))), programs=())
            for one, chosen in ((HELD, left), (OTHER, right))
        )
        found = index(held).reason(problem)
        if jaccard(left, right) >= ALIKE:
            alike += 1
            assert found is not None
        elif found is not None:
            assert "shares" in found
    assert alike > 100


def test_ten_thousand_problems_are_checked_in_seconds() -> None:
    rng = random.Random(3)
    words = ["".join(rng.choices("abcdefghijklmnop", k=2 + n.bit_length() // 2)) for n in range(4000)]  # rare, so long
    weights = [1 / (n + 1) for n in range(len(words))]
    leaks, start = Leaks(), time.process_time()
    for number in range(10_000):
        statement = " ".join(rng.choices(words, weights, k=60))
        problem = replace(OTHER, split="train" if number % 2 else "test", family=str(number), statement=statement)
        assert leaks.reason(problem) is None
        leaks.add(str(number), problem.split, problem.family, statement, ())
    assert time.process_time() - start < 30
