"""Trees written in bulk and read in bulk: the same rows as one fact at a time, the same facts as were written, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from o1coder import growing, judge, planting, rows, trees
from o1coder.canonical import canonical
from o1coder.errors import LabError
from o1coder.judge import Key, Verdict
from o1coder.lab import Lab
from o1coder.models import Checkpoint, Score, TestWithdrawal
from o1coder.planting import planted
from o1coder.problems.record import NewProblem
from o1coder.problems.shipped import read
from o1coder.problems.store import add_problem
from o1coder.rows import By
from o1coder.sampling import open_sampler
from o1coder.search.facts import CompletionFact, EndFact, Fact, RolloutFact, ScoreFact, StepFact
from o1coder.text import FORMAT_DIGEST
from o1coder.treefacts import cases_of, cases_of_trees, stored_of
from o1coder.trees import Opening, TreeWriter, export_rows, stored_facts
from o1coder.verdicts import Judged, add_verdicts, judged_s, known_for
from o1coder.verify import verify

from .grown import FreeJudge, Quiet, add_job, make_lab, plans

PROBLEMS, TREES = 3, 7
COLUMNS = {"kind": "search", "sampler": "fake:7", "reproducible": True, "policy_id": None}
TABLES = "tree step completion rollout verdict program program_origin label tree_end score profile".split()

Written = list[tuple[int, Fact]]


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sandbox in here."""
    monkeypatch.setattr(judge, "Judge", FreeJudge)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], tuple[Lab, list[int], int]]]:
    """Makes labs with the problems and a job each: the lab, the problems, the job."""
    made: list[Lab] = []

    def make() -> tuple[Lab, list[int], int]:
        lab, problems = make_lab(tmp_path / f"lab{len(made)}", PROBLEMS)
        made.append(lab)
        return lab, problems, add_job(lab, "synthesize", {"sampler": "fake:7"})

    yield make
    for lab in made:
        lab.close()


@pytest.fixture
def fresh_lab(fresh: Callable[[], tuple[Lab, list[int], int]]) -> tuple[Lab, list[int], int]:
    """One of them."""
    return fresh()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The facts of a search in the order in which they were handed to be written, with the trees' ids in such a lab."""
    found: Written = []
    write = TreeWriter.write

    def noted(self: TreeWriter, connection: Any, facts: Sequence[Any], *, iteration: int | None = None) -> None:
        found.extend(facts)
        write(self, connection, facts, iteration=iteration)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "Judge", FreeJudge)
        patch.setattr(TreeWriter, "write", noted)
        lab, problems = make_lab(tmp_path_factory.mktemp("written") / "lab", PROBLEMS)
        grow(lab, problems, add_job(lab, "synthesize", {"sampler": "fake:7"}))
        lab.close()
    assert sum(isinstance(fact, EndFact) for _, fact in found) == TREES
    assert sum(isinstance(fact, RolloutFact) for _, fact in found) > 5 * TREES
    return found


def grow(lab: Lab, problems: list[int], job: int, **settings: Any) -> growing.Grown:
    asked = plans(problems, TREES, simulations=6)
    return growing.grow(
        lab, Quiet(job), asked, open_sampler("fake:7"), None, kind="search", origin="search", **settings
    )  # fmt: skip


def writer_of(lab: Lab, problems: list[int], job: int) -> TreeWriter:
    """A writer that has taken on the trees of `written`."""
    writer = TreeWriter(By(job_id=job), 1, "search")
    begun = list(planted(lab, job, plans(problems, TREES, simulations=6), writer, **COLUMNS))
    assert [each.tree_id for each in begun] == list(range(1, TREES + 1))
    return writer


def content(lab: Lab) -> dict[str, list[str]]:
    """Every row of the tables that trees fill, without its times; ids are kept, but for those of verdicts and labels."""
    out = {}
    with lab.reading() as connection:
        for table in TABLES:
            columns = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
            left_out = {"created_at"} | ({"id"} if table in ("verdict", "label", "program_origin") else set())
            kept = ", ".join(column for column in columns if column not in left_out)
            out[table] = sorted(map(repr, connection.exec_driver_sql(f"SELECT {kept} FROM {table}")))
    return out


def exports(lab: Lab) -> list[str]:
    with lab.reading() as connection:
        return [canonical(export_rows(connection, tree_id)) for tree_id in range(1, TREES + 1)]


