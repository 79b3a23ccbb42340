"""Agreement: α by hand, shares with their intervals, what counts as a reading, and the error rate from random picks alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from o1coder import corrections, labels
from o1coder.lab import Lab
from o1coder.labelling import gold
from o1coder.measure import wilson
from o1coder.queries import agreement
from o1coder.queries.agreement import Agreed
from o1coder.queries.asked import Asked
from tests.lab.planted import Planted, plant


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return plant(tmp_path / "lab", trees=8)


def found(lab: Lab, text: str = "", threshold: float = 0.5) -> Agreed:
    with lab.reading() as connection:
        return agreement.agreement(connection, Asked.parse(text), threshold=threshold)


def code_steps(planted: Planted, most: int) -> list[int]:
    with planted.lab.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT MIN(id) FROM step WHERE action = 'code' AND id > 5 GROUP BY tree_id ORDER BY 1 LIMIT ?", (most,)
        )
        return [row[0] for row in rows]


def test_an_empty_lab_agrees_on_nothing(planted: Planted) -> None:
    told = found(planted.lab)
    assert (told.readings, told.alpha, told.gold.value, told.search_wrong.n) == (0, None, None, 0)
    assert agreement.told(told)[1] == "Krippendorff's alpha none: no step has two readings"


def test_alpha_of_four_steps_by_hand(planted: Planted) -> None:
    """Pairs vv, ii, vi, vv: D_o = 2/8, and of 5 v and 3 i D_e = 2·5·3/(8·7); α = 1 − .25/.5357 = .5333."""
    for step, (one, other) in zip(
        code_steps(planted, 4), [("valid",) * 2, ("invalid",) * 2, ("valid", "invalid"), ("valid",) * 2], strict=True
    ):
        labels.add_human(planted.lab, step, one, "ann")  # type: ignore[arg-type]
        labels.add_human(planted.lab, step, other, "bob")  # type: ignore[arg-type]
    told = found(planted.lab)
    assert told.alpha == pytest.approx(1 - 0.25 / (30 / 56))
    assert told.read_twice == 4
    assert told.alpha_low is not None
    assert told.alpha_high is not None
    assert told.alpha_low < told.alpha < told.alpha_high


def test_only_the_newest_standing_words_that_people_gave_are_readings(planted: Planted) -> None:
    [step, other, third] = code_steps(planted, 3)
    labels.add_human(planted.lab, step, "valid", "ann")
    labels.add_human(planted.lab, step, "invalid", "ann")
    back = labels.add_human(planted.lab, other, "valid", "ann")
    labels.undo(planted.lab, back.id, "ann")
    tainted = [corrections.Change(third, "invalid", corrections.TAINTED)]
    corrections.apply(planted.lab, tainted, "ann")
    told = found(planted.lab)
    assert (told.readings, told.steps, told.read_twice) == (1, 1, 0)
    assert [one.people for one in told.search] == ["invalid"]


def test_search_prm_and_gold_are_compared_and_told_by_person(planted: Planted) -> None:
    steps = code_steps(planted, 5)
    with planted.lab.reading() as connection:
        scores = {
            step: connection.exec_driver_sql("SELECT value FROM score WHERE step_id = ?", (step,)).scalar()
            for step in steps
        }
    for step in steps[:4]:
        labels.add_human(planted.lab, step, planted.said[step], "ann", taken_ms=4000)  # type: ignore[arg-type]
    labels.add_human(planted.lab, steps[4], "unsure", "ann", seen={"hidden": False}, taken_ms=9000)
    for number, step in enumerate(step for step in planted.said if step not in steps):
        if number < 3:
            put = gold.put(planted.lab, step, "valid", "boss")
            gold.answer(planted.lab, put.id, "valid" if number else "unsure", "ann")
    told = found(planted.lab, threshold=0.4)
    [ann] = told.people
    assert (ann.readings, ann.unsure, ann.median_s, told.shown) == (5, 1, 4.0, 1)
    assert (ann.with_search.right, ann.with_search.n) == (4, 4)
    expected = sum((scores[step] >= 0.4) == (planted.said[step] == "valid") for step in steps[:4])
    assert (ann.with_prm.right, ann.with_prm.n) == (expected, 4)
    assert sum(one.times for one in told.prm) == 5
    assert (ann.gold.right, ann.gold.n) == (2, 3)
    assert (ann.gold.low, ann.gold.high) == tuple(wilson(2, 3) or ())[1:]


def test_the_error_rate_is_of_random_picks_where_both_are_sure(planted: Planted) -> None:
    code = code_steps(planted, 8)
    others = [step for step, word in planted.said.items() if word != planted.true[step] and word != "unsure"]
    steps = [*[step for step in code if step not in others][:4], *others[:2]]
    for step in steps:
        labels.add_human(planted.lab, step, planted.true[step], "ann", picked="random")  # type: ignore[arg-type]
    by_value = next(step for step in planted.said if planted.said[step] == "unsure" and step not in steps)
    labels.add_human(planted.lab, by_value, "valid", "ann", picked="random")
    labels.add_human(planted.lab, others[2], "valid", "ann", picked="value")
    labels.add_human(planted.lab, steps[0], planted.true[steps[0]], "ann", picked="tree")  # type: ignore[arg-type]
    told = found(planted.lab)
    wrong = planted.wrong(steps)
    assert wrong == 2
    assert (told.random, told.search_wrong.right, told.search_wrong.n) == (7, wrong, 6)
    assert told.search_wrong[2:] == tuple(wilson(wrong, 6) or ())
    assert told.wrong_by_action["code"].n == found(planted.lab, "action:code").search_wrong.n


def test_sums_over_problems_give_the_same_alpha_as_the_steps(planted: Planted) -> None:
    from o1coder.measure import krippendorff_alpha

    units = [["valid", "valid"], ["invalid", "valid", "unsure"], ["unsure", "unsure"], ["valid", "invalid"]]
    sums = []
    for unit in units:
        size, counts = len(unit), [unit.count(word) for word in ("valid", "invalid", "unsure")]
        sums.append([(size**2 - sum(n * n for n in counts)) / (size - 1), *counts])
    assert agreement._alpha_of(sums) == pytest.approx(krippendorff_alpha(units))
