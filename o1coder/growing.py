"""Growing trees for a stage: opens the sampler and the judge, makes the tree rows, runs the search, writes what it finds.

Shared by every stage that samples steps (synthesize, evaluate, solve, fresh draws). The search itself (search/) knows no
lab; a killed stage that is started again goes on inside its trees.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.checkpoints import Weights, weights
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.planting import planted
from o1coder.rows import By
from o1coder.stage import Reporter, Sampled
from o1coder.trees import Pulse, TreeWriter, pulse
from o1coder.verdicts import judged_s, known_for

if TYPE_CHECKING:
    from o1coder.sampling import Sampler, Scorer
    from o1coder.search import Pulse as Beat
    from o1coder.search import SearchConfig
    from o1coder.search.config import Settled
    from o1coder.search.facts import Fact
    from o1coder.task import Action
    from o1coder.text import Prompt

FLUSH_S = 0.25
OPEN_TREES = 256
BATCH = 32  # completions that a small machine's sampler decodes at once


def seed_of(*parts: object) -> int:
    """A 63-bit seed from a job's seed and what it is for: BLAKE2b, the same on every machine."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


@contextmanager
def open_policy(lab: Lab, config: Sampled) -> Iterator[tuple[Sampler, Weights | None]]:
    """The sampler a stage asked for and the policy behind it, None where none was named: a scripted one needs none, and a
    server has its own. A checkpoint named beside a server is the operator's word for what is served there."""
    from o1coder.sampling import open_sampler

    policy = None if config.policy is None else weights(lab, config.policy)
    if policy is None and not config.sampler.startswith(("fake:", "http")):
        raise LabError(
            "no policy is named",
            "name a checkpoint or a model with --policy, or take --sampler fake:SEED, or http://host:port/v1#model",
        )
    sampler = open_sampler(
        config.sampler,
        model=None if policy is None else policy.model,
        adapter=None if policy is None else policy.adapter,
        threads=config.threads,
        exact=config.exact,
        batch=config.batch,
        simulate=config.simulate,
        gpu_share=config.gpu_share,
        context=config.context,
    )
    try:
        yield sampler, policy
    finally:
        sampler.close()


def prompt_of(name: str, policy: Weights | None, *, direct: bool = False) -> Prompt:
    """The prompt of that name; `auto` takes the form the checkpoint was trained on, else the one-example prompt."""
    from o1coder.text import load_prompt

    if name == "auto":
        trained = policy.prompt if policy is not None else None
        name = trained or ("direct" if direct else "plain")
    return load_prompt(name)


@dataclass(frozen=True)
class Plan:
    """One tree to grow."""

    problem_id: int
    ordinal: int
    config: SearchConfig
    prompt: Prompt
    seed: int
    test_set: int | None = None  # default: the set that steers work on the problem
    given: tuple[tuple[Action, str], ...] = ()  # steps below the root that nobody samples
    settled: Settled | None = None  # what ends an adaptive tree; default: a program that passes tests which tell


class Grown(NamedTuple):
    """What growing did: tree ids by (problem, ordinal), how many of the job's trees ended why (earlier attempts included),
    whether a budget ended or prevented any; sandbox figures are of this attempt."""

    trees: dict[tuple[int, int], int]
    ended: dict[str, int]
    budget: bool
    sandbox_runs: int
    sandbox_s: float


def grow(
    lab: Lab,
    report: Reporter,
    plans: Sequence[Plan],
    sampler: Sampler,
    policy_id: int | None,
    *,
    kind: Literal["search", "group", "draws"],
    origin: Literal["search", "evaluation"],
    label: bool = True,
    estimate: Literal["tree", "mc"] = "tree",
    deadline: Callable[[], bool] | None = None,
    token_budget: int | None = None,
    sandbox_budget_s: float | None = None,
    workers: int | None = None,
    before: tuple[int, int] = (0, 0),
    scorer: Scorer | None = None,
    prm: int | None = None,
    open_trees: int = OPEN_TREES,
) -> Grown:
    """Grow `plans` to their ends or to the budget: the stage's seconds, sampled tokens, CPU-seconds in the sandbox.

    `before`: (rollouts done, rollouts in all) where these plans are a part of the job. `scorer` with the checkpoint `prm`
    steers the searches that want it. LabError when a problem has no test set to judge with."""
    from o1coder.judge import Cached, Judge
    from o1coder.search import TreeSpec, run_search

    by = By(job_id=report.job_id)
    writer = TreeWriter(by, report.attempt, origin)
    writer.prm = prm
    writer.label, writer.estimate = label, estimate
    ids: dict[tuple[int, int], int] = {}
    expected = max(1, sum(plan.config.expected_rollouts for plan in plans))
    start, total = before[0], before[1] or expected

    def specs() -> Iterator[TreeSpec]:
        columns = {"kind": kind, "sampler": sampler.spec, "reproducible": sampler.reproducible, "policy_id": policy_id}
        for plan, tree_id, what, cases, stored in planted(lab, report.job_id, plans, writer, **columns):
            ids[plan.problem_id, plan.ordinal] = tree_id
            spec = TreeSpec(
                tree_id,
                what.task,
                cases,
                plan.seed,
                plan.config,
                plan.prompt,
                what.comparator,
                what.limits,
                stored,
                plan.given,
            )
            if plan.settled is not None:
                spec.settled = plan.settled
            yield spec

    def write(facts: list[tuple[int, Fact]]) -> None:
        with lab.writing() as connection:
            writer.write(connection, facts)

    with lab.reading() as connection:
        known = known_for(connection, {plan.problem_id for plan in plans})
        sandbox_before = 0.0 if sandbox_budget_s is None else judged_s(connection, report.job_id)
        tokens_before = 0 if token_budget is None else _sampled(connection, report.job_id, kind)
    stuck: set[int] = set()

    def pulses(open_now: list[Beat]) -> None:
        with lab.writing() as connection:
            rows = [Pulse(each.key, each.rollouts, each.tokens_out, each.silent_s, each.doing) for each in open_now]
            pulse(connection, rows, report.attempt)
        for each in open_now:
            if each.stuck and each.key not in stuck:
                stuck.add(each.key)
                report.log(f"tree {each.key} is stuck: {each.silent_s:.0f} s of {each.doing}, nothing has come for it")

    def spent() -> bool:
        if deadline is not None:
            return deadline()
        over = report.remaining_s is not None and report.remaining_s <= 0
        return over or (sandbox_budget_s is not None and sandbox_before + cached.cpu_s >= sandbox_budget_s)

    with Judge(workers) as judge:
        cached = Cached(judge, known)
        outcome = run_search(
            specs(),
            sampler,
            cached,
            write=write,
            cancelled=lambda: report.cancelled,
            scorer=scorer,
            deadline=spent,
            token_budget=token_budget,
            tokens_before=tokens_before,
            on_progress=lambda p: report.progress(start + min(p.rollouts, expected), total),
            on_pulse=pulses,
            open_trees=open_trees,
            flush_s=FLUSH_S,
        )
    if not outcome.cancelled:
        _end_rest(lab, report.job_id, plans, writer)
    with lab.reading() as connection:
        ended = reasons(connection, report.job_id)
    short = "budget" in ended or (not outcome.cancelled and len(ids) < len(plans))
    if short:
        report.stopped("budget")
    elif not outcome.cancelled:
        report.progress(start + expected, total)
    return Grown(ids, ended, short, cached.runs, cached.cpu_s)


