"""The anatomy of outcomes between the lab and its estimator: which trees to draw, and what their rows come to.

A problem has one nested tree, and for the swap test trees below pseudocode that was given to them: its own, another
problem's (a seeded order, each takes the next one's), or none. Trees that a budget cut are left out whole, since what
was drawn first would count for more. The figures are measure/'s.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from o1coder import measure
from o1coder.errors import LabError
from o1coder.growing import Plan, prompt_of, seed_of
from o1coder.lab import Lab
from o1coder.queries import jobs, problems

if TYPE_CHECKING:
    from o1coder.task import Action
    from o1coder.text import Prompt

ARMS = {"nested": 0, "own": 1_000, "foreign": 2_000, "direct": 3_000}  # where an arm's trees begin among a problem's
Pseudocode = tuple[tuple["Action", str], ...]


@dataclass(frozen=True)
class Design:
    """What is to be drawn: the fields of the stage's config."""

    seed: int
    policy: int | None
    prompt: str
    temperature: float
    split: str
    slice: str | None
    limit: int | None
    structures: int
    refines: int
    codes: int
    refine_steps: int
    swaps: int
    direct: bool


def nested_plans(lab: Lab, config: Design) -> list[Plan]:
    """One tree a problem. LabError where the policy chooses its own actions: its levels have no names."""
    from o1coder.search import preset

    prompt = _prompt(lab, config)
    if prompt.chooses != "search":
        raise LabError(
            "with this prompt the policy chooses its actions", "take a prompt in which the search does: plain"
        )
    inner = (config.structures, *[config.refines] * config.refine_steps)
    simulations = config.structures * config.refines**config.refine_steps
    search = preset(
        "anatomy",
        prompt=prompt.name,
        refines=config.refine_steps,
        max_depth=config.refine_steps + 2,
        simulations=simulations,
        widths=(*inner, config.codes),
        temperature=config.temperature,
    )
    with lab.reading() as connection:
        ids = problems.select(connection, split=config.split, slice=config.slice, limit=config.limit)
        return [_plan(connection, config, problem, "nested", 0, search, prompt) for problem in ids]


def swap_plans(lab: Lab, config: Design, job_id: int) -> list[Plan]:
    """The trees of the three arms, from the pseudocodes that the nested trees of this job drew; none without a partner."""
    from o1coder.search import preset

    if config.swaps == 0:
        return []
    prompt, plain = _prompt(lab, config), _prompt(lab, config, direct=True)
    shared: dict[str, Any] = {"simulations": 1, "temperature": config.temperature}
    after = preset(
        "anatomy-swap",
        prompt=prompt.name,
        refines=config.refine_steps,
        max_depth=config.refine_steps + 2,
        width=config.codes,
        **shared,
    )
    direct = preset("anatomy-swap", prompt=plain.name, direct=True, width=config.codes * config.swaps, **shared)
    with lab.reading() as connection:
        known = {
            tree.problem_id: found
            for tree in _trees(connection, job_id, "nested")
            if (found := _pseudocodes(connection, tree.id, config.refine_steps + 1))
        }
        order = sorted(known)
        random.Random(seed_of(config.seed, "swap")).shuffle(order)
        if len(order) < 2:
            return []
        plans = []
        for problem, partner in zip(order, [*order[1:], order[0]], strict=True):
            for arm, source in (("own", problem), ("foreign", partner)):
                dice = random.Random(seed_of(config.seed, "pseudocodes", problems.show(connection, source).digest))
                chosen = dice.sample(known[source], min(config.swaps, len(known[source])))
                plans += [
                    _plan(connection, config, problem, arm, n, after, prompt, given) for n, given in enumerate(chosen)
                ]
            if config.direct:
                plans.append(_plan(connection, config, problem, "direct", 0, direct, plain))
    return plans


def swap_rollouts(config: Design, count: int) -> int:
    """About how many rollouts the swap test adds."""
    return count * config.swaps * config.codes * (3 if config.direct else 2)


def _prompt(lab: Lab, config: Design, *, direct: bool = False) -> Prompt:
    from o1coder.checkpoints import weights

    policy = None if config.policy is None else weights(lab, config.policy)
    return prompt_of("auto" if direct else config.prompt, policy, direct=direct)


