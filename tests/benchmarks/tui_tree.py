"""A tree of a hundred thousand steps, shaped as a search leaves it, beside what a lab of problems holds (tui_lab.py): with
completions, rollouts, verdicts, labels, two PRMs with scores, and a dataset, so that a correction makes checkpoints stale.

No stage is run: texts are made up, counts and values follow from the made-up rollouts.

Run: `PYTHONPATH=. .venv/bin/python -P -m tests.benchmarks.tui_tree HOME [--problems N] [--nodes N]`
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import tui_lab

NOW = "2026-01-01T00:00:00.000Z"
WORDS = (
    "array graph string matrix interval prefix suffix queue stack heap path cycle tree digit prime bit mask window "
    "palindrome permutation subset sum product order cost weight edge vertex island robot coin ladder bracket"
).split()
PROGRAMS, CASES, JOBS = 500, 5, 200


class Made(NamedTuple):
    """What the benchmark speaks of: the large tree, how many steps it has (its root among them), the problems."""

    tree: int
    steps: int
    problems: int


class Node(NamedTuple):
    """A step of the tree that is to be written; `program` is None on inner steps."""

    parent: int
    ordinal: int
    depth: int
    action: str
    program: int | None


class Ids(NamedTuple):
    """From where on the new rows of a table get their ids: all counted from 1 behind these."""

    problem: int
    job: int
    tree: int
    step: int
    program: int
    case: int
    label: int
    checkpoint: int


def make_lab(home: Path, problems: int, nodes: int) -> Made:
    """Make a lab with that many problems and, of one more, a tree of that many steps."""
    from o1coder.lab import Lab

    tui_lab.make(home, problems)
    lab = Lab(home)
    try:
        with lab.writing() as connection:
            return add_tree(connection, nodes, problems + 1)
    finally:
        lab.close()


def add_tree(connection: Any, nodes: int, problems: int, seed: int = 5) -> Made:
    """Write the tree and all that belongs to it."""
    from o1coder import models
    from o1coder.rows import next_id

    choose = random.Random(seed)
    tables = ("Problem", "Job", "Tree", "Step", "Program", "TestCase", "Label", "Checkpoint")
    ids = Ids(*(next_id(connection, getattr(models, table)) - 1 for table in tables))
    _jobs(connection, ids)
    passed = _programs(connection, ids, choose)
    grown = grow(nodes, choose)
    _tree(connection, ids, grown, passed, choose)
    _prms(connection, ids, len(grown), choose)
    return Made(ids.tree + 1, len(grown), problems)


def grow(nodes: int, choose: random.Random) -> list[Node]:
    """Steps in the order a search adds them: a random open step gets one to seven children, nearly half of which stay open."""
    grown = [Node(0, 0, 0, "root", None)]
    waiting = [0]
    while len(grown) < nodes:
        at = choose.randrange(len(waiting))
        waiting[at], waiting[-1] = waiting[-1], waiting[at]
        parent = waiting.pop()
        depth = grown[parent].depth + 1
        for ordinal in range(min(choose.randint(1, 7), nodes - len(grown))):
            inner = depth < 3 or choose.random() < 0.45 or not waiting
            action = "structure" if depth == 1 else "refine" if inner else "code"
            if inner:
                waiting.append(len(grown))
            program = None if inner else 1 + choose.randrange(PROGRAMS)
            grown.append(Node(parent, ordinal, depth, action, program))
    return grown


def _write(connection: Any, model: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows of a table by the names of their columns; what the table has a default for may be left out."""
    from o1coder import models
    from o1coder import rows as verbs

    names = columns.split()
    verbs.add_many(connection, getattr(models, model), [dict(zip(names, row, strict=True)) for row in rows])