def same(some: Sequence[Fact], others: Sequence[Fact]) -> bool:
    """Whether these are the same facts, in any order."""
    return len(some) == len(others) and all(fact in others for fact in some)


def put(lab: Lab, writer: TreeWriter, facts: Written, at_a_time: int) -> None:
    for start in range(0, len(facts), at_a_time):
        with lab.writing() as connection:
            writer.write(connection, facts[start : start + at_a_time])


def test_in_bulk_the_rows_are_those_of_one_fact_at_a_time(
    fresh: Callable[[], tuple[Lab, list[int], int]], written: Written
) -> None:
    found = []
    for at_a_time in (1, 13, len(written)):
        lab, problems, job = fresh()
        put(lab, writer_of(lab, problems, job), written, at_a_time)
        assert verify(lab, quick=True)[1] == []
        found.append((exports(lab), content(lab)))
    (by_one, one), (by_some, some), (by_all, everything) = found
    assert by_one == by_some == by_all
    for table in ("tree", "tree_end", "verdict", "profile"):
        assert len({repr(content[table]) for content in (one, some, everything)}) == 1, table
    for table in TABLES:
        assert len(one[table]) == len(some[table]) == len(everything[table]), table


def test_what_is_read_is_what_was_written(fresh_lab: tuple[Lab, list[int], int], written: Written) -> None:
    lab, problems, job = fresh_lab
    put(lab, writer_of(lab, problems, job), written, 50)
    ids = list(range(1, TREES + 1))
    with lab.reading() as connection:
        together = stored_of(connection, ids)
        alone = {tree_id: stored_facts(connection, tree_id) for tree_id in ids}
    for tree_id in ids:
        mine = [fact for tree, fact in written if tree == tree_id]
        assert together[tree_id].facts == alone[tree_id]
        assert same(alone[tree_id], mine)
        assert set(together[tree_id].steps) == {(), *(fact.path for fact in mine if isinstance(fact, StepFact))}


def test_written_twice_nothing_counts_twice(fresh_lab: tuple[Lab, list[int], int], written: Written) -> None:
    lab, problems, job = fresh_lab
    writer = writer_of(lab, problems, job)
    put(lab, writer, written, 40)
    before = content(lab)
    put(lab, writer, written, 29)  # though its trees have ended
    put(lab, writer_of(lab, problems, job), written, 1000)
    assert content(lab) == before


def test_a_question_keeps_its_first_answer_and_what_says_nothing_is_no_row(
    fresh_lab: tuple[Lab, list[int], int],
) -> None:
    lab, problems, job = fresh_lab
    writer = writer_of(lab, problems, job)
    with lab.reading() as connection:
        cases = [case.digest for _, case in cases_of_trees(connection, [1])[1]]
    said = [Verdict("AC", 7.0, layer="L4"), Verdict("IE", layer="L4"), Verdict("AC", layer="L0")]
    later = [Verdict("WA", 9.0, layer="L4"), Verdict("SK", layer="L4"), Verdict("AC", layer="L0")]
    for n, verdicts in enumerate((said, later)):
        by_case = dict(zip(cases, verdicts, strict=False))
        with lab.writing() as connection:
            rollout = RolloutFact(n, (), "print(1)", 0, 3, True, None, {}, {}, by_case)
            writer.write(connection, [(1, rollout), (1, replace(rollout, ordinal=5 + n))])
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT code, cpu_ms FROM verdict").all() == [("AC", 7.0)]
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM rollout").scalar() == 4
        assert connection.exec_driver_sql("SELECT MAX(id) FROM verdict").scalar() == 1


def test_a_fact_that_cannot_be_is_refused_with_its_flush(fresh_lab: tuple[Lab, list[int], int]) -> None:
    lab, problems, job = fresh_lab
    step = StepFact((0,), "structure", "text", None)
    torn = CompletionFact((), 0, "text", 1, 1, None, "stop", (0,), "and an error")
    writer = writer_of(lab, problems, job)
    with pytest.raises(IntegrityError, match="step_or_error"), lab.writing() as connection:
        writer.write(connection, [(1, step), (1, torn)])
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM step WHERE parent_id IS NOT NULL").scalar() == 0
    writer = writer_of(lab, problems, job)
    rollout = RolloutFact(0, (), "print(1)", 0, 1, True, 0.0, {}, {}, {"sha256:no such": Verdict("AC", layer="L4")})
    with pytest.raises(KeyError, match="no such"), lab.writing() as connection:
        writer.write(connection, [(1, rollout)])
    with pytest.raises(KeyError), lab.writing() as connection:
        writer.write(connection, [(99, step)])


