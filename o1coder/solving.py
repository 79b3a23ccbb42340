"""Solving without knowing the answer: generated tests, a search that they (and a PRM) steer, and the program that is chosen.

No reference, reward or held-out test is looked at. How one program is chosen among many is search/choosing.py's; this file
reads the candidates from the rows. A search's figure is told beside that of best-of-n at as many sampled tokens, since
searching by a PRM seldom beats it (arXiv 2510.20272).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.canonical import digest_bytes
from o1coder.errors import LabError
from o1coder.generating import Asking, generate
from o1coder.growing import Plan, prompt_of, seed_of
from o1coder.lab import Lab
from o1coder.problems.record import NewProblem
from o1coder.problems.store import add_problem, add_test_set
from o1coder.queries import problems
from o1coder.rows import By
from o1coder.searched import BY_SCORE, Answering, Searched
from o1coder.stage import Reporter, Sampled
from o1coder.trees import cases_of_tree, step_ids

if TYPE_CHECKING:
    from o1coder.sampling import Sampler, Scorer
    from o1coder.search.choosing import Aggregate, Choice, Rule
    from o1coder.search.config import JudgedLeaf, SearchConfig
    from o1coder.text import Prompt

SCORED_AT_ONCE = 64


class Chosen(NamedTuple):
    """The program that a rule chose in one tree, and what stands behind it."""

    tree_id: int
    leaf_id: int
    program_id: int
    code: str
    choice: Choice


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


@contextmanager
def open_steering(lab: Lab, config: Searched) -> Iterator[Scorer | None]:
    """The process reward model that a stage goes by, open; None where it goes by none."""
    from o1coder.scoring import open_prm

    if config.prm is None or not config.asks_prm:
        yield None
        return
    with open_prm(lab, config.prm, config.scorer, threads=config.threads) as scorer:
        yield scorer


def search_config(config: Answering, prompt: Prompt) -> SearchConfig:
    """The search that a stage asks for."""
    from o1coder.search import preset

    name = "lab" if config.search == "uct" else config.search
    return preset(name, prompt=prompt.name, chooses=prompt.chooses, **config.rules())


def search_plans(lab: Lab, config: Answering, sets: dict[int, int], *, n: int) -> list[list[Plan]]:
    """n waves of one tree a problem, steered by its generated tests."""
    from o1coder.checkpoints import weights

    prompt = prompt_of(config.prompt, None if config.policy is None else weights(lab, config.policy))
    search = search_config(config, prompt)
    with lab.reading() as connection:
        marks = {i: problems.show(connection, i).digest for i in sets}
    return [
        [
            Plan(i, number, search, prompt, seed_of(config.seed, "solve", marks[i], number), sets[i], settled=agreed)
            for i in sets
        ]
        for number in range(n)
    ]


def score_answers(lab: Lab, report: Reporter, config: Answering, scorer: Scorer | None) -> None:
    """Score the chains of a job's judged programs where the rule goes by scores and the search did not ask for them."""
    from o1coder import selection
    from o1coder.scoring import score_steps

    if scorer is None or config.prm is None or config.choose not in BY_SCORE or report.cancelled:
        return
    with lab.reading() as connection:
        ends = connection.exec_driver_sql(
            "WITH RECURSIVE above(id, parent_id) AS (SELECT s.id, s.parent_id FROM tree x JOIN rollout r ON r.tree_id = x.id "
            "JOIN step s ON s.id = r.leaf_id WHERE x.job_id = ? AND x.kind = 'search' AND r.program_id IS NOT NULL "
            "UNION SELECT s.id, s.parent_id FROM above JOIN step s ON s.id = above.parent_id) SELECT id FROM above",
            (report.job_id,),
        )
        wanted = {row[0] for row in ends}
        query = selection.Query.parse(f"job:{report.job_id} kind:search")
        steps = [step for step in selection.unscored(connection, query, config.prm) if step.id in wanted]
    for start in range(0, len(steps), SCORED_AT_ONCE):
        if report.cancelled:
            return
        score_steps(lab, scorer, config.prm, steps[start : start + SCORED_AT_ONCE], report.job_id)


def choose(
    connection: Connection,
    tree_id: int,
    rule: Rule = "agreement",
    how: Aggregate = "last",
    prm: int | None = None,
) -> Chosen | None:
    """The program that `rule` takes in a tree; None when nothing parsed. LabError when the rule needs scores of `prm` and
    a program's chain has none."""
    from o1coder.search.choosing import Candidate, chain_scores, choose
    from o1coder.text import FORMAT_DIGEST

    rows = connection.exec_driver_sql(
        "SELECT r.ordinal, r.leaf_id, r.program_id, g.code, "
        "(SELECT COUNT(*) FROM completion c WHERE c.step_id = r.leaf_id), "
        "(SELECT GROUP_CONCAT(v.test_case_id) FROM verdict v JOIN test_set_item i ON i.test_case_id = v.test_case_id "
        " WHERE i.test_set_id = x.test_set_id AND v.program_id = r.program_id AND v.profile_id = x.profile_id "
        " AND v.code = 'AC') "
        "FROM tree x JOIN rollout r ON r.tree_id = x.id JOIN program g ON g.id = r.program_id "
        "WHERE x.id = ? AND r.reward IS NOT NULL ORDER BY r.ordinal",
        (tree_id,),
    ).all()
    cases = [case_id for case_id, _ in cases_of_tree(connection, tree_id)]
    scored: dict[int, float] = {}
    if prm is not None:
        found = connection.exec_driver_sql(
            "SELECT c.step_id, c.value FROM score c JOIN step s ON s.id = c.step_id "
            "WHERE s.tree_id = ? AND c.checkpoint_id = ? AND c.format_digest = ?",
            (tree_id, prm, FORMAT_DIGEST),
        )
        scored = {row[0]: row[1] for row in found}
    ids = step_ids(connection, tree_id) if scored else {}
    paths = {step: path for path, step in ids.items()}
    scores = {path: scored[step] for path, step in ids.items() if step in scored}
    candidates, first = [], {}
    for row in rows:
        if row[1] in first:
            continue  # a leaf that was visited again
        first[row[1]] = row
        accepted = set(map(int, row[5].split(","))) if row[5] else set()
        chain = chain_scores(scores, paths[row[1]]) if scores else ()
        candidates.append(Candidate(row[0], max(1, row[4]), tuple(case in accepted for case in cases), chain))
    choice = choose(candidates, rule, how)
    if choice is None:
        return None
    taken = next(row for row in first.values() if row[0] == choice.candidate.key)
    return Chosen(tree_id, taken[1], taken[2], taken[3], choice)


def chosen_by(connection: Connection, tree_id: int, settings: Mapping[str, Any]) -> Chosen | None:
    """The program that a job's settings choose in one of its trees."""
    return choose(
        connection,
        tree_id,
        settings.get("choose", "agreement"),
        settings.get("aggregate", "last"),
        settings.get("prm"),
    )


def settled(chosen: Chosen | None) -> bool:
    """Is the answer one to stand by (measurement.md §8)?"""
    from o1coder.search.choosing import settled

    return settled(None if chosen is None else chosen.choice)


def agreed(leaves: Sequence[JudgedLeaf]) -> bool:
    """Whether a tree's judged programs settle its answer, where the tests are generated ones."""
    from o1coder.search.choosing import Candidate, choose, settled

    cases = sorted({case for leaf in leaves for case in leaf.cases})
    candidates = [
        Candidate(number, leaf.draws, tuple(leaf.cases.get(case) == "AC" for case in cases))
        for number, leaf in enumerate(leaves)
    ]
    return settled(choose(candidates))


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