def _plan(
    connection: Connection,
    config: Design,
    problem: int,
    arm: str,
    number: int,
    search: Any,
    prompt: Prompt,
    given: Pseudocode = (),
) -> Plan:
    seed = seed_of(config.seed, f"anatomy-{arm}", number, problems.show(connection, problem).digest)
    return Plan(problem, ARMS[arm] + number, search, prompt, seed, given=given)


def _trees(connection: Connection, job_id: int, arm: str) -> Sequence[Any]:
    """Trees of one arm that came to their own end, by problem."""
    return connection.exec_driver_sql(
        "SELECT x.id, x.problem_id FROM tree x JOIN tree_end e ON e.tree_id = x.id WHERE x.job_id = ? AND x.kind = 'draws' "
        "AND x.ordinal BETWEEN ? AND ? AND e.reason <> 'budget' ORDER BY x.problem_id, x.ordinal",
        (job_id, ARMS[arm], ARMS[arm] + 999),
    ).all()


def _pseudocodes(connection: Connection, tree_id: int, depth: int) -> list[Pseudocode]:
    """The whole pseudocodes of a tree: the steps down to each step at `depth`, in the order they were drawn."""
    steps = {
        row[0]: row
        for row in connection.exec_driver_sql(
            "SELECT id, parent_id, action, text, depth FROM step WHERE tree_id = ? ORDER BY depth, id", (tree_id,)
        )
    }
    found = []
    for row in steps.values():
        if row[4] == depth:
            path: list[tuple[Action, str]] = []
            while row[1] is not None:
                path.append((row[2], row[3]))
                row = steps[row[1]]
            found.append(tuple(reversed(path)))
    return found


def nested(connection: Connection, tree_id: int) -> measure.Nested:
    """The outcomes of one tree as they were drawn: a completion that did not parse fails all below it, a program that the
    judge failed on is None."""
    below: dict[int, list[tuple[int | None, int]]] = {}
    for parent, step, times in connection.exec_driver_sql(
        "SELECT parent_id, step_id, COUNT(*) FROM completion WHERE tree_id = ? GROUP BY parent_id, step_id "
        "ORDER BY MIN(ordinal)",
        (tree_id,),
    ):
        below.setdefault(parent, []).append((step, times))
    outcomes: dict[int, bool | None] = {
        leaf: None if reward is None else bool(total > 0 and passed == total)
        for leaf, passed, total, reward in connection.exec_driver_sql(
            "SELECT leaf_id, passed, total, reward FROM rollout WHERE tree_id = ? AND program_id IS NOT NULL",
            (tree_id,),
        )
    }

    def drawn(step: int | None) -> measure.Nested:
        if step is None:
            return False
        if step in below:
            return tuple((times, drawn(child)) for child, times in below[step])
        return outcomes.get(step)

    root = connection.exec_driver_sql(
        "SELECT s.id FROM step s WHERE s.tree_id = ? AND s.id IN (SELECT parent_id FROM completion WHERE tree_id = ?) "
        "ORDER BY s.depth, s.id LIMIT 1",
        (tree_id, tree_id),
    ).scalar()
    return None if root is None else drawn(root)


def _rates(connection: Connection, job_id: int, arm: str) -> dict[int, float]:
    """Problem to the share of an arm's programs that passed; what did not parse failed, what the judge failed on is out."""
    counts: dict[int, tuple[int, int]] = {}
    for tree in _trees(connection, job_id, arm):
        found = nested(connection, tree.id)
        draws = found if isinstance(found, tuple) else ()
        n, c = counts.get(tree.problem_id, (0, 0))
        n += sum(times for times, passed in draws if passed is not None)
        counts[tree.problem_id] = (n, c + sum(times for times, passed in draws if passed is True))
    return {problem: c / n for problem, (n, c) in counts.items() if n}


def levels(refine_steps: int) -> tuple[str, ...]:
    """The names of the levels, outermost first."""
    names = ("refine",) if refine_steps == 1 else tuple(f"refine {n}" for n in range(1, refine_steps + 1))
    return ("problem", "structure", *names, "code")