def writer_of_one(connection: Any, problems: list[int], job: int) -> TreeWriter:
    """A writer with one tree, made in the caller's transaction."""
    [plan] = plans(problems, 1, simulations=6)
    values = {**COLUMNS, "preset": "lab", "prompt_digest": "sha256:0", "seed": 1}
    tree_id = trees.add_tree(connection, job, plan.problem_id, 0, config=plan.config, **values)
    writer = TreeWriter(By(job_id=job), 1, "search")
    assert writer.open(connection, tree_id, plan.problem_id, None, {}) == []
    return writer


def prm_of(lab: Lab, job: int) -> int:
    with lab.writing() as connection:
        values = {"digest": "sha256:c", "role": "prm", "format": "full", "base_digest": "sha256:b", "bytes": 1}
        return rows.add(connection, Checkpoint, **values, path="blobs/c", job_id=job, created_at="now")


def test_scores_that_steered_are_rows_and_facts(fresh_lab: tuple[Lab, list[int], int]) -> None:
    lab, problems, job = fresh_lab
    prm = prm_of(lab, job)
    step, score = StepFact((2,), "structure", "text", None), ScoreFact((2,), 0.625)
    writer = writer_of(lab, problems, job)
    writer.prm = prm
    for _ in range(2):
        with lab.writing() as connection:
            writer.write(connection, [(1, score), (1, step), (2, step)])
    other = add_job(lab, "score", {"prm": prm})
    with lab.writing() as connection:
        step_id = trees.step_ids(connection, 2)[2,]
        key = {"step_id": step_id, "checkpoint_id": prm, "format_digest": FORMAT_DIGEST}
        rows.add(connection, Score, **key, value=0.5, job_id=other)
    with lab.reading() as connection:
        assert stored_facts(connection, 1) == [step, score]
        assert stored_facts(connection, 2) == [step]  # another job's score steered nothing
        found = connection.exec_driver_sql("SELECT checkpoint_id, format_digest, value, job_id FROM score").all()
    assert sorted(found) == [(prm, FORMAT_DIGEST, 0.5, other), (prm, FORMAT_DIGEST, 0.625, job)]
    unnamed = writer_of(lab, problems, job)
    with pytest.raises(ValueError, match="was not named"), lab.writing() as connection:
        unnamed.write(connection, [(1, score)])


