"""`evaluate --mode search`: the program that `solve` would choose, judged on tests it has not seen; and what it is worth.

Beside it, when asked, best-of-n of as many sampled tokens: whole chains of the same policy for the same generated tests, one
program chosen by the same rule, judged on the same unseen tests. Chains come whole, so it gets a little more rather than less;
the tokens of both are told, and the prompt's apart. Tokens of the generated tests count in neither, since both use the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.evaluating import Item, judge_codes, record, spent
from o1coder.growing import Plan, Waves, grow_waves, prompt_of, seed_of
from o1coder.lab import Lab
from o1coder.measure import bootstrap_mean
from o1coder.queries import problems
from o1coder.rows import By
from o1coder.searched import Answering
from o1coder.solving import chosen_by, open_steering, score_answers, search_plans, verify_sets
from o1coder.stage import Reporter

if TYPE_CHECKING:
    from o1coder.sampling import Sampler

BASELINE = 1_000_000  # ordinals of the baseline's trees begin here


class Cost(NamedTuple):
    """Tokens of some trees, and about what one chain of theirs takes."""

    tokens_in: int
    tokens_out: int
    a_chain: float


def evaluate_search(
    lab: Lab,
    report: Reporter,
    config: Answering,
    sampler: Sampler,
    *,
    splits: Sequence[str],
    slice: str | None,
    limit: int | None,
    n: int,
    official: bool,
    baseline: bool,
) -> None:
    """Choose a program in each of n trees, then judge only that one on the unseen tests. A tree without a program, and a
    problem for which no test could be generated, is a sample that is wrong; a tree in which there is nothing to choose from
    because the judge failed on all its programs is masked."""
    with lab.reading() as connection:
        ids = {s: problems.select(connection, split=s, slice=slice, limit=limit) for s in splits}
    every = [i for found in ids.values() for i in found]
    sets = verify_sets(lab, report, every, config, sampler, "tcg-statement", config.policy)
    plans = search_plans(lab, config, sets, n=n)
    with open_steering(lab, config) as scorer:
        waves = Waves(n, False)
        if sets:
            waves = grow_waves(
                lab,
                report,
                plans,
                sampler,
                config.policy,
                kind="search",
                rows=config.batch,
                token_budget=config.budget_tokens,
                scorer=scorer,
                prm=config.prm,
            )
        score_answers(lab, report, config, scorer)
        if report.cancelled:
            return
        with lab.reading() as connection:
            reached = connection.exec_driver_sql(
                "SELECT problem_id FROM tree WHERE job_id = ? AND kind = 'cases' ORDER BY id", (report.job_id,)
            )  # a problem that the budget kept from being asked is no sample
            asked = [row[0] for row in reached]
        items = _items(lab, report, config, asked, 0, waves.done, official)
        if report.cancelled:
            return
        for split, found in ids.items():
            with lab.reading() as connection:
                cost = spent(connection, report.job_id, split)
            record(
                lab,
                report,
                [item for item in items if item.problem_id in found],
                checkpoint_id=config.policy,
                split=split,
                slice=slice,
                mode="search",
                n=waves.done,
                temperature=config.temperature,
                seed=config.seed,
                stopped="budget" if waves.budget or len(asked) < len(every) else None,
                **cost,
            )
        if config.asks_prm and not baseline:
            report.log("without --baseline nothing says whether best-of-n at as many tokens would do as well")
        if baseline and sets:
            others = _best_of_n(lab, report, config, sampler, sets, waves.done)
            score_answers(lab, report, config, scorer)
            if not report.cancelled:
                beside = _items(lab, report, config, asked, BASELINE, others.done, official)
                _tell(lab, report, ids, items, beside)


def _items(
    lab: Lab, report: Reporter, config: Answering, asked: Iterable[int], first: int, waves: int, official: bool
) -> list[Item]:
    """What was chosen in the trees of these waves, judged on the unseen tests."""
    codes: dict[int, list[str | None]] = {problem_id: [None] * waves for problem_id in asked}
    masked: Counter[int] = Counter()
    with lab.reading() as connection:
        trees = connection.exec_driver_sql(
            "SELECT id, problem_id, ordinal FROM tree WHERE job_id = ? AND kind = 'search' AND ordinal BETWEEN ? AND ?",
            (report.job_id, first, first + waves - 1),
        ).all()
        for tree_id, problem_id, ordinal in trees:
            chosen = chosen_by(connection, tree_id, config.model_dump())
            codes[problem_id][ordinal - first] = None if chosen is None else chosen.code
            masked[problem_id] += chosen is None and _only_masked(connection, tree_id)
    for problem_id, some in masked.items():
        for _ in range(some):
            codes[problem_id].remove(None)
    return [
        item._replace(masked=item.masked + masked[item.problem_id])
        for item in judge_codes(lab, report, codes, By(job_id=report.job_id), official=official)
    ]


def _only_masked(connection: Connection, tree_id: int) -> bool:
    """Whether a tree without a judged program has one that the judge failed on."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM rollout WHERE tree_id = ? AND program_id IS NOT NULL AND reward IS NULL", (tree_id,)
    ).first()
    return found is not None


