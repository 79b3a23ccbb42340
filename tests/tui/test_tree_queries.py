"""Steps by page and by array are the steps of the whole tree, on random trees, however they grow; finding is what a loop
over all steps finds."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import skeletons, stepfind, steprows, treelist, trees
from o1coder.queries.trees import StepRow
from tests.tui.random_trees import add_random_trees, grow, rescore

SEEDS = range(12)


def same(got: StepRow, wanted: StepRow) -> bool:
    """Equal in every field; sums of rewards to the last bits that an order of summation changes."""
    return got._replace(q=0.0) == wanted._replace(q=0.0) and got.q == pytest.approx(wanted.q)


@pytest.mark.parametrize("seed", SEEDS)
def test_pages_are_the_whole_tree(home: Path, seed: int) -> None:
    lab, dice = Lab(home), random.Random(seed)
    ids = add_random_trees(lab, seed)
    with lab.reading() as connection:
        for tree_id in [1, *ids]:
            tree = skeletons.read(connection, tree_id)
            for prm in (None, 1, 2):
                newest = trees.newest_prm(connection, tree_id)
                wanted = trees.steps(connection, tree_id, prm)
                assert [step.id for step in wanted] == list(tree.shape.ids)
                asked = [step.id for step in wanted]
                dice.shuffle(asked)
                found = steprows.page(connection, tree, asked, newest if prm is None else prm, 1)
                assert [line.step.id for line in found] == asked
                by_id = {step.id: step for step in wanted}
                assert all(same(line.step, by_id[line.step.id]) for line in found)
            before = {step.id: step.score for step in trees.steps(connection, tree_id, 1)}
            assert all(line.before == before[line.step.id] for line in found)
            for at, step in enumerate(trees.steps(connection, tree_id)):
                failed = step.passed is not None and step.passed != step.total
                if step.verdict_rescored is not None:
                    failed = step.verdict_rescored != "AC"
                assert (tree.outcome[at] == skeletons.FAILED) == failed
    lab.close()


@pytest.mark.parametrize("seed", [0, 1])
def test_a_shape_comes_first_and_its_rollouts_after(home: Path, seed: int) -> None:
    lab = Lab(home)
    ids = add_random_trees(lab, seed)
    with lab.reading() as connection:
        bare = [skeletons.read(connection, tree, 0) for tree in ids]
        assert all(not tree.whole and tree.visits(0) == 0 for tree in bare)
        later = [skeletons.renewed(connection, tree) for tree in bare]
        for tree_id, one, first in zip(ids, later, bare, strict=True):
            assert one == replace(skeletons.read(connection, tree_id, 10**6), shape=first.shape)
    with lab.writing() as connection:
        grow(connection.connection.driver_connection, random.Random(seed), ids[:1], [(1, 1)], 3)
    with lab.reading() as connection:
        assert skeletons.renewed(connection, bare[0]).shape.ids == skeletons.read(connection, ids[0]).shape.ids
    lab.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_grew_is_read_as_the_whole(home: Path, seed: int) -> None:
    lab, dice = Lab(home), random.Random(seed)
    ids = add_random_trees(lab, seed)
    programs = []
    for _ in range(4):
        with lab.reading() as connection:
            before = {tree: skeletons.read(connection, tree) for tree in ids}
            assert all(skeletons.renewed(connection, tree) is tree for tree in before.values())
            programs = connection.exec_driver_sql("SELECT id, 1 FROM program").all()
        with lab.writing() as connection:
            raw = connection.connection.driver_connection
            grow(raw, dice, ids[:2], [(row[0], row[1]) for row in programs], 9)
            if dice.random() < 0.3 and not before[ids[1]].rescore:
                rescore(raw, ids[1])
        with lab.reading() as connection:
            for tree, old in before.items():
                told, wanted = skeletons.renewed(connection, old), skeletons.read(connection, tree)
                for name in ("ids", "depth", "size", "ordinal"):
                    assert getattr(told.shape, name) == getattr(wanted.shape, name)
                assert (told.own, told.outcome, told.below) == (wanted.own, wanted.outcome, wanted.below)
                assert list(told.earned) == pytest.approx(list(wanted.earned))
                assert tree != ids[2] or told is old
        with lab.reading() as connection:
            assert sum(len(skeletons.renewed(connection, old)) - len(old) for old in before.values()) == 9
    lab.close()


FINDS: dict[str, Callable[[StepRow], bool]] = {
    "loop": lambda s: "loop" in s.text.lower(),
    "50% done_": lambda s: "50%" in s.text and "done_" in s.text,
    '"sort: then"': lambda s: "Sort: then" in s.text,
    "-loop label:valid,unsure": lambda s: "loop" not in s.text.lower() and s.label in ("valid", "unsure"),
    "-verdict:wa,re n<3": lambda s: (s.verdict_rescored or s.verdict) not in ("WA", "RE") and s.n < 3,
    "-prm<0.3": lambda s: s.score is None or s.score >= 0.3,
    "label:invalid": lambda s: s.label == "invalid",
    "label:none": lambda s: s.label is None,
    "human:yes": lambda s: s.source == "human",
    "human:no action:code": lambda s: s.source != "human" and s.action == "code",
    "verdict:wa": lambda s: (s.verdict_rescored or s.verdict) == "WA",
    "prm<0.3": lambda s: s.score is not None and s.score < 0.3,
    "gap>0.5 k=8": lambda s: s.score is not None and s.v is not None and abs(s.v - s.score) > 0.5,
    "n>=2 depth>1": lambda s: s.n >= 2 and s.depth > 1,
}


@pytest.mark.parametrize("seed", [0, 3, 4])
@pytest.mark.parametrize("query", FINDS)
def test_finding_is_a_loop(home: Path, seed: int, query: str) -> None:
    lab = Lab(home)
    ids = add_random_trees(lab, seed)
    with lab.reading() as connection:
        for tree_id in ids:
            tree, steps = skeletons.read(connection, tree_id), trees.steps(connection, tree_id, 2)
            found = stepfind.matching(connection, tree, query, 2)
            assert list(found) == [at for at, s in enumerate(steps) if s.parent_id is not None and FINDS[query](s)]
    lab.close()


@pytest.mark.parametrize("seed", [1, 5])
def test_jumps_are_what_a_loop_finds(home: Path, seed: int) -> None:
    lab = Lab(home)
    ids = add_random_trees(lab, seed)
    with lab.reading() as connection:
        for tree_id in ids:
            tree, steps = skeletons.read(connection, tree_id), trees.steps(connection, tree_id, 2)
            both = [at for at, s in enumerate(steps) if s.v is not None and s.score is not None]
            gap = {at: abs((steps[at].v or 0.0) - (steps[at].score or 0.0)) for at in both}
            assert list(stepfind.gaps(connection, tree, 2)) == sorted(both, key=lambda at: (-gap[at], steps[at].id))
            for at, step in enumerate(steps):
                below = [n for n, s in enumerate(steps) if s.parent_id == step.id]
                valued: list[Any] = [(steps[n].v, steps[n].n, -n) for n in below if steps[n].v is not None]
                valued = valued or [(steps[n].q / steps[n].n, steps[n].n, -n) for n in below if steps[n].n]
                best = stepfind.best_child(connection, tree, at)
                assert best == (-max(valued)[2] if valued else None)
            leaf = stepfind.principal(connection, tree, 0)
            assert stepfind.best_child(connection, tree, leaf) is None
    lab.close()


def test_what_is_no_field_is_said(home: Path) -> None:
    lab = Lab(home)
    with lab.reading() as connection:
        tree = skeletons.read(connection, 1)
        for query, told in (
            ("nofield:3", "no field 'nofield'"),
            ("human:maybe", "neither yes nor no"),
            ("'a", "quotation"),
            ("id<x", "no number|no field"),
        ):
            with pytest.raises(LabError, match=told):
                stepfind.matching(connection, tree, query, None)
            with pytest.raises(LabError, match=told):
                treelist.ids(connection, query)
        with pytest.raises(LabError, match="no tree 99"):
            skeletons.read(connection, 99)
    lab.close()


def test_trees_are_filtered_and_sorted(home: Path) -> None:
    lab = Lab(home)
    add_random_trees(lab, 2, trees=4)
    with lab.reading() as connection:
        rows = trees.page(connection, limit=1000)
        assert trees.rows(connection, [r.id for r in rows][::-1]) == rows[::-1]
        by_id = {row.id: row for row in rows}

        def ids(query: str = "") -> list[int]:
            return list(treelist.ids(connection, query))

        assert ids() == sorted(by_id, reverse=True)
        assert ids("sort:-id") == sorted(by_id)
        assert ids("sort:steps") == sorted(by_id, key=lambda n: (-by_id[n].steps, -n))
        assert ids("sort:rollouts") == sorted(by_id, key=lambda n: (-by_id[n].rollouts, -n))
        assert ids("job:2") == [n for n in ids() if by_id[n].job == 2]
        assert ids("steps>5 count") == [n for n in ids() if by_id[n].steps > 5]
        assert ids("ended:growing") == [n for n in ids() if by_id[n].ended is None]
        assert ids("ended:simulations problem:1 kind:search preset:lab") == [1]
        assert ids("stuck:no") == ids("-stuck:yes") == ids()
        assert ids("-steps>5") == [n for n in ids() if by_id[n].steps <= 5]
        assert ids("stuck:yes") == ids("nothing-like-it") == []
        share = [by_id[n].solved / by_id[n].rollouts for n in ids("sort:solved") if by_id[n].rollouts]
        assert share == sorted(share, reverse=True)
        assert ids("solved>0.5") == [
            n for n in ids() if by_id[n].rollouts and by_id[n].solved / by_id[n].rollouts > 0.5
        ]
        human = {
            r[0]
            for r in connection.exec_driver_sql(
                "SELECT s.tree_id FROM label l JOIN step s ON s.id = l.step_id WHERE l.source = 'human' "
                "AND l.retracts IS NULL AND NOT EXISTS (SELECT 1 FROM label b WHERE b.retracts = l.id)"
            )
        }
        assert set(ids("human:yes")) == human
        assert set(ids("human:no")) == set(ids()) - human
    lab.close()
