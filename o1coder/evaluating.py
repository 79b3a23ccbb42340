"""Evaluations into the lab: items from trees of one chain each, or from programs of a file judged on held-out tests.

With `official`, programs are judged by the comparison of each problem's dataset (judge/official.py) instead of the
problem's own, under a profile of their own. Rewards and rollouts know nothing of it: what a policy sampled is judged by
the problem's own comparison first, and its programs once more for the figure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert
from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.models import Evaluation, EvaluationItem
from o1coder.problems.store import add_program
from o1coder.queries import problems
from o1coder.rows import By, add, find
from o1coder.stage import Reporter
from o1coder.task import Comparator
from o1coder.trees import cases_of
from o1coder.verdicts import add_profile, add_verdict, asked, known_for, question

if TYPE_CHECKING:
    from o1coder.growing import Waves


class Item(NamedTuple):
    """One problem of an evaluation."""

    problem_id: int
    n: int
    c: int
    masked: int
    complete: int


def record(lab: Lab, report: Reporter, items: Iterable[Item], **values: Any) -> int:
    """Write an evaluation with its items; a job's second call for the same split and mode returns the first's id."""
    with lab.writing() as connection:
        key = {"job_id": report.job_id, "split": values["split"], "mode": values["mode"]}
        known = find(connection, Evaluation, **key)
        if known is not None:
            return known
        evaluation_id = add(connection, Evaluation, job_id=report.job_id, created_at=now(), **values)
        rows = [{"evaluation_id": evaluation_id, **item._asdict()} for item in items]
        if rows:
            connection.execute(insert(EvaluationItem), rows)
        return evaluation_id


def spent(connection: Connection, job_id: int, split: str) -> dict[str, Any]:
    """What a job's samples on a split cost, over all its attempts. Sandbox figures are of the verdicts that this job was
    first to ask for: an equal question that the lab had an answer to is not run again."""
    tokens = connection.exec_driver_sql(
        "SELECT COALESCE(SUM(c.tokens_in), 0), COALESCE(SUM(c.tokens_out), 0) FROM completion c "
        "JOIN tree x ON x.id = c.tree_id JOIN problem p ON p.id = x.problem_id WHERE x.job_id = ? AND p.split = ?",
        (job_id, split),
    ).one()
    sandbox = connection.exec_driver_sql(
        "SELECT COUNT(*), COALESCE(SUM(v.cpu_ms), 0) / 1000.0 FROM verdict v JOIN program g ON g.id = v.program_id "
        "JOIN problem p ON p.id = g.problem_id WHERE v.job_id = ? AND p.split = ?",
        (job_id, split),
    ).one()
    return {"tokens_in": tokens[0], "tokens_out": tokens[1], "sandbox_runs": sandbox[0], "sandbox_s": sandbox[1]}


def official_comparators(connection: Connection, problem_ids: Iterable[int]) -> dict[int, Comparator]:
    """The comparator of the dataset that each problem comes from. LabError names the first problem that has none."""
    from o1coder.judge.official import official_for

    out: dict[int, Comparator] = {}
    for problem_id in problem_ids:
        source, key = connection.exec_driver_sql(
            "SELECT source, source_key FROM problem WHERE id = ?", (problem_id,)
        ).one()
        what = asked(connection, problem_id)
        try:
            out[problem_id] = official_for(source, what.task.kind, what.comparator)
        except LabError as error:
            raise LabError(f"problem {problem_id} ({source}/{key}): {error.message}", error.hint) from error
    return out


def sampled_programs(connection: Connection, job_id: int, split: str, waves: int) -> dict[int, list[str | None]]:
    """What a job's chains of the first `waves` waves came to, by problem; None for a chain without a program."""
    out: dict[int, list[str | None]] = {}
    for problem_id, code in connection.exec_driver_sql(
        "SELECT x.problem_id, g.code FROM tree x JOIN problem p ON p.id = x.problem_id "
        "JOIN rollout r ON r.tree_id = x.id LEFT JOIN program g ON g.id = r.program_id "
        "WHERE x.job_id = ? AND p.split = ? AND x.ordinal < ? ORDER BY x.problem_id, x.ordinal, r.id",
        (job_id, split, waves),
    ):
        out.setdefault(problem_id, []).append(code)
    return out


def own_items(connection: Connection, job_id: int, split: str, waves: int) -> list[Item]:
    """What the rollouts of a job's first waves say, judged as the problems want it."""
    rows = connection.exec_driver_sql(
        "SELECT x.problem_id, COUNT(r.reward), "
        "COALESCE(SUM(r.reward IS NOT NULL AND r.total > 0 AND r.passed = r.total), 0), "
        "SUM(r.reward IS NULL), SUM(r.program_id IS NOT NULL AND r.reward IS NOT NULL) FROM tree x "
        "JOIN problem p ON p.id = x.problem_id JOIN rollout r ON r.tree_id = x.id "
        "WHERE x.job_id = ? AND p.split = ? AND x.ordinal < ? GROUP BY x.problem_id ORDER BY x.problem_id",
        (job_id, split, waves),
    )
    return [Item(*row) for row in rows]


