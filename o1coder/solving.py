"""Solving without knowing the answer: generated tests, a search that they steer, and the program most of them agree on.

No reference, reward or held-out test is looked at. The choice is by agreement (CodeT's): programs that pass the same set
of generated tests form a group, and the group with the most (draws × tests passed) wins. PRM guidance is not used here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.canonical import digest_bytes
from o1coder.errors import LabError
from o1coder.generating import Asking, generate
from o1coder.growing import Plan, Waves, grow_waves, prompt_of, seed_of
from o1coder.lab import Lab
from o1coder.problems.record import NewProblem
from o1coder.problems.store import add_problem, add_test_set
from o1coder.queries import problems
from o1coder.rows import By
from o1coder.stage import Reporter, Sampled

if TYPE_CHECKING:
    from o1coder.sampling import Sampler


class Chosen(NamedTuple):
    """The program that agreement chose in one tree. `passed` of `total` generated tests; `agree` draws in its group;
    `telling` of the tests tell the tree's programs apart."""

    tree_id: int
    leaf_id: int
    program_id: int
    code: str
    passed: int
    total: int
    agree: int
    telling: int


def verify_sets(
    lab: Lab, report: Reporter, ids: Sequence[int], config: Sampled, sampler: Sampler, tcg_prompt: str, tcg: int | None
) -> dict[int, int]:
    """Generated test sets by problem, of this job's own cases and no others, from the statement alone; a problem for which
    no case could be read is absent."""
    from o1coder.judge import Judge
    from o1coder.text import load_prompt

    asking = Asking(load_prompt(tcg_prompt), tcg, 2, 3, config.temperature, config.seed, "test", check=False)
    with Judge() as judge:
        generate(lab, report, ids, asking, sampler, judge)
    sets = {}
    with lab.writing() as connection:
        for problem_id in ids:
            cases = connection.exec_driver_sql(
                "SELECT g.test_case_id FROM tree x JOIN completion c ON c.tree_id = x.id JOIN generated_case g "
                "ON g.completion_id = c.id WHERE x.job_id = ? AND x.problem_id = ? AND g.test_case_id IS NOT NULL "
                "ORDER BY c.ordinal, g.ordinal",
                (report.job_id, problem_id),
            )
            found = [row[0] for row in cases]
            if found:
                sets[problem_id] = add_test_set(connection, problem_id, "verify", found, By(job_id=report.job_id))
    return sets


def search_plans(
    lab: Lab, config: Sampled, sets: dict[int, int], *, n: int, simulations: int, width: int, refines: int
) -> list[list[Plan]]:
    """n waves of one tree a problem, steered by its generated tests."""
    from o1coder.checkpoints import weights
    from o1coder.search import SearchConfig

    prompt = prompt_of(config.prompt, None if config.policy is None else weights(lab, config.policy))
    search = SearchConfig(
        prompt=prompt.name,
        chooses=prompt.chooses,
        simulations=simulations,
        width=width,
        refines=refines,
        temperature=config.temperature,
    )
    with lab.reading() as connection:
        marks = {i: problems.show(connection, i).digest for i in sets}
    return [
        [Plan(i, number, search, prompt, seed_of(config.seed, "solve", marks[i], number), sets[i]) for i in sets]
        for number in range(n)
    ]


def choose(connection: Connection, tree_id: int) -> Chosen | None:
    """The program of the largest agreeing group; None when nothing parsed."""
    rows = connection.exec_driver_sql(
        "SELECT r.leaf_id, r.program_id, g.code, r.passed, r.total, "
        "(SELECT COUNT(*) FROM completion c WHERE c.step_id = r.leaf_id), "
        "(SELECT GROUP_CONCAT(v.test_case_id) FROM (SELECT v.test_case_id FROM test_set_item i JOIN verdict v "
        " ON v.test_case_id = i.test_case_id AND v.program_id = r.program_id AND v.profile_id = x.profile_id "
        " WHERE i.test_set_id = x.test_set_id AND v.code = 'AC' ORDER BY i.ordinal) v) "
        "FROM tree x JOIN rollout r ON r.tree_id = x.id JOIN program g ON g.id = r.program_id "
        "WHERE x.id = ? AND r.reward IS NOT NULL ORDER BY r.ordinal",
        (tree_id,),
    ).all()
    if not rows:
        return None
    draws: dict[str, int] = {}
    accepted: dict[str, int] = {}
    for row in rows:
        draws[row[6] or ""] = draws.get(row[6] or "", 0) + row[5]
        for case in (row[6] or "").split(",") if row[6] else []:
            accepted[case] = accepted.get(case, 0) + 1
    telling = sum(count < len(rows) for count in accepted.values())
    best = max(rows, key=lambda row: (draws[row[6] or ""] * row[3], row[3]))
    return Chosen._make((tree_id, *best[:5], draws[best[6] or ""], telling))


