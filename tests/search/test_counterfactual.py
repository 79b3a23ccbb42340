"""Other settings over the same draws: nothing is made up, what is not stored stops it, and what it says is covered."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder.errors import LabError
from o1coder.search import CompletionFact, EndFact, Fact, RolloutFact, StepFact
from o1coder.search.config import preset
from o1coder.search.counterfactual import chains, changed, counterfactual, draws
from o1coder.search.values import recorded_values
from tests.search.grow import tree
from tests.search.world import CASES, Reader, World, spec, verdict


def verdicts(facts: list[Fact]) -> dict[str, dict[str, str]]:
    """What the world's judge says of every program of a tree."""
    programs = {fact.code for fact in facts if isinstance(fact, StepFact) and fact.code is not None}
    return {code: {case.digest: verdict(code, case).code for case in CASES} for code in programs}


def again(seed: int, facts: list[Fact], asked: dict, **other):  # type: ignore[no-untyped-def, type-arg]
    of = spec(seed, facts, **asked)
    return counterfactual(of, changed(of.config, other), verdicts(facts), Reader())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from(["lab", "o1coder-paper", "best-of-n", "mc", "omega"]))
def test_the_same_settings_give_the_same_tree_whole(seed: int, in_flight: int, name: str) -> None:
    more = {"in_flight": in_flight} if name in ("lab", "o1coder-paper") else {"draws": 2}
    asked = asdict(preset(name, simulations=5, **more))
    facts = tree(spec(seed, **asked), World(seed, 2, 0.1, programs=4).text)
    found = again(seed, facts[::-1], asked)
    assert found.facts == facts
    assert (found.coverage, found.missing, found.further) == (1.0, None, 0)
    assert found.covered == {fact.path for fact in facts if isinstance(fact, StepFact)}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.fixed_dictionaries(
        {},
        optional={
            "c": st.sampled_from([0.0, 0.3, 5.0]),
            "simulations": st.integers(1, 12),
            "width": st.integers(1, 4),
            "alpha": st.just(0.5),
            "in_flight": st.integers(1, 3),
            "preset": st.sampled_from(["o1coder-paper", "best-of-n"]),
        },
    ).filter(lambda other: "in_flight" not in other or other.get("preset") != "best-of-n"),
)
def test_every_draw_is_a_stored_one_in_its_place_and_coverage_is_a_lower_bound(seed: int, other: dict) -> None:  # type: ignore[type-arg]
    world = World(seed, 3, 0.1, programs=5)
    asked = {"simulations": 6, "width": 3}
    facts = tree(spec(seed, **asked), world.text)
    found = again(seed, facts, asked, **other)
    config = changed(spec(seed, **asked).config, other)
    stored = draws(spec(seed, **asked).config, facts)
    for address, each in draws(config, found.facts).items():
        assert (each.text, each.tokens_out) == (stored[address].text, stored[address].tokens_out)
    assert (found.missing is None) == any(isinstance(fact, EndFact) for fact in found.facts)
    assert found.served <= found.asked
    if config.in_flight > 1 or config.method != "uct":
        return  # of descents under way together, a draw's seed may name another place than the one where it came to stand
    # The world answers by prompt and seed, so the whole search is what the same settings grow anew.
    whole = tree(spec(seed, **asdict(config)), world.text)
    served = sum(address in stored for address in draws(config, whole))
    truly = served / sum(isinstance(fact, CompletionFact) for fact in whole)
    if found.coverage is not None:
        assert found.coverage <= truly + 1e-9
    if found.missing is None:
        assert found.facts == whole
        assert found.coverage == truly == 1.0
    there, here = ({chain: path for path, chain in chains(some).items()} for some in (whole, found.facts))
    values, finally_ = recorded_values(config, found.facts), recorded_values(config, whole)
    for chain, path in here.items():
        if path in found.covered:  # what is said of a covered step stays true, however the search goes on
            assert values.get(path) == finally_.get(there[chain])


def test_where_only_the_best_sibling_was_judged_the_same_search_is_whole_and_another_stops() -> None:
    asked = asdict(preset("o1coder-code", simulations=6, width=3))
    facts = tree(spec(4, **asked), World(4, 2, programs=4).text)
    kept = {fact.code for fact in facts if isinstance(fact, RolloutFact)}
    best = {code: said for code, said in verdicts(facts).items() if code in kept}
    assert len(best) < len(verdicts(facts))
    of = spec(4, facts, **asked)
    same = counterfactual(of, of.config, best, Reader())
    assert (same.facts, same.coverage) == (facts, 1.0)
    for other in ({"alpha": 0.5}, {"preset": "lab"}):
        found = counterfactual(of, changed(of.config, other), best, Reader())
        assert found.missing == "a verdict on a program that was drawn and never judged"


def test_it_stops_where_a_draw_a_verdict_or_a_program_is_missing() -> None:
    asked = {"simulations": 6, "width": 3}
    facts = tree(spec(5, **asked), World(5, 3).text)
    wider = again(5, facts, asked, width=4)
    assert (wider.missing, wider.served, wider.facts) == ("1 of 4 completions (structure) below the root", 3, [])
    assert wider.coverage == pytest.approx(3 / (12 + 5 * 8))
    deeper = again(5, facts, asked, refines=2)
    assert deeper.missing is not None
    assert "(refine)" in deeper.missing  # code that was drawn there is no refinement
    of = spec(5, facts, **asked)
    none_judged = counterfactual(of, of.config, {}, Reader())
    assert none_judged.missing == "a verdict on a program that was drawn and never judged"
    assert not [fact for fact in none_judged.facts if isinstance(fact, RolloutFact)]


def test_a_search_without_a_number_of_rounds_has_no_coverage_once_it_stops() -> None:
    asked = {"simulations": 4, "width": 3}
    facts = tree(spec(5, **asked), World(5, 3).text)
    found = again(5, facts, asked, preset="omega")
    assert found.missing is not None
    assert (found.coverage, found.further) == (None, None)


def test_settings_that_make_other_draws_are_refused_and_a_preset_brings_its_rules() -> None:
    config = preset("o1coder-code", simulations=9, width=2)
    back = changed(config, {"preset": "lab", "c": 1.0})
    assert (back.siblings, back.revisit, back.estimate, back.simulations, back.c) == ("all", False, "weighted", 9, 1.0)
    assert changed(back, {"preset": "o1coder-code", "siblings": "one"}).siblings == "one"
    for name, value in {"temperature": 1.0, "prompt": "x", "top_p": 0.5, "chooses": "policy"}.items():
        with pytest.raises(LabError, match="no stored completion"):
            changed(config, {name: value})
    with pytest.raises(LabError, match="no setting 'colour'"):
        changed(config, {"colour": 1})
    with pytest.raises(LabError, match="no search preset"):
        changed(config, {"preset": "none"})
    with pytest.raises(LabError, match="adaptive"):
        changed(preset("lab", most_simulations=9), {"c": 1.0})
