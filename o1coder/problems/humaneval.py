"""HumanEval: `HumanEval.jsonl`, plain or gzip, one object {task_id, prompt, canonical_solution, test, entry_point} a line.

The statement is the prompt as it is; the test is one case of kind `assert`, the whole `check` function, with the
prompt's helper functions that it calls in front. A program is judged as it stands: unlike the original evaluation
nothing of the prompt is put before it, so that it must hold its own imports and helpers. The original 3 s for a whole
check is kept, as CPU time. The set is for testing only, and so is its split.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from o1coder.problems.lines import Unfit, problems
from o1coder.problems.purposes import purposed
from o1coder.problems.record import NewProblem, NewProgram, Rejected
from o1coder.problems.source import functions, imports, names_used, needed, parsed, signature

FIELDS = ("task_id", "prompt", "canonical_solution", "test", "entry_point")
CPU_S = 3.0


def read(path: Path) -> Iterator[NewProblem | Rejected]:
    """The problems of a file, in its order. LabError when it cannot be read."""
    return problems(path, "task_id", new_problem)


def new_problem(row: dict[str, Any]) -> NewProblem:
    """The problem of one row; Unfit when a field is missing, or prompt and solution are no program."""
    for name in FIELDS:
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise Unfit(f"no {name}" if name not in row else f"{name} is no text, or empty")
    prompt, entry = row["prompt"].replace("\r\n", "\n"), row["entry_point"]
    reference = prompt + row["canonical_solution"].replace("\r\n", "\n")
    whole = parsed(reference, "prompt + canonical_solution")
    if entry not in functions(whole):
        raise Unfit(f"the solution defines no function {entry}")
    return NewProblem(
        source="humaneval",
        source_key=row["task_id"],
        split="test",
        family=row["task_id"],
        kind="assert",
        title=entry,
        statement=prompt.strip("\n"),
        cases=purposed("test", [(checks(whole, entry, row["test"]), "")]),
        programs=(NewProgram(reference, "correct", "reference"),),
        entry_point=entry,
        signature=signature(whole, entry),
        comparator="typed",
        cpu_s=CPU_S,
    )


def checks(whole: ast.Module, entry: str, test: str) -> str:
    """The test's source, behind the functions of the prompt that it calls and the imports that those need."""
    test = test.replace("\r\n", "\n").strip("\n") + "\n"
    tree = parsed(test, "test")
    if "check" not in functions(tree):
        raise Unfit("the test defines no check(candidate)")
    helpers = needed(whole, names_used(tree) - set(functions(tree)), entry)
    if not helpers:
        return test
    front = [ast.unparse(node) for node in [*imports(whole), *helpers]]
    return "\n\n".join(front) + "\n\n\n" + test