def answer(lab: Lab, job_id: int) -> dict[str, Any]:
    """The figures of an anatomy job, from its rows alone. LabError when it is none, or drew too little to say."""
    job = jobs.job(lab, job_id)
    if job.stage != "anatomy":
        raise LabError(f"job {job_id} is {job.stage}, no anatomy", "`o1coder jobs list` shows which are")
    config, seed = job.config, int(job.config["seed"])
    with lab.reading() as connection:
        trees = _trees(connection, job_id, "nested")
        planned = connection.exec_driver_sql(
            "SELECT COUNT(*) FROM tree WHERE job_id = ? AND ordinal = 0", (job_id,)
        ).scalar()
        drawn = [nested(connection, tree.id) for tree in trees]
        rates = {arm: _rates(connection, job_id, arm) for arm in ("own", "foreign", "direct")}
    found = measure.anatomy(drawn, levels(int(config["refine_steps"])))
    if found is None:
        raise LabError(
            f"job {job_id} drew too little: {len(trees)} whole problems",
            "give it more seconds, or fewer draws a problem",
        )
    return {
        "job": job_id,
        "policy": config["policy"],
        "split": config["split"],
        "temperature": config["temperature"],
        "problems": found.problems,
        "left_out": int(planned or 0) - len(trees),
        "draws": found.draws,
        "pass_rate": found.rate,
        "total": found.total,
        "levels": [
            {"level": each.level, "component": each.component, "share": each.share, **_bounds(each.interval)}
            for each in found.shares
        ],
        "swap": _arms(rates["own"], rates["foreign"], seed),
        "direct": _arms(rates["own"], rates["direct"], seed),
    }


def _arms(own: Mapping[int, float], other: Mapping[int, float], seed: int) -> dict[str, Any] | None:
    found = measure.swap(list(own.values()), [other.get(problem) for problem in own], seed=seed)
    if found is None:
        return None
    return {
        "problems": found.problems,
        "own": found.first,
        "other": found.second,
        "difference": found.difference,
        **_bounds(found.interval),
    }


def _bounds(interval: measure.Interval | None) -> dict[str, float | None]:
    return {"low": None if interval is None else interval.low, "high": None if interval is None else interval.high}


def metrics(found: Mapping[str, Any]) -> dict[str, float]:
    """The figures by name, so that rounds can be compared; what is undefined is not written."""
    out: dict[str, float] = {"pass_rate": found["pass_rate"], "problems": float(found["problems"])}
    for each in found["levels"]:
        name = each["level"].replace(" ", "_")
        out |= {f"{name}_{part}": each[part] for part in ("component", "share", "low", "high")}
    for arm in ("swap", "direct"):
        out |= {f"{arm}_{part}": value for part, value in (found[arm] or {}).items()}
    return {name: value for name, value in out.items() if value is not None}


def lines(found: Mapping[str, Any]) -> list[str]:
    """The figures for people."""
    out = [
        f"{found['problems']} problems, {found['draws']} outcomes, temperature {found['temperature']}, "
        f"{found['pass_rate']:.2f} passed"
        + (f"; {found['left_out']} problems cut by the budget are left out" if found["left_out"] else ""),
        "",
        f"{'decided by':<12} {'share':>6}  {'interval over problems':<24} {'component':>9}",
    ]
    for each in found["levels"]:
        share = "n/a" if each["share"] is None else f"{each['share']:.2f}"
        out.append(f"{each['level']:<12} {share:>6}  {_span(each):<24} {each['component']:>9.4f}")
    out += [
        "",
        "A component is shown as estimated, a share with negative ones taken as 0. The last level holds what the code",
    ]
    out += ["decides given its pseudocode and the chance of a single draw: no design can tell these two apart."]
    for arm, word in (("swap", "another problem's pseudocode"), ("direct", "no pseudocode")):
        one = found[arm]
        if one is not None:
            out += [
                "",
                f"{one['problems']} problems: {one['own']:.2f} passed after their own pseudocode, {one['other']:.2f} with {word}",
                f"difference {one['difference']:+.2f} {_span(one)}: {_verdict(one, arm)}",
            ]
    return out


def _span(one: Mapping[str, Any]) -> str:
    return "(no interval)" if one["low"] is None else f"[{one['low']:+.2f}, {one['high']:+.2f}]"


def _verdict(one: Mapping[str, Any], arm: str) -> str:
    if one["low"] is None or one["low"] <= 0 <= one["high"]:
        return "not told apart at this size"
    if arm == "swap":
        return (
            "the code step uses its pseudocode"
            if one["low"] > 0
            else "better with another problem's: look at the steps"
        )
    return "pseudocode helps" if one["low"] > 0 else "direct code is better"
