"""Leases: two people never get the same step, even in a race of processes; what is left behind is free after five minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from o1coder import labels
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.labelling import gold, leases
from o1coder.queries import agreement
from o1coder.queries.asked import Asked
from o1coder.sitting import Held, Sitting
from tests.lab.planted import plant

ALONE = Asked(gold=0.0, overlap=0.0)
ROOT = Path(__file__).resolve().parents[2]
RACER = """
import sys
from pathlib import Path
from o1coder.lab import Lab
from o1coder.queries.asked import Asked
from o1coder.sitting import Sitting
lab = Lab(Path(sys.argv[1]))
sitting = Sitting(lab, sys.argv[2], order=sys.argv[3], asked=Asked(gold=0.0, overlap=0.0))
print("ready", flush=True)
sys.stdin.readline()
for round in range(12):
    held = sitting.next(3)
    print(*[one.step for one in held], flush=True)
    for one in held[:2]:
        sitting.answer(one, "valid")
    sitting.skip(held[2]) if round % 2 else None
"""


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return plant(tmp_path / "lab", trees=12).lab


@pytest.mark.parametrize("order", ["value", "random"])
def test_processes_that_race_never_get_the_same_step(lab: Lab, order: str) -> None:
    people = [f"person {number}" for number in range(4)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    racers = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", RACER, str(lab.home), who, order],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for who in people
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    handed = [racer.communicate()[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    given = Counter(word for words in handed for word in set(words))
    skipped = {words[place] for words in handed for place in range(5, len(words), 6)}  # free again for others
    assert {step for step, times in given.items() if times > 1} <= skipped
    with lab.reading() as connection:
        twice = connection.exec_driver_sql(
            "SELECT step_id FROM label WHERE source = 'human' GROUP BY step_id HAVING COUNT(*) > 1"
        ).all()
        answered = connection.exec_driver_sql("SELECT COUNT(*) FROM label WHERE source = 'human'").scalar()
    assert twice == []
    assert answered == 4 * 12 * 2


def test_a_lease_expires_is_renewed_and_given_back(lab: Lab) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert leases.claim(lab, [2, 3, 4], "ann", "a", 2, moment=at) == [2, 3]
    assert leases.claim(lab, [2, 3, 4], "bob", "b", 3, moment=at) == [4]
    assert leases.claim(lab, [2], "ann", "another sitting", moment=at) == []
    later = at + timedelta(seconds=leases.LEASE_S - 1)
    assert leases.renew(lab, "a", [2], moment=later) == [2]
    after = at + timedelta(seconds=leases.LEASE_S + 1)
    assert leases.claim(lab, [2, 3, 4], "bob", "b", 3, moment=after) == [3, 4]
    assert leases.renew(lab, "a", [2, 3], moment=after) == [2]
    leases.release(lab, "a", [2])
    with lab.reading() as connection:
        assert [one.step for one in leases.standing(connection, moment=after)] == [3, 4]
    leases.release(lab, "b")
    with lab.reading() as connection:
        assert leases.standing(connection, moment=after) == []


def test_what_a_person_labelled_meanwhile_is_not_claimed(lab: Lab) -> None:
    labels.add_human(lab, 2, "valid", "ann")
    assert leases.claim(lab, [2, 3], "bob", "b") == [3]
    assert leases.claim(lab, [2], "bob", "b", again=True) == [2]
    assert leases.claim(lab, [2], "ann", "a", again=True) == []


def test_a_step_asked_for_by_name_is_refused_while_somebody_else_has_it(lab: Lab) -> None:
    ann, bob = Sitting(lab, "ann"), Sitting(lab, "bob")
    assert ann.open(2) == Held(2, "tree")
    with pytest.raises(LabError, match="ann has step 2"):
        bob.open(2)
    with pytest.raises(LabError, match="to label"):
        bob.open(1)
    ann.leave()
    assert bob.open(2).step == 2


def test_a_sitting_that_slept_too_long_lets_go_of_what_others_took(lab: Lab) -> None:
    ann, bob = Sitting(lab, "ann", asked=ALONE), Sitting(lab, "bob", asked=ALONE)
    first, second = ann.next(2)
    with lab.writing() as connection:
        connection.exec_driver_sql("UPDATE label_lease SET until = '2026-01-01T00:00:00.000Z'")
    assert bob.open(first.step).step == first.step
    assert ann.renew() == {first.step}
    assert [one.step for one in ann.out] == [second.step]
    with pytest.raises(LabError, match="ann has"):
        bob.open(second.step)


def test_a_step_that_was_labelled_before_is_kept_where_nobody_else_took_it(lab: Lab) -> None:
    labels.add_human(lab, 2, "valid", "ann")
    ann = Sitting(lab, "ann")
    opened = ann.open(2)
    with lab.writing() as connection:
        connection.exec_driver_sql("DELETE FROM label_lease")
    assert ann.renew() == set()
    assert ann.out == [opened]
    with pytest.raises(LabError, match="ann has step 2"):
        Sitting(lab, "bob").open(2)


def test_questions_are_mixed_in_blind_and_nobody_is_asked_one_twice(lab: Lab) -> None:
    steps = [2, 3, 4, 5]
    for step in steps:
        gold.put(lab, step, "valid", "boss")
    sitting = Sitting(lab, "ann", asked=Asked(gold=1.0))
    handed = sitting.next(6)
    assert sorted(one.step for one in handed if one.gold) == steps
    assert {one.picked for one in handed if not one.gold} == {"value"}
    for one in handed:
        sitting.answer(one, "valid" if one.step != 2 else "invalid", seen={"hidden": True}, taken_ms=900)
    with lab.reading() as connection:
        assert gold.unanswered(connection, "ann") == []
        assert len(gold.unanswered(connection, "bob")) == 4
        labelled = {row[0] for row in connection.exec_driver_sql("SELECT step_id FROM label WHERE source = 'human'")}
        assert not labelled & set(steps)
        assert agreement.gold_of(connection, "ann")[:2] == (3, 4)
    assert all(one.gold is None for one in Sitting(lab, "ann", asked=Asked(gold=1.0)).next(8))


def test_a_question_put_again_is_not_asked_again(lab: Lab) -> None:
    put = gold.put(lab, 2, "valid", "boss")
    gold.answer(lab, put.id, "valid", "ann")
    gold.take_back(lab, put.id, "boss")
    with lab.reading() as connection:
        assert gold.unanswered(connection, "bob") == []
        assert agreement.gold_of(connection, "ann").n == 0
    gold.put(lab, 2, "invalid", "boss")
    with lab.reading() as connection:
        assert gold.unanswered(connection, "ann") == []
        assert [step for _, step in gold.unanswered(connection, "bob")] == [2]


def test_a_second_answer_to_a_question_replaces_the_first_in_figures(lab: Lab) -> None:
    gold.put(lab, 2, "valid", "boss")
    sitting = Sitting(lab, "ann", asked=Asked(gold=1.0))
    [held] = sitting.next(1)
    done = sitting.answer(held, "invalid")
    assert sitting.take_back(done) is None
    assert sitting.out == [held]
    sitting.answer(held, "valid")
    with lab.reading() as connection:
        assert gold.page(connection)[0][-2:] == (1, 1)


@pytest.mark.parametrize(
    ("step", "value", "told"), [(1, "valid", "root"), (99999, "valid", "no step"), (2, "good", "no label")]
)
def test_a_question_that_cannot_be_is_refused(lab: Lab, step: int, value: str, told: str) -> None:
    with pytest.raises(LabError, match=told):
        gold.put(lab, step, value, "boss")
    gold.put(lab, 3, "valid", "boss")
    with pytest.raises(LabError, match="already"):
        gold.put(lab, 3, "valid", "boss")
    gold.take_back(lab, 1, "boss")
    with pytest.raises(LabError, match="already"):
        gold.take_back(lab, 1, "boss")
    with pytest.raises(LabError, match="no question"):
        gold.take_back(lab, 2, "boss")  # the row that took the first back


def test_overlap_hands_out_what_one_other_person_has_read(lab: Lab) -> None:
    for step in (2, 3):
        labels.add_human(lab, step, "valid", "ann")
    labels.add_human(lab, 3, "invalid", "cid")
    bob = Sitting(lab, "bob", asked=Asked(gold=0.0, overlap=1.0))
    handed = bob.next(2)
    assert handed[0] == Held(2, "overlap")
    assert handed[1].picked == "value"
    done = bob.answer(handed[0], "invalid")
    with lab.reading() as connection:
        row = connection.exec_driver_sql("SELECT picked, author FROM label WHERE id = ?", (done.label,)).one()
    assert tuple(row) == ("overlap", "bob")
    assert Sitting(lab, "ann", asked=Asked(gold=0.0, overlap=1.0)).next(1)[0].picked == "value"


def test_undo_holds_the_step_again_and_skip_lets_it_go_for_good(lab: Lab) -> None:
    sitting = Sitting(lab, "ann", asked=ALONE)
    [held] = sitting.next(1)
    done = sitting.answer(held, "invalid", reason="why", category="wrong logic", seen={"hidden": True}, taken_ms=5)
    assert sitting.take_back(done) is None
    assert sitting.out == [held]
    assert Sitting(lab, "bob", asked=ALONE).next(1)[0].step != held.step
    sitting.skip(held)
    everything = sitting.next(1000)
    assert held.step not in {one.step for one in everything}
    assert Sitting(lab, "bob", asked=ALONE).next(1)[0].step == held.step


def test_a_step_that_another_has_taken_is_taken_back_and_not_handed_out_twice(lab: Lab) -> None:
    ann = Sitting(lab, "ann", asked=ALONE)
    [held] = ann.next(1)
    done = ann.answer(held, "invalid")
    bob = Sitting(lab, "bob", asked=ALONE)
    theirs = bob.open(held.step)
    elsewhere = ann.take_back(done)
    assert elsewhere is not None
    assert (elsewhere.step, elsewhere.author, elsewhere.session) == (held.step, "bob", bob.session)
    assert (ann.out, bob.out) == ([], [theirs])
    with lab.reading() as connection:
        assert [one.session for one in leases.standing(connection)] == [bob.session]
        taken_back = connection.exec_driver_sql("SELECT 1 FROM label WHERE retracts = ?", (done.label,)).first()
    assert taken_back is not None
    ann.leave()
    assert bob.renew() == set()
