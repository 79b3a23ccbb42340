"""What a test case generator returns becomes rows: completions, cases, the reference's verdicts, a `verify` set, a measure.

Used by `generate-tests` and by `solve`. One tree of kind `cases` a problem holds the completions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert

from o1coder import casework
from o1coder.clock import now
from o1coder.growing import seed_of
from o1coder.lab import Lab
from o1coder.models import Completion, Evaluation, EvaluationItem, GeneratedCase
from o1coder.problems.store import add_case, add_test_set
from o1coder.queries import problems
from o1coder.rows import By, add, add_once, find
from o1coder.stage import Reporter
from o1coder.task import Case
from o1coder.trees import add_tree, step_ids
from o1coder.verdicts import Asked, add_profile, add_verdict, asked, question

if TYPE_CHECKING:
    from o1coder.judge import Judge
    from o1coder.judge import Verdict as Said
    from o1coder.sampling import Sample, Sampler
    from o1coder.text import Prompt


@dataclass(frozen=True)
class Asking:
    """How a generator is asked."""

    prompt: Prompt
    tcg: int | None
    n: int
    cases: int
    temperature: float
    seed: int
    split: str
    check: bool = True  # False at `solve`: no reference may be looked at there


CASES_ORDINAL = -1  # beside the search trees of the same job and problem


class Made(NamedTuple):
    """Counts over all problems: asked for, parsed, judged by a reference, valid."""

    asked: int
    parsed: int
    judged: int
    valid: int


class _One(NamedTuple):
    what: Asked
    digest: str
    reference: problems.Reference | None


def generate(lab: Lab, report: Reporter, ids: Sequence[int], asking: Asking, sampler: Sampler, judge: Judge) -> Made:
    """Problem by problem in one batch; a problem whose tree is complete is not asked again."""
    from o1coder.sampling import Request
    from o1coder.text import case_max_tokens, case_prompt

    todo: list[_One] = []
    with lab.reading() as connection:
        for problem_id in ids:
            if _done(lab, report.job_id, problem_id):
                continue
            detail = problems.show(connection, problem_id)
            reference = problems.reference(connection, problem_id) if asking.check else None
            todo.append(_One(asked(connection, problem_id), detail.digest, reference))
    with_code = asking.prompt.form == "cases-with-code"
    todo = [one for one in todo if one.what.task.kind != "assert" and (one.reference or not with_code)]
    chunk = max(1, 32 // asking.n)
    for start in range(0, len(todo), chunk):
        if report.cancelled:
            return _made(lab, report.job_id)
        if report.remaining_s is not None and report.remaining_s <= 0:
            report.stopped("budget")
            break
        batch = todo[start : start + chunk]
        requests = [
            Request(
                case_prompt(
                    asking.prompt,
                    one.what.task,
                    one.reference.code if with_code and one.reference else None,
                    asking.cases,
                ),
                case_max_tokens(asking.prompt, one.what.task, asking.cases),
                asking.prompt.stops("cases"),
                asking.temperature,
                seed=seed_of(asking.seed, "cases", one.digest, n),
            )
            for one in batch
            for n in range(asking.n)
        ]
        samples = sampler.sample(requests)
        for place, one in enumerate(batch):
            _write(lab, report, one, asking, samples[place * asking.n : (place + 1) * asking.n], sampler, judge)
            report.progress(min(len(todo), start + place + 1), len(todo))
    if asking.check:
        _measure(lab, report, asking)
    return _made(lab, report.job_id)


def _done(lab: Lab, job_id: int, problem_id: int) -> bool:
    with lab.reading() as connection:
        return (
            connection.exec_driver_sql(
                "SELECT 1 FROM tree x JOIN completion c ON c.tree_id = x.id "
                "WHERE x.job_id = ? AND x.problem_id = ? AND x.kind = 'cases'",
                (job_id, problem_id),
            ).first()
            is not None
        )


def _write(
    lab: Lab, report: Reporter, one: _One, asking: Asking, samples: Sequence[Sample], sampler: Sampler, judge: Judge
) -> None:
    by = By(job_id=report.job_id)
    what = one.what
    opening = asking.prompt.opening("cases", what.task)
    found = [casework.parsed(opening + sample.text, what.task, asking.cases) for sample in samples]
    cases: dict[str, Case] = {case.digest: case for one_found in found for case in casework.as_cases(one_found.cases)}
    said: dict[str, Said] = {}
    if one.reference is not None and cases:
        code = one.reference.code
        said = dict(zip(cases, judge.judge([question(what, code, case) for case in cases.values()]), strict=True))
    with lab.writing() as connection:
        profile_id = add_profile(connection, what)
        tree_id = add_tree(
            connection,
            report.job_id,
            what.problem_id,
            CASES_ORDINAL,
            kind="cases",
            preset="tcg",
            config={
                "prompt": asking.prompt.name,
                "n": asking.n,
                "cases": asking.cases,
                "temperature": asking.temperature,
            },
            prompt_digest=asking.prompt.digest,
            sampler=sampler.spec,
            reproducible=sampler.reproducible,
            seed=seed_of(asking.seed, "cases", one.digest),
            policy_id=asking.tcg,
            profile_id=profile_id,
            with_reference=asking.prompt.form == "cases-with-code",
        )
        root = step_ids(connection, tree_id)[()]
        survivors: list[int] = []
        for ordinal, (sample, parsed) in enumerate(zip(samples, found, strict=True)):
            completion_id = add_once(
                connection,
                Completion,
                {"tree_id": tree_id, "parent_id": root, "ordinal": ordinal},
                text=opening + sample.text,
                tokens_in=sample.tokens_in,
                tokens_out=sample.tokens_out,
                logprob=sample.logprob,
                finish_reason=sample.finish_reason,
                error=None if parsed.cases else "no case could be read",
            )
            for n, case in enumerate(casework.as_cases(parsed.cases)):
                case_id = add_case(connection, what.problem_id, case.input, case.expected, "tcg", by)
                verdict = said.get(case.digest)
                valid = None if verdict is None or verdict.code in ("IE", "SK") else verdict.code == "AC"
                if verdict is not None and one.reference is not None:
                    add_verdict(connection, one.reference.id, case_id, profile_id, verdict, by)
                if valid or (valid is None and one.reference is None):
                    survivors.append(case_id)
                key = {"completion_id": completion_id, "ordinal": n}
                add_once(connection, GeneratedCase, key, test_case_id=case_id, valid=valid)
            for n in range(parsed.missing):
                key = {"completion_id": completion_id, "ordinal": len(parsed.cases) + n}
                add_once(connection, GeneratedCase, key, error="not returned, or could not be read")
        if survivors:
            add_test_set(connection, what.problem_id, "verify", survivors, by)


_COUNT = (
    "SELECT COUNT(*), COUNT(g.test_case_id), COUNT(g.valid), COALESCE(SUM(g.valid), 0) FROM tree x "
    "JOIN completion c ON c.tree_id = x.id JOIN generated_case g ON g.completion_id = c.id WHERE x.job_id = ?"
)


def _made(lab: Lab, job_id: int) -> Made:
    with lab.reading() as connection:
        return Made._make(connection.exec_driver_sql(_COUNT, (job_id,)).one())


def _measure(lab: Lab, report: Reporter, asking: Asking) -> None:
    """One evaluation a job: n cases asked for a problem, c valid, `complete` parsed."""
    with lab.writing() as connection:
        if find(connection, Evaluation, job_id=report.job_id) is not None:
            return
        tokens = connection.exec_driver_sql(
            "SELECT COALESCE(SUM(c.tokens_in), 0), COALESCE(SUM(c.tokens_out), 0) FROM completion c "
            "JOIN tree x ON x.id = c.tree_id WHERE x.job_id = ?",
            (report.job_id,),
        ).one()
        evaluation_id = add(
            connection,
            Evaluation,
            job_id=report.job_id,
            checkpoint_id=asking.tcg,
            split=asking.split,
            mode="cases",
            n=asking.n * asking.cases,
            temperature=asking.temperature,
            prompt_digest=asking.prompt.digest,
            seed=asking.seed,
            tokens_in=tokens[0],
            tokens_out=tokens[1],
            created_at=now(),
        )
        for row in connection.exec_driver_sql(
            _COUNT.replace("SELECT ", "SELECT x.problem_id, ", 1) + " GROUP BY x.problem_id", (report.job_id,)
        ).all():
            connection.execute(
                insert(EvaluationItem).values(
                    evaluation_id=evaluation_id,
                    problem_id=row[0],
                    n=row[1] - (row[2] - row[3]),
                    c=row[4],
                    masked=row[2] - row[3],  # parsed cases that nobody could judge
                    complete=row[2],
                )
            )