def record_trees(lab: Lab, report: Reporter, config: Any, split: str, prompt_digest: str, waves: Waves) -> int | None:
    """An evaluation from this job's trees of one chain each, of the waves that were grown to their end. Masked samples
    (the judge failed) count in neither n, c nor complete. None when it was cancelled."""
    if config.official:
        with lab.reading() as connection:
            codes = sampled_programs(connection, report.job_id, split, waves.done)
        items = judge_codes(lab, report, codes, By(job_id=report.job_id), official=True)
        if report.cancelled:
            return None
    else:
        with lab.reading() as connection:
            items = own_items(connection, report.job_id, split, waves.done)
    with lab.reading() as connection:
        cost = spent(connection, report.job_id, split)
    return record(
        lab,
        report,
        items,
        checkpoint_id=config.policy,
        split=split,
        slice=config.slice,
        mode=config.mode,
        n=waves.done,
        temperature=config.temperature,
        prompt_digest=prompt_digest,
        seed=config.seed,
        stopped="budget" if waves.budget else None,
        **cost,
    )


def read_programs(connection: Connection, file: str) -> dict[int, list[str]]:
    """{problem, code} lines by problem id; `task_id` and `completion` are taken for them. LabError names a wrong line."""
    try:
        lines = Path(file).read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise LabError(f"{file} cannot be read: {error.strerror}", "name a JSONL file of {problem, code}") from error
    except UnicodeDecodeError as error:
        raise LabError(f"{file} is not UTF-8 at byte {error.start}", "name a JSONL file of {problem, code}") from error
    out: dict[int, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, code = str(row.get("problem", row.get("task_id"))), row.get("code", row.get("completion"))
        except (ValueError, AttributeError) as error:
            raise LabError(f"{file}, line {number}: {error}", "each line is one JSON object {problem, code}") from error
        if not isinstance(code, str):
            raise LabError(f"{file}, line {number}: no code", "each line is one JSON object {problem, code}")
        try:
            problem_id = problems.find(connection, name)
        except LabError as error:
            raise LabError(f"{file}, line {number}: {error.message}", error.hint) from error
        out.setdefault(problem_id, []).append(code)
    if not out:
        raise LabError(f"{file} holds no programs", "each line is one JSON object {problem, code}")
    return out


def judge_codes(
    lab: Lab, report: Reporter, codes: Mapping[int, Sequence[str | None]], by: By, *, official: bool = False
) -> list[Item]:
    """Judge programs on every problem's held-out (train: audit) tests and store the verdicts; None is a sample without
    a program, which is wrong. What is counted is whether a program passes all tests, so none is run after the first that
    it fails. LabError when a problem has no tests or, with `official`, no official comparison."""
    from o1coder.judge import Cached, Judge

    with lab.reading() as connection:
        known = known_for(connection, codes)
        comparators = official_comparators(connection, codes) if official else {}
    items: list[Item] = []
    with Judge() as judge:
        cached = Cached(judge, known)
        for problem_id, found in codes.items():
            if report.cancelled:
                return items
            with lab.reading() as connection:
                what, test_set = asked(connection, problem_id), problems.unseen_set(connection, problem_id)
                cases = () if test_set is None else cases_of(connection, test_set)
                if not cases:
                    raise LabError(f"problem {problem_id} has no tests to judge with", "import it again with tests")
            what = what._replace(comparator=comparators.get(problem_id, what.comparator))
            programs = [code for code in found if code is not None]
            said = cached.judge(
                [question(what, code, case) for code in programs for _, case in cases],
                lambda: report.cancelled,
                stop_early=True,
            )
            if report.cancelled:
                return items
            passed = masked = 0
            with lab.writing() as connection:
                profile_id = add_profile(connection, what)
                for n, code in enumerate(programs):
                    verdicts = said[n * len(cases) : (n + 1) * len(cases)]
                    program_id = add_program(connection, problem_id, code, "evaluation", by)
                    for (case_id, _), verdict in zip(cases, verdicts, strict=True):
                        add_verdict(connection, program_id, case_id, profile_id, verdict, by)
                    masked += any(v.code == "IE" for v in verdicts)
                    passed += all(v.code == "AC" for v in verdicts)
            items.append(Item(problem_id, len(found) - masked, passed, masked, len(programs) - masked))
            report.progress(len(items), len(codes))
    return items


def evaluate_programs(lab: Lab, report: Reporter, file: str, seed: int, *, official: bool = False) -> None:
    """Judge a file's programs; one evaluation a split that its problems lie in."""
    with lab.reading() as connection:
        wanted = read_programs(connection, file)
        split_of = {i: problems.show(connection, i).row.split for i in wanted}
    items = judge_codes(lab, report, wanted, By(job_id=report.job_id), official=official)
    if report.cancelled:
        return
    for split in sorted(set(split_of.values())):
        found = [item for item in items if split_of[item.problem_id] == split]
        with lab.reading() as connection:
            cost = spent(connection, report.job_id, split)
        most = max(item.n + item.masked for item in found)
        record(lab, report, found, split=split, mode="programs", n=most, seed=seed, **cost)
