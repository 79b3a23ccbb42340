"""A lab whose labels are partly wrong, and which of them: programs that weak tests let pass, as measurement.md §7 asks.

The truth of every step is drawn first. The search's labels follow tests so weak that many wrong programs pass all of them; a
PRM scores by the truth, with noise; a test case generator made better tests for every second problem. Rows are written
straight into the tables: no sampler, no judge.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

from o1coder import rows
from o1coder.clock import now
from o1coder.lab import Lab
from o1coder.models import Completion, GeneratedCase, Label, Program, Score, Step, TestCase, Tree, Verdict
from tests.tui.conftest import Made, make_lab

STAMP = "2026-01-01T00:00:00.000Z"


class Planted(NamedTuple):
    """The lab and, by step, the label it has and the one it should have."""

    lab: Lab
    said: dict[int, str]
    true: dict[int, str]

    def wrong(self, steps: list[int]) -> int:
        """How many of these steps a person who knows would correct."""
        return sum(self.said[step] in ("valid", "invalid") and self.said[step] != self.true[step] for step in steps)


def plant(home: Path, *, trees: int = 60, seed: int = 0) -> Planted:
    """Write the lab; the same seed makes the same."""
    made = make_lab(home)
    dice = random.Random(seed)
    lab = Lab(home)
    said: dict[int, str] = {}
    true: dict[int, str] = {}
    with lab.writing() as connection:
        base = dict(connection.exec_driver_sql("SELECT * FROM tree WHERE id = ?", (made.tree,)).mappings().one())
        for number in range(trees):
            problem = 3 + number % 40
            tree = rows.add(connection, Tree, **(base | {"id": None, "ordinal": 1 + number, "problem_id": problem}))
            case = _generated_case(connection, tree, problem, base["profile_id"]) if number % 2 else None
            _grow(connection, tree, problem, case, made, base["profile_id"], dice, said, true)
    return Planted(lab, said, true)


def _generated_case(connection: Any, tree: int, problem: int, profile: int) -> int:
    """A valid generated case of a problem."""
    case = rows.add_once(
        connection,
        TestCase,
        {"problem_id": problem, "digest": "sha256:g"},
        input="[[9], 1]",
        expected="1",
        origin="tcg",
        author="tester",
        created_at=STAMP,
    )
    root = _step(connection, tree, None, 0, 0, "root", "")
    told = {"tokens_in": 1, "tokens_out": 1, "finish_reason": "stop", "text": "case"}
    completion = rows.add(connection, Completion, tree_id=tree, parent_id=root, ordinal=99, **told)
    rows.add(connection, GeneratedCase, completion_id=completion, ordinal=0, test_case_id=case, valid=True)
    return case


def _step(connection: Any, tree: int, parent: int | None, ordinal: int, depth: int, action: str, text: str) -> int:
    key = {"tree_id": tree, "parent_id": parent, "ordinal": ordinal}
    return rows.add_once(connection, Step, key, depth=depth, action=action, text=text)


def _grow(
    connection: Any,
    tree: int,
    problem: int,
    case: int | None,
    made: Made,
    profile: int,
    dice: random.Random,
    said: dict[int, str],
    true: dict[int, str],
) -> None:
    """Three structures of four programs each; a wrong structure has only wrong programs."""
    job = made.jobs["synthesize"]
    root = _step(connection, tree, None, 0, 0, "root", "")
    for first in range(3):
        sound = dice.random() < 0.6
        above = _step(connection, tree, root, first, 1, "structure", f"Plan {dice.randrange(10**6)}: loop and count.")
        passed = 0
        for second in range(4):
            right = sound and dice.random() < 0.6
            passes = right or dice.random() < 0.35  # the tests are weak
            passed += passes
            code = f"def f(xs, limit):\n    return {dice.randrange(10**9)}\n"
            program = rows.add(
                connection, Program, problem_id=problem, digest=f"sha256:{tree}.{first}.{second}", code=code
            )
            step = rows.add(
                connection,
                Step,
                tree_id=tree,
                parent_id=above,
                ordinal=second,
                depth=2,
                action="code",
                text=code,
                program_id=program,
            )
            if case is not None:
                told = "AC" if right or dice.random() < 0.3 else "WA"
                _verdict(connection, program, case, profile, told, job)
                _verdict(connection, program, _given(connection, problem), profile, "AC" if passes else "WA", job)
            said[step] = _label(connection, step, job, 1, int(passes))
            true[step] = "valid" if right else "invalid"
            _score(connection, step, made, dice, right)
        said[above] = _label(connection, above, job, 4, passed)
        true[above] = "valid" if sound else "invalid"
        _score(connection, above, made, dice, sound)


def _given(connection: Any, problem: int) -> int:
    return int(
        connection.exec_driver_sql("SELECT MIN(id) FROM test_case WHERE problem_id = ?", (problem,)).scalar() or 0
    )


def _verdict(connection: Any, program: int, case: int, profile: int, code: str, job: int) -> None:
    rows.add(
        connection,
        Verdict,
        program_id=program,
        test_case_id=case,
        profile_id=profile,
        code=code,
        cpu_ms=1.0,
        wall_ms=1.0,
        memory_kb=1,
        layer="L4",
        host="here",
        job_id=job,
        created_at=now(),
    )


def _label(connection: Any, step: int, job: int, k: int, c: int) -> str:
    value = "valid" if c else "invalid" if k == 1 else "unsure"
    rows.add(
        connection,
        Label,
        step_id=step,
        value=value,
        source="search",
        estimate="tree",
        k=k,
        c=c,
        v=c / k,
        v_pass=c / k,
        job_id=job,
        created_at=STAMP,
    )
    return value


def _score(connection: Any, step: int, made: Made, dice: random.Random, right: bool) -> None:
    value = min(1.0, max(0.0, dice.gauss(0.7 if right else 0.3, 0.2)))
    rows.add(
        connection,
        Score,
        step_id=step,
        checkpoint_id=made.prm,
        format_digest="sha256:f",
        value=value,
        job_id=made.jobs["prm"],
    )