def _jobs(connection: Any, ids: Ids) -> None:
    stages = {1: "synthesize", 2: "prm", 3: "prm"}
    jobs = [
        (ids.job + job, stages.get(job, "score"), '{"seed":0}', "sha256:x", job, "benchmark", NOW)
        for job in _upto(JOBS)
    ]
    _write(connection, "Job", "id stage config config_digest seed author created_at", jobs)
    columns = "job_id n host boot_id pid create_time started_at heartbeat_at done total outcome ended_at"
    tried = [(ids.job + job, 1, "elsewhere", "other", 1, 1.0, NOW, NOW, 12, 12, "done", NOW) for job in _upto(JOBS)]
    _write(connection, "Attempt", columns, tried)


def _programs(connection: Any, ids: Ids, choose: random.Random) -> dict[int, int]:
    """The problem with its tests, and programs with verdicts; how many tests each program passes."""
    problem, job = ids.problem + 1, ids.job + 1
    columns = "id digest source source_key split family difficulty kind title statement entry_point comparator author created_at"
    about = (
        "train",
        "large",
        "hard",
        "call",
        "Sum of remainders",
        "Return the sum of all remainders.",
        "solve",
        "tokens",
    )
    _write(connection, "Problem", columns, [(problem, "sha256:large", "made", "large", *about, "benchmark", NOW)])
    cases = [
        (ids.case + case, problem, f"sha256:c{case}", f"[[{case}]]", str(case), "starter", "benchmark", NOW)
        for case in _upto(CASES)
    ]
    _write(connection, "TestCase", "id problem_id digest input expected origin author created_at", cases)
    chosen = connection.exec_driver_sql(
        "INSERT INTO test_set (problem_id, purpose, digest, author, created_at) VALUES (?, 'reward', 'sha256:s', 'benchmark', ?)",
        (problem, NOW),
    ).lastrowid
    items = [(chosen, case - 1, ids.case + case) for case in _upto(CASES)]
    _write(connection, "TestSetItem", "test_set_id ordinal test_case_id", items)
    profile = ("sha256:large", "1", "3", "1", "tokens", "{}", NOW)
    _write(connection, "Profile", "digest judge_version python harness comparator limits created_at", [profile])
    profile_id = connection.exec_driver_sql("SELECT max(id) FROM profile").scalar()
    codes = [(ids.program + n, problem, f"sha256:g{n}", _code(n)) for n in _upto(PROGRAMS)]
    _write(connection, "Program", "id problem_id digest code", codes)
    columns = (
        "id job_id problem_id ordinal kind preset config config_digest prompt_digest sampler reproducible seed "
        "test_set_id profile_id created_at"
    )
    asked = (
        "search",
        "lab",
        '{"simulations":1000}',
        "sha256:x",
        "sha256:q",
        "fake:7",
        True,
        1,
        chosen,
        profile_id,
        NOW,
    )
    _write(connection, "Tree", columns, [(ids.tree + 1, job, problem, 0, *asked)])
    passed = {program: CASES if choose.random() < 0.3 else choose.randrange(CASES) for program in _upto(PROGRAMS)}
    said = (1.0, 2.0, 9000, "L4", "here", job, NOW)
    verdicts = [
        (ids.program + program, ids.case + case, profile_id, "AC" if case <= right else "WA", *said)
        for program, right in passed.items()
        for case in _upto(CASES)
    ]
    columns = "program_id test_case_id profile_id code cpu_ms wall_ms memory_kb layer host job_id created_at"
    _write(connection, "Verdict", columns, verdicts)
    return passed


def _code(number: int) -> str:
    lines = (f"def solve(xs):  # way {number}", "    total = 0", "    for x in xs:", f"        total += x % {number}")
    return "\n".join([*lines, "    return total", ""])


