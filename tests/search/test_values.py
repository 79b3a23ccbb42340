"""Label values: small trees by hand, hard labels, and the bias against a policy whose values are known."""

from __future__ import annotations

from statistics import fmean

import pytest

from o1coder.search import CompletionFact, RolloutFact, StepFact, Value, hard_label, label_values, visits
from tests.search.grow import tree
from tests.search.world import World, spec


def completion(parent, ordinal, step):
    return CompletionFact(parent, ordinal, "x", 1, 1, None, "stop", step, None if step else "unparsable")


def rollout(ordinal, leaf, reward, passed=0, code="c"):
    return RolloutFact(ordinal, leaf, code, passed, 2, True, reward, {}, {})


def test_the_recursion_weighs_by_draws_and_not_by_visits() -> None:
    """A text said twice and solved beside one said once and failed: 2/3, however often each was visited."""
    completions = [completion((), 0, (0,)), completion((), 1, (0,)), completion((), 2, (2,))]
    steps = [StepFact((0,), "code", "a", "a"), StepFact((2,), "code", "b", "b")]
    values = label_values(completions, steps, [rollout(0, (0,), 1.0, 2), rollout(1, (2,), 0.25)])
    assert values[()] == (pytest.approx(0.75), pytest.approx(2 / 3), 3, 2)
    assert values[(0,)] == (1.0, 1.0, 2, 2)


def test_what_was_never_explored_or_never_judged_is_left_out() -> None:
    completions = [completion((), n, (n,)) for n in range(3)] + [completion((0,), 0, (0, 0))]
    steps = [StepFact((n,), "structure", f"s{n}", None) for n in range(3)] + [StepFact((0, 0), "code", "c", "c")]
    assert label_values(completions, steps, [rollout(0, (0, 0), 1.0, 2)])[()] == (1.0, 1.0, 1, 1)
    assert label_values(completions, steps, [rollout(0, (0, 0), None)]) == {}


def test_the_depth_limit_is_a_leaf_of_reward_nothing() -> None:
    values = label_values(
        [completion((), 0, (0,))], [StepFact((0,), "refine", "s", None)], [rollout(0, (0,), 0.0, code=None)]
    )
    assert values == {(0,): (0.0, 0.0, 1, 0), (): (0.0, 0.0, 1, 0)}


@pytest.mark.parametrize(
    ("k", "c", "terminal", "label"),
    [
        (1, 1, True, "valid"),
        (1, 0, True, "invalid"),
        (7, 0, False, "unsure"),
        (8, 0, False, "invalid"),
        (3, 1, False, "valid"),
    ],
)
def test_hard_labels(k: int, c: int, terminal: bool, label: str) -> None:
    assert hard_label(Value(0.5, 0.5, k, c), terminal) == label


def test_a_step_without_a_value_is_unsure() -> None:
    assert hard_label(None, False) == "unsure"


def errors(simulations: int, unparsable: float, in_flight: int) -> tuple[list[float], list[float], list[float]]:
    """Errors of the recursion at the root and at depth 1, and of q/n at the root, over 30 worlds × 20 trees."""
    root, first, steering = [], [], []
    for number in range(30):
        world = World(number, unparsable=unparsable)
        true = {text: world.value([text]) for text in world.structures}
        for seed in range(20):
            facts = tree(spec(seed, simulations=simulations, in_flight=in_flight), world.text)
            completions = [fact for fact in facts if isinstance(fact, CompletionFact)]
            steps = [fact for fact in facts if isinstance(fact, StepFact)]
            rollouts = [fact for fact in facts if isinstance(fact, RolloutFact)]
            values = label_values(completions, steps, rollouts)
            root.append(values[()].v - world.value())
            first += [values[s.path].v - true[s.text] for s in steps if len(s.path) == 1 and s.path in values]
            steering.append(sum(r.reward or 0.0 for r in rollouts) / visits(rollouts)[()] - world.value())
    return root, first, steering


@pytest.mark.parametrize(
    ("simulations", "unparsable", "in_flight"), [(3, 0.0, 1), (6, 0.1, 1), (12, 0.1, 1), (6, 0.1, 3)]
)
def test_label_values_are_unbiased_where_q_over_n_is_not(simulations: int, unparsable: float, in_flight: int) -> None:
    root, first, steering = errors(simulations, unparsable, in_flight)
    assert abs(fmean(root)) <= 0.03
    assert abs(fmean(first)) <= 0.03
    if unparsable:
        assert fmean(steering) > 0.08  # unparsable siblings have no rollout of their own: q/n does not see them
