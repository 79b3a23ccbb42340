"""Solving without knowing the answer: generated tests, a search that they steer, and the program most of them agree on.

No reference, reward or held-out test is looked at. The choice is by agreement (CodeT's): programs that pass the same set
of generated tests form a group, and the group with the most (draws × tests passed) wins. PRM guidance is not used here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.canonical import digest_bytes
from o1coder.errors import LabError
from o1coder.generating import Asking, generate
from o1coder.growing import Grown, Plan, grow, prompt_of, seed_of
from o1coder.lab import Lab
from o1coder.problems.record import NewProblem
from o1coder.problems.store import add_problem
from o1coder.queries import problems
from o1coder.rows import By
from o1coder.stage import Reporter, Sampled

if TYPE_CHECKING:
    from o1coder.sampling import Sampler


class Chosen(NamedTuple):
    """The program that agreement chose in one tree. `passed` of `total` generated tests; `agree` draws in its group."""

    tree_id: int
    leaf_id: int
    program_id: int
    code: str
    passed: int
    total: int
    agree: int


def verify_sets(
    lab: Lab, report: Reporter, ids: Sequence[int], config: Sampled, sampler: Sampler, tcg_prompt: str, tcg: int | None
) -> dict[int, int]:
    """Generated test sets by problem, from the statement alone; a problem for which none could be read is absent."""
    from o1coder.judge import Judge
    from o1coder.text import load_prompt

    asking = Asking(load_prompt(tcg_prompt), tcg, 2, 3, config.temperature, config.seed, "test", check=False)
    with Judge() as judge:
        generate(lab, report, ids, asking, sampler, judge)
    with lab.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT problem_id, MAX(id) FROM test_set WHERE purpose = 'verify' AND job_id = ? GROUP BY problem_id",
            (report.job_id,),
        )
        made = {row[0]: row[1] for row in rows if row[0] in ids}
        for problem_id in ids:  # an equal set that an earlier job froze is the same set
            if problem_id not in made and (known := _same_set(connection, report.job_id, problem_id)) is not None:
                made[problem_id] = known
    return made


def _same_set(connection: Connection, job_id: int, problem_id: int) -> int | None:
    row = connection.exec_driver_sql(
        "SELECT s.id FROM test_set s WHERE s.purpose = 'verify' AND s.problem_id = ?2 AND EXISTS (SELECT 1 FROM tree x "
        "JOIN completion c ON c.tree_id = x.id JOIN generated_case g ON g.completion_id = c.id WHERE x.job_id = ?1 "
        "AND x.problem_id = ?2 AND g.test_case_id IN (SELECT i.test_case_id FROM test_set_item i WHERE i.test_set_id = s.id)) "
        "ORDER BY s.id DESC LIMIT 1",
        (job_id, problem_id),
    ).first()
    return None if row is None else int(row[0])


def search_plans(
    lab: Lab, config: Sampled, sets: dict[int, int], *, n: int, simulations: int, width: int, refines: int
) -> list[Plan]:
    """n trees a problem, steered by its generated tests."""
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
        Plan(i, number, search, prompt, seed_of(config.seed, "solve", marks[i], number), sets[i])
        for number in range(n)
        for i in sets
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
    for row in rows:
        draws[row[6] or ""] = draws.get(row[6] or "", 0) + row[5]
    best = max(rows, key=lambda row: (draws[row[6] or ""] * row[3], row[3]))
    return Chosen(tree_id, best[0], best[1], best[2], best[3], best[4], draws[best[6] or ""])


def settled(chosen: Chosen | None) -> bool:
    """Is the answer one to stand by? It passes at least half of the generated tests, of which there are at least two: a
    generator's tests are partly wrong, so all of them is too much to ask, and one of them too little."""
    return chosen is not None and chosen.total >= 2 and 2 * chosen.passed >= chosen.total and chosen.passed > 0


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
) -> None:
    """`evaluate --mode search`: choose a program in each of n trees, then judge only that one on the held-out tests."""
    from o1coder.evaluating import Item, judge_codes, record

    chosen: dict[str, list[Item]] = {}
    runs, seconds = 0, 0.0
    for split in splits:
        with lab.reading() as connection:
            ids = problems.select(connection, split=split, slice=slice, limit=limit)
        sets = verify_sets(lab, report, ids, config, sampler, "tcg-statement", config.policy)
        plans = search_plans(lab, config, sets, n=n, simulations=simulations, width=width, refines=refines)
        grown: Grown = grow(lab, report, plans, sampler, config.policy, kind="search", origin="evaluation", label=False)
        runs, seconds = runs + grown.sandbox_runs, seconds + grown.sandbox_s
        if report.cancelled:
            return
        codes: dict[int, list[str | None]] = {i: [None] * n for i in ids}
        with lab.reading() as connection:
            for (problem_id, number), tree_id in grown.trees.items():
                found = choose(connection, tree_id)
                codes[problem_id][number] = None if found is None else found.code
        chosen[split] = judge_codes(lab, report, codes, By(job_id=report.job_id))
    for name, items in chosen.items():
        record(
            lab,
            report,
            items,
            checkpoint_id=config.policy,
            split=name,
            slice=slice,
            mode="search",
            n=n,
            temperature=config.temperature,
            seed=config.seed,
            sandbox_runs=runs,
            sandbox_s=seconds,
        )


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