def test_a_job_goes_on_inside_its_trees(
    fresh: Callable[[], tuple[Lab, list[int], int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended in mid-flush, twice, and read back a few trees at a time, it leaves the trees of one that was left alone."""
    lab, problems, job = fresh()
    grow(lab, problems, job)
    whole = exports(lab)
    lab, problems, job = fresh()
    monkeypatch.setattr(planting, "CHUNK", 2)
    monkeypatch.setattr(growing, "FLUSH_S", 0.0)
    write, flushes = TreeWriter.write, 0

    def killed(self: TreeWriter, connection: Any, facts: Sequence[Any], *, iteration: int | None = None) -> None:
        nonlocal flushes
        write(self, connection, facts, iteration=iteration)
        flushes += 1
        if flushes in (2, 5):
            raise KeyboardInterrupt

    monkeypatch.setattr(TreeWriter, "write", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            grow(lab, problems, job)
    grown = grow(lab, problems, job)
    assert sum(grown.ended.values()) == TREES
    assert exports(lab) == whole
    assert verify(lab, quick=True)[1] == []


def test_trees_are_made_once_and_known_again(fresh_lab: tuple[Lab, list[int], int], written: Written) -> None:
    lab, problems, job = fresh_lab
    writer = writer_of(lab, problems, job)
    put(lab, writer, [(tree, fact) for tree, fact in written if tree == 3], 1000)
    with lab.writing() as connection:  # known trees keep their cases; new ones are begun without it
        case = cases_of_trees(connection, [3])[3][0][0]
        values = {"test_case_id": case, "reason": "wrong", "author": "ann", "created_at": "now"}
        rows.add(connection, TestWithdrawal, **values)
    again = TreeWriter(By(job_id=job), 2, "search")
    more = plans(problems, TREES + PROBLEMS, simulations=6)
    begun = list(planted(lab, job, more, again, **COLUMNS))
    assert [each.tree_id for each in begun] == list(range(1, TREES + PROBLEMS + 1))
    assert same(begun[2].stored, [fact for tree, fact in written if tree == 3])
    assert [each.stored for each in begun if each.tree_id != 3] == [[]] * (TREES + PROBLEMS - 1)
    kept, lost = (each for each in begun if each.plan.problem_id == begun[2].plan.problem_id and each.tree_id in (3, 9))
    assert len(kept.cases) == len(lost.cases) + 1
    assert kept.cases[1:] == lost.cases


def test_a_problem_without_tests_is_named(fresh_lab: tuple[Lab, list[int], int]) -> None:
    lab, problems, job = fresh_lab
    bare = replace(
        next(one for one in read() if isinstance(one, NewProblem)), source_key="bare", statement="-", cases=()
    )
    with lab.writing() as connection:
        problem_id = add_problem(connection, bare, By(author="t")).id
    with pytest.raises(LabError, match=f"problem {problem_id} has no tests"):
        list(planted(lab, job, plans([*problems, problem_id], 4), TreeWriter(By(job_id=job), 1, "search"), **COLUMNS))
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM tree").scalar() == 0


def test_what_is_known_of_many_problems_is_what_a_judge_would_look_up(
    fresh_lab: tuple[Lab, list[int], int], written: Written
) -> None:
    lab, problems, job = fresh_lab
    put(lab, writer_of(lab, problems, job), written, 1000)
    with lab.reading() as connection:
        every = known_for(connection, problems)
        parts = [known_for(connection, [problem]) for problem in [*problems, *problems]]
        assert known_for(connection, []) == {}
        total = connection.exec_driver_sql("SELECT COUNT(*) FROM verdict").scalar()
        assert judged_s(connection, job) == pytest.approx(sum(said.cpu_ms for said in every.values()) / 1000)
        assert judged_s(connection, job + 1) == 0.0
    assert len(every) == total == sum(map(len, parts)) / 2
    assert every == {key: said for part in parts for key, said in part.items()}
    assert all(type(key) is Key for key in every)


def test_a_budget_of_sandbox_seconds_counts_earlier_attempts(fresh_lab: tuple[Lab, list[int], int]) -> None:
    lab, problems, job = fresh_lab
    with lab.writing() as connection:
        what = planting.asked(connection, problems[0])
        profile = planting.add_profile(connection, what)
        program = connection.exec_driver_sql("SELECT id FROM program WHERE problem_id = ?", (problems[0],)).scalar()
        test_set = planting.problems.test_set(connection, problems[0])
        case = cases_of(connection, test_set or 0)[0][0]
        said = Verdict("AC", cpu_ms=60_000.0, layer="L4")
        add_verdicts(connection, [Judged(int(program or 0), case, profile, said)], By(job_id=job))
    spent = grow(lab, problems, job, sandbox_budget_s=60.0)
    assert (spent.budget, spent.trees, spent.ended) == (True, {}, {})
    other = add_job(lab, "synthesize", {"sampler": "fake:7"})
    grown = grow(lab, problems, other, sandbox_budget_s=60.0)
    assert "budget" not in grown.ended
    assert 0 < grown.sandbox_s < 60.0


def test_ids_may_be_given_before_rows_are_written(fresh_lab: tuple[Lab, list[int], int]) -> None:
    lab, problems, job = fresh_lab
    with lab.writing() as connection:
        assert rows.next_id(connection, Score) == 1
        before = rows.next_id(connection, trees.Tree)
        writer = writer_of_one(connection, problems, job)
        assert rows.next_id(connection, trees.Tree) == before + 1
        assert isinstance(writer, TreeWriter)
        root = trees.step_ids(connection, before)[()]
        assert rows.next_id(connection, trees.Step) == root + 1
        writer.open_all(connection, [Opening(before, problems[0], None, {})])
        writer.write(connection, [(before, StepFact((n,), "structure", str(n), None)) for n in range(3)])
        assert trees.step_ids(connection, before) == {(): root, (0,): root + 1, (1,): root + 2, (2,): root + 3}