def settled(chosen: Chosen | None) -> bool:
    """Is the answer one to stand by (measurement.md §8)? There are at least three generated tests, one of them tells the
    sampled programs apart, and the program passes at least half: a generator's tests are partly wrong, so all of them is
    too much to ask."""
    return chosen is not None and chosen.total >= 3 and chosen.telling >= 1 and 2 * chosen.passed >= chosen.total


def evaluate_search(
    lab: Lab,
    report: Reporter,
    config: Sampled,
    sampler: Sampler,
    *,
    splits: Sequence[str],
    slice: str | None,
    limit: int | None,
    n: int,
    simulations: int,
    width: int,
    refines: int,
    official: bool = False,
) -> None:
    """`evaluate --mode search`: choose a program in each of n trees, then judge only that one on the unseen tests. A tree
    without a program, and a problem for which no test could be generated, is a sample that is wrong; a tree in which there
    is nothing to choose from because the judge failed on all its programs is masked."""
    from o1coder.evaluating import judge_codes, record, spent

    with lab.reading() as connection:
        ids = {s: problems.select(connection, split=s, slice=slice, limit=limit) for s in splits}
    every = [i for found in ids.values() for i in found]
    sets = verify_sets(lab, report, every, config, sampler, "tcg-statement", config.policy)
    plans = search_plans(lab, config, sets, n=n, simulations=simulations, width=width, refines=refines)
    waves = grow_waves(lab, report, plans, sampler, config.policy, kind="search") if sets else Waves(n, False)
    if report.cancelled:
        return
    with lab.reading() as connection:
        reached = connection.exec_driver_sql(
            "SELECT problem_id FROM tree WHERE job_id = ? AND kind = 'cases' ORDER BY id", (report.job_id,)
        )  # a problem that the budget kept from being asked is no sample
        codes: dict[int, list[str | None]] = {row[0]: [None] * waves.done for row in reached}
        trees = connection.exec_driver_sql(
            "SELECT id, problem_id, ordinal FROM tree WHERE job_id = ? AND kind = 'search' AND ordinal < ?",
            (report.job_id, waves.done),
        ).all()
        masked: Counter[int] = Counter()
        for tree_id, problem_id, ordinal in trees:
            chosen = choose(connection, tree_id)
            codes[problem_id][ordinal] = None if chosen is None else chosen.code
            masked[problem_id] += chosen is None and _only_masked(connection, tree_id)
    for problem_id, some in masked.items():
        for _ in range(some):
            codes[problem_id].remove(None)
    items = [
        item._replace(masked=item.masked + masked[item.problem_id])
        for item in judge_codes(lab, report, codes, By(job_id=report.job_id), official=official)
    ]
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
            stopped="budget" if waves.budget or len(codes) < len(every) else None,
            **cost,
        )


def _only_masked(connection: Connection, tree_id: int) -> bool:
    """Whether a tree without a judged program has one that the judge failed on."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM rollout WHERE tree_id = ? AND program_id IS NOT NULL AND reward IS NULL", (tree_id,)
    ).first()
    return found is not None


def problem_from(connection: Connection, statement: str, by: By) -> int:
    """A problem row for a statement typed in: call-based when it names `f(args)` in backticks, else stdin/stdout.
    LabError when it is empty."""
    text = statement.strip()
    if not text:
        raise LabError("the statement is empty", "give a file, a problem of the lab, or text on standard input")
    match = re.search(r"`([A-Za-z_]\w*)(\([^`]*\))`", text)
    problem = NewProblem(
        source="solve",
        source_key=digest_bytes(text.encode())[7:23],
        split="test",
        family="solve",
        kind="call" if match else "stdio",
        title=text.splitlines()[0][:80],
        statement=text,
        cases=(),
        entry_point=match[1] if match else None,
        signature=match[1] + match[2] if match else None,
        comparator="typed" if match else "tokens",
    )
    return add_problem(connection, problem, by).id
