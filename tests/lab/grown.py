"""Trees grown on the shipped problems without a sandbox: a lab with them, a job's rows and reporter, and a judge that only
looks at its questions.

What a search leaves is real (sampler, parser, selection); only the verdicts are made up, from a digest of what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from o1coder import rows, stage
from o1coder.canonical import canonical, digest, digest_bytes
from o1coder.clock import now
from o1coder.flow import Pull, in_calls
from o1coder.growing import Plan
from o1coder.judge import Question, Verdict
from o1coder.lab import Lab
from o1coder.models import Attempt, Job
from o1coder.problems.record import NewProblem
from o1coder.problems.shipped import read
from o1coder.problems.store import add_problem
from o1coder.rows import By
from o1coder.search import SearchConfig
from o1coder.text import load_prompt


class Quiet:
    """A reporter that keeps nothing."""

    def __init__(self, job_id: int) -> None:
        self.job_id, self.attempt = job_id, 1
        self.cancelled, self.remaining_s = False, None

    def metric(self, iteration: int, **values: float) -> None: ...
    def progress(self, done: int, total: int) -> None: ...
    def log(self, text: str) -> None: ...
    def stopped(self, reason: str) -> None: ...


def add_job(lab: Lab, name: str, values: dict[str, Any], outcome: str | None = "done") -> int:
    """A job row as `enqueue` writes it, with one attempt; `outcome` None leaves it open, by a process long gone."""
    config = canonical(stage.parse(stage.find(name).config, values).model_dump(mode="json"))
    with lab.writing() as connection:
        job_id = rows.add(
            connection,
            Job,
            stage=name,
            config=config,
            config_digest=digest_bytes(config.encode()),
            seed=0,
            author="tester",
            created_at=now(),
        )
        rows.add(
            connection,
            Attempt,
            job_id=job_id,
            n=1,
            host="elsewhere",
            boot_id="",
            pid=1,
            create_time=0.0,
            started_at=now(),
            heartbeat_at=now(),
            outcome=outcome,
            ended_at=None if outcome is None else now(),
        )
    return job_id


class FreeJudge:
    """As o1coder.judge.Judge, but it runs nothing: three verdicts of four are AC."""

    layer = "L4"

    def __init__(self, workers: int | None = None) -> None:
        self.asked = 0

    def serve(
        self, pull: Pull[Question | Verdict], cancelled: Callable[[], bool] | None = None
    ) -> Iterator[tuple[int, Verdict]]:
        return in_calls(self.judge, pull, 64)

    def judge(self, questions: Sequence[Question | Verdict], cancelled: Any = None) -> list[Verdict]:
        return [one if isinstance(one, Verdict) else self.say(one) for one in questions]

    def say(self, question: Question) -> Verdict:
        """The same of the same question."""
        self.asked += 1
        number = int(digest([question.code, question.case.input])[-6:], 16)
        code, detail = ("AC", "") if number % 4 else ("WA", f"expected {question.case.expected}, got something else")
        return Verdict(code, number % 100 + 0.25, 12.5, 20_000, 0, detail, "L4")  # type: ignore[arg-type]

    def __enter__(self) -> FreeJudge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_lab(home: Path, problems: int) -> tuple[Lab, list[int]]:
    """A lab with that many of the shipped train problems, and their ids."""
    lab = Lab.create(home)
    found = [one for one in read() if isinstance(one, NewProblem) and one.split == "train"][:problems]
    with lab.writing() as connection:
        ids = [add_problem(connection, problem, By(author="tester")).id for problem in found]
    return lab, ids


def plans(problem_ids: Sequence[int], trees: int, **settings: Any) -> list[Plan]:
    """That many plans, over the problems in turn."""
    prompt = load_prompt("plain")
    config = SearchConfig(prompt=prompt.name, chooses=prompt.chooses, **settings)
    return [
        Plan(problem_ids[n % len(problem_ids)], n // len(problem_ids), config, prompt, seed=1000 + n)
        for n in range(trees)
    ]