def _best_of_n(
    lab: Lab,
    report: Reporter,
    config: Answering,
    sampler: Sampler,
    sets: Mapping[int, int],
    waves: int,
) -> Waves:
    """For each searched tree as many whole chains as its tokens pay for, in a tree of their own."""
    from o1coder.checkpoints import weights
    from o1coder.search import preset

    prompt = prompt_of(config.prompt, None if config.policy is None else weights(lab, config.policy))
    with lab.reading() as connection:
        costs = {
            (problem_id, wave): _cost(connection, report.job_id, problem_id, wave)
            for problem_id in sets
            for wave in range(waves)
        }
        marks = {i: problems.show(connection, i).digest for i in sets}
    known = [cost.a_chain for cost in costs.values() if cost.a_chain]
    usual = sum(known) / len(known) if known else 0.0  # for trees that direct answers settled
    plans = []
    for wave in range(waves):
        some = []
        for problem_id, test_set in sets.items():
            cost = costs[problem_id, wave]
            a_chain = cost.a_chain or usual
            chains = max(1, math.ceil(cost.tokens_out / a_chain)) if a_chain else 1
            rules = {"refines": config.refines, "temperature": config.temperature}
            search = preset("best-of-n", prompt=prompt.name, chooses=prompt.chooses, simulations=chains, **rules)
            seed = seed_of(config.seed, "baseline", marks[problem_id], wave)
            some.append(Plan(problem_id, BASELINE + wave, search, prompt, seed, test_set))
        plans.append(some)
    return grow_waves(lab, report, plans, sampler, config.policy, kind="search", rows=config.batch)


def _cost(connection: Connection, job_id: int, problem_id: int, ordinal: int) -> Cost:
    """What a tree took; a chain takes the mean completion of each level that it reaches, direct answers left out."""
    levels = connection.exec_driver_sql(
        "SELECT SUM(c.tokens_in), SUM(c.tokens_out), AVG(CASE WHEN a.depth = 0 AND s.action = 'code' THEN NULL "
        "ELSE c.tokens_out END), AVG(c.step_id IS NOT NULL) "
        "FROM tree x JOIN completion c ON c.tree_id = x.id JOIN step a ON a.id = c.parent_id "
        "LEFT JOIN step s ON s.id = c.step_id WHERE x.job_id = ? AND x.kind = 'search' AND x.problem_id = ? "
        "AND x.ordinal = ? GROUP BY a.depth ORDER BY a.depth",
        (job_id, problem_id, ordinal),
    ).all()
    chain, reached = 0.0, 1.0
    for row in levels:
        chain += reached * (row[2] or 0.0)
        reached *= row[3]
    return Cost(sum(row[0] for row in levels), sum(row[1] for row in levels), chain)


def _tell(
    lab: Lab, report: Reporter, ids: Mapping[str, Sequence[int]], items: Sequence[Item], beside: Sequence[Item]
) -> None:
    """The two figures side by side, split by split: metrics of the job (iteration = which split) and a line."""
    searched, plain = ({each.problem_id: each.c / each.n for each in some if each.n} for some in (items, beside))
    for number, (split, found) in enumerate(ids.items()):
        both = [i for i in found if i in searched and i in plain]
        if not both:
            continue
        gains = [searched[i] - plain[i] for i in both]
        gain = sum(gains) / len(both)
        interval = bootstrap_mean(gains)
        bounds = {} if interval is None else {"gain_low": interval.low, "gain_high": interval.high}
        said = "no interval" if interval is None else f"[{interval.low:+.3f}, {interval.high:+.3f}]"
        with lab.reading() as connection:
            own, others = (_tokens(connection, report.job_id, split, first) for first in (0, BASELINE))
        mine, theirs = (sum(rates[i] for i in both) / len(both) for rates in (searched, plain))
        report.metric(
            number,
            search_pass=mine,
            best_of_n_pass=theirs,
            gain=gain,
            **bounds,
            search_tokens_in=own[0],
            search_tokens_out=own[1],
            best_of_n_tokens_in=others[0],
            best_of_n_tokens_out=others[1],
        )
        report.log(
            f"{split}: search {mine:.3f} with {own[1]} sampled tokens ({own[0]} of prompts), best-of-n {theirs:.3f} with "
            f"{others[1]} ({others[0]}); difference {gain:+.3f} {said}"
        )


def _tokens(connection: Connection, job_id: int, split: str, first: int) -> tuple[int, int]:
    """Prompt and sampled tokens of a job's searched trees on a split, or of its baseline's."""
    row = connection.exec_driver_sql(
        "SELECT COALESCE(SUM(c.tokens_in), 0), COALESCE(SUM(c.tokens_out), 0) FROM tree x JOIN completion c "
        "ON c.tree_id = x.id JOIN problem p ON p.id = x.problem_id WHERE x.job_id = ? AND x.kind = 'search' "
        "AND p.split = ? AND (x.ordinal >= ?) = ?",
        (job_id, split, BASELINE, first >= BASELINE),
    ).one()
    return row[0], row[1]
