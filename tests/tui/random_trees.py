"""Trees of random shape with every kind of fact, written straight into a lab: what queries by page and by array are held
against. Ids are interleaved over the trees, as many trees of one job leave them."""

from __future__ import annotations

import random
from typing import Any

from o1coder.lab import Lab

CODES = ("AC", "AC", "AC", "WA", "RE", "TLE")


def add_random_trees(lab: Lab, seed: int, trees: int = 3, most: int = 40) -> list[int]:
    """Add that many trees to the lab of conftest.py; their ids."""
    dice = random.Random(seed)
    with lab.writing() as connection:
        raw = connection.connection.driver_connection
        like = raw.execute("SELECT config, config_digest, test_set_id, profile_id FROM tree WHERE id = 1").fetchone()
        cases = cases_of(raw)
        programs = [_program(raw, dice, seed * 100 + n, cases, like[3]) for n in range(8)]
        ids = [
            raw.execute(
                "INSERT INTO tree (job_id, problem_id, ordinal, kind, preset, config, config_digest, test_set_id, profile_id, "
                "prompt_digest, sampler, reproducible, seed, with_reference, created_at) VALUES (?, 1, ?, 'search', 'lab', "
                "?, ?, ?, ?, 'x', 'fake:7', 1, 1, 0, '2026-01-01T00:00:00.000Z')",
                (1 + n % 2, 1000 * seed + n + 1, *like),
            ).lastrowid
            for n in range(trees)
        ]
        grow(raw, dice, ids, programs, dice.randrange(1, most) * trees)
        if seed % 3 == 0:
            rescore(raw, ids[0])
    return ids


def cases_of(raw: Any) -> list[int]:
    """The test cases that these trees are judged on."""
    return [
        row[0] for row in raw.execute("SELECT test_case_id FROM test_set_item WHERE test_set_id = 1 ORDER BY ordinal")
    ]


def _program(raw: Any, dice: random.Random, number: int, cases: list[int], profile: int) -> tuple[int, int]:
    """A program and how many of the cases it passes; one in four lacks verdicts."""
    program = raw.execute(
        "INSERT INTO program (problem_id, digest, code) VALUES (1, ?, ?)", (f"sha256:r{number}", f"# {number}\n")
    ).lastrowid
    assert program is not None
    passed = 0
    for case in cases if dice.random() < 0.75 else cases[1:]:
        code = dice.choice(CODES)
        passed += code == "AC"
        raw.execute(
            "INSERT INTO verdict (program_id, test_case_id, profile_id, code, cpu_ms, wall_ms, memory_kb, layer, host, "
            "detail, created_at) VALUES (?, ?, ?, ?, 1, 1, 1, 'L4', 'here', '', '2026')",
            (program, case, profile, code),
        )
    return program, passed


def grow(raw: Any, dice: random.Random, trees: list[int], programs: list[tuple[int, int]], steps: int) -> None:
    """Give these trees roots where they have none, that many more steps, and what follows: rollouts, labels, scores."""
    known: dict[int, list[tuple[int, int]]] = {}
    for tree in trees:
        known[tree] = raw.execute("SELECT id, depth FROM step WHERE tree_id = ?", (tree,)).fetchall()
        if not known[tree]:
            step = "INSERT INTO step (tree_id, ordinal, depth, action, text) VALUES (?, 0, 0, 'root', '')"
            known[tree] = [(raw.execute(step, (tree,)).lastrowid or 0, 0)]
    inner = {row[0] for row in raw.execute("SELECT DISTINCT parent_id FROM step WHERE parent_id IS NOT NULL")}
    coded = {row[0] for row in raw.execute("SELECT id FROM step WHERE action = 'code'")}
    for _ in range(steps):
        tree = dice.choice(trees)
        parent, depth = dice.choice([one for one in known[tree] if one[0] not in coded])
        inner.add(parent)
        taken = {row[0] for row in raw.execute("SELECT ordinal FROM step WHERE parent_id = ?", (parent,))}
        ordinal = dice.choice([n for n in range(len(taken) + 3) if n not in taken])
        program = dice.choice(programs) if dice.random() < 0.5 else None
        text = dice.choice(("Loop over xs.", "Sort: then count\nall of them", "50% done_here", "\x1b[2J\x00tail"))
        new = raw.execute(
            "INSERT INTO step (tree_id, parent_id, ordinal, depth, action, text, program_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (tree, parent, ordinal, depth + 1, "code" if program else "refine", text, program and program[0]),
        ).lastrowid
        assert new is not None
        known[tree].append((new, depth + 1))
        if program is not None:
            coded.add(new)
        _facts(raw, dice, tree, new, program)


def _facts(raw: Any, dice: random.Random, tree: int, step: int, program: tuple[int, int] | None) -> None:
    if program is not None or dice.random() < 0.1:
        for _ in range(dice.choice((1, 1, 2))):
            ordinal = raw.execute("SELECT COUNT(*) FROM rollout WHERE tree_id = ?", (tree,)).fetchone()[0]
            passed, masked = (program or (0, 0))[1], dice.random() < 0.2
            raw.execute(
                "INSERT INTO rollout (tree_id, ordinal, attempt, leaf_id, program_id, passed, total, compiled, reward, terms) "
                "VALUES (?, ?, 1, ?, ?, ?, 3, 1, ?, '{}')",
                (tree, ordinal, step, program and program[0], passed, None if masked else passed / 3),
            )
    for job in (1, 2)[: dice.choice((0, 1, 1, 2))]:
        raw.execute(
            "INSERT INTO label (step_id, value, source, estimate, k, c, v, v_pass, job_id, created_at) "
            "VALUES (?, ?, 'search', 'tree', 8, 3, ?, 0.4, ?, '2026')",
            (step, dice.choice(("valid", "invalid", "unsure")), dice.random(), job),
        )
    if dice.random() < 0.2:
        label = raw.execute(
            "INSERT INTO label (step_id, value, source, author, created_at) VALUES (?, 'unsure', 'human', 'ann', '2026')",
            (step,),
        ).lastrowid
        if dice.random() < 0.5:
            raw.execute(
                "INSERT INTO label (step_id, source, author, retracts, created_at) VALUES (?, 'human', 'ann', ?, '2026')",
                (step, label),
            )
    prms = [row[0] for row in raw.execute("SELECT id FROM checkpoint WHERE role = 'prm' ORDER BY id")]
    for prm in prms[: dice.choice((0, 1, 2))]:
        for form in ("f", "g")[: dice.choice((1, 2))]:
            raw.execute(
                "INSERT INTO score (step_id, checkpoint_id, format_digest, value, job_id) VALUES (?, ?, ?, ?, 2)",
                (step, prm, form, dice.random()),
            )


def rescore(raw: Any, tree: int) -> None:
    """A re-score of a tree without its last test."""
    raw.execute(
        "INSERT INTO test_withdrawal (test_case_id, reason, author, created_at) VALUES (?, 'wrong', 'ann', '2026')",
        (cases_of(raw)[-1],),
    )
    raw.execute(
        "INSERT INTO rescore (tree_id, job_id, test_set_id, alpha, enough, withdrawals, verdicts, labels, created_at) "
        "SELECT ?, 2, 1, 0, 8, (SELECT max(id) FROM test_withdrawal), (SELECT max(id) FROM verdict), "
        "(SELECT max(id) FROM label), '2026'",
        (tree,),
    )