class Waves(NamedTuple):
    """How many whole waves were grown, and whether a budget kept the rest from being begun."""

    done: int
    budget: bool


def grow_waves(
    lab: Lab,
    report: Reporter,
    waves: Sequence[Sequence[Plan]],
    sampler: Sampler,
    policy_id: int | None,
    *,
    kind: Literal["search", "group"],
    rows: int | None,
    token_budget: int | None = None,
    scorer: Scorer | None = None,
    prm: int | None = None,
) -> Waves:
    """Grow plans wave by wave for an evaluation: as many waves at once as fill a batch of `rows` completions (None: BATCH).
    A wave (one sample of every problem) is grown to its end or not begun: a budget, in seconds or sampled tokens, that cut
    chains in flight would count those that fail early and drop the longer ones. The first are grown whatever the budget."""
    sizes = [sum(plan.config.expected_rollouts for plan in wave) for wave in waves]
    together = max(1, (rows or BATCH) // max(1, sum(plan.config.width_at(0) for plan in waves[0]))) if waves else 1
    spent: list[float] = []
    for n in range(0, len(waves), together):
        left = report.remaining_s
        late = bool(spent) and left is not None and left < sum(spent) / len(spent)
        dear = False
        if token_budget is not None and n:
            with lab.reading() as connection:
                dear = _sampled(connection, report.job_id, kind, n) * (n + together) > token_budget * n
        if late or dear:
            report.stopped("budget")
            return Waves(n, True)
        began = time.monotonic()
        grow(
            lab,
            report,
            [plan for wave in waves[n : n + together] for plan in wave],
            sampler,
            policy_id,
            kind=kind,
            origin="evaluation",
            label=False,
            deadline=lambda: False,
            before=(sum(sizes[:n]), sum(sizes)),
            scorer=scorer,
            prm=prm,
        )
        if report.cancelled:
            return Waves(n, False)
        spent.append(time.monotonic() - began)
    return Waves(len(waves), False)


def _end_rest(lab: Lab, job_id: int, plans: Sequence[Plan], writer: TreeWriter) -> None:
    """End the trees that an earlier attempt began and this one's budget kept from being opened."""
    with lab.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT problem_id, ordinal FROM tree x WHERE job_id = ? "
            "AND NOT EXISTS (SELECT 1 FROM tree_end e WHERE e.tree_id = x.id)",
            (job_id,),
        )
        still_open = {(row[0], row[1]) for row in rows}
    from o1coder.search import EndFact

    left = [plan for plan in plans if (plan.problem_id, plan.ordinal) in still_open]
    over = [(each.tree_id, EndFact("budget")) for each in planted(lab, job_id, left, writer)]
    if over:
        with lab.writing() as connection:
            writer.write(connection, over)


def _sampled(connection: Connection, job_id: int, kind: str, waves: int = 2**62) -> int:
    """The tokens that a job has sampled, in its first `waves` waves."""
    found = connection.exec_driver_sql(
        "SELECT COALESCE(SUM(c.tokens_out), 0) FROM tree x JOIN completion c ON c.tree_id = x.id "
        "WHERE x.job_id = ? AND x.kind = ? AND x.ordinal < ?",
        (job_id, kind, waves),
    )
    return int(found.scalar_one())


def reasons(connection: Connection, job_id: int) -> dict[str, int]:
    """How many trees of a job ended for which reason, whichever attempt saw it."""
    rows = connection.exec_driver_sql(
        "SELECT e.reason, COUNT(*) FROM tree x JOIN tree_end e ON e.tree_id = x.id WHERE x.job_id = ? GROUP BY e.reason",
        (job_id,),
    )
    return {row[0]: row[1] for row in rows}