def _tree(connection: Any, ids: Ids, grown: list[Node], passed: dict[int, int], choose: random.Random) -> None:
    tree, first = ids.tree + 1, ids.step + 1
    steps: list[tuple[Any, ...]] = []
    drawn: list[tuple[Any, ...]] = []
    ends: list[tuple[Any, ...]] = []
    draws, right = [0] * len(grown), [0] * len(grown)
    for number, node in enumerate(grown):
        text, step, above = _text(node, number, choose), first + number, first + node.parent if number else None
        program = None if node.program is None else ids.program + node.program
        steps.append((step, tree, above, node.ordinal, node.depth, node.action, text, program))
        if number:
            drawn.append((tree, above, node.ordinal, text, 400, 60, "stop", step))
        if node.program is not None:
            won = passed[node.program]
            ends.append((tree, len(ends), 1, step, program, won, CASES, True, float(won == CASES)))
            draws[number], right[number] = 1, int(won == CASES)
    for number in range(len(grown) - 1, 0, -1):
        draws[grown[number].parent] += draws[number]
        right[grown[number].parent] += right[number]
    labels = []
    for number in range(1, len(grown)):
        k, c = draws[number], right[number]
        if k:
            value = "valid" if c else "invalid" if k >= 8 or grown[number].program else "unsure"
            labels.append((first + number, value, "search", "tree", k, c, c / k, c / k, ids.job + 1, NOW))
    _write(connection, "Step", "id tree_id parent_id ordinal depth action text program_id", steps)
    columns = "tree_id parent_id ordinal text tokens_in tokens_out finish_reason step_id"
    _write(connection, "Completion", columns, drawn)
    columns = "tree_id ordinal attempt leaf_id program_id passed total compiled reward"
    _write(connection, "Rollout", columns, ends)
    _write(connection, "Label", "step_id value source estimate k c v v_pass job_id created_at", labels)
    _write(connection, "TreeEnd", "tree_id reason digest created_at", [(tree, "simulations", "sha256:t", NOW)])


def _text(node: Node, number: int, choose: random.Random) -> str:
    if node.action == "root":
        return ""
    if node.program is not None:
        return f"```python\n{_code(node.program)}```"
    first, second = choose.choice(WORDS), choose.choice(WORDS)
    return (
        f"Keep a {first} of every {second} seen so far ({number}).\nFor each {second}: if it is in the {first}, stop."
    )


def _prms(connection: Any, ids: Ids, steps: int, choose: random.Random) -> None:
    """Two PRMs trained on labels of the tree, and their scores: so that a correction makes them stale."""
    columns = "id digest role format base_digest bytes path job_id created_at"
    prms = [
        (ids.checkpoint + prm, f"sha256:m{prm}", "prm", "full", "sha256:b", 1, f"blobs/m{prm}", ids.job + prm + 1, NOW)
        for prm in (1, 2)
    ]
    _write(connection, "Checkpoint", columns, prms)
    learned = connection.exec_driver_sql(
        "SELECT id, step_id FROM label WHERE id > ? AND id % 5 = 1 ORDER BY id", (ids.label,)
    ).all()
    dataset = ("sha256:d", "prm-point", "validity", "", "{}", len(learned), "blobs/d", ids.job + 2, NOW)
    _write(connection, "Dataset", "digest kind target query as_of rows path job_id created_at", [dataset])
    dataset_id = connection.exec_driver_sql("SELECT max(id) FROM dataset").scalar()
    items = [(dataset_id, n, step, "sha256:r") for n, (_, step) in enumerate(learned)]
    _write(connection, "DatasetItem", "dataset_id ordinal step_id row_digest", items)
    rests = [(dataset_id, n, label) for n, (label, _) in enumerate(learned)]
    _write(connection, "DatasetLabel", "dataset_id ordinal label_id", rests)
    _write(connection, "JobInput", "job_id name dataset_id", [(ids.job + 3, "dataset", dataset_id)])
    first, known = ids.step + 1, min(steps, 20_000)
    scores = [
        (first + step, ids.checkpoint + prm, "sha256:f", round(choose.random(), 3), ids.job + prm + 1)
        for prm, last in ((1, known), (2, steps))
        for step in range(1, last)
    ]
    _write(connection, "Score", "step_id checkpoint_id format_digest value job_id", scores)


def _upto(last: int) -> range:
    return range(1, last + 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--problems", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, default=100_000)
    asked = parser.parse_args()
    print(make_lab(asked.home, asked.problems, asked.nodes))
