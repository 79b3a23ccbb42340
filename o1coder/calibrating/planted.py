"""Planted leaks: the starter problems copied into another split with small edits, before the importers' own leak check.

Each copy has a family of its own and must be found by its text or its program. What that rule does not promise to find (one
word of a short statement, one statement of a program) is shown beside it, and so are false alarms among problems of
different families. A retelling in other words is not tried: the check does not look for it.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from o1coder.calibrating.section import Bound, Section, seed_of
from o1coder.problems.leaks import WINDOW, with_prompts
from o1coder.problems.record import NewProblem, NewProgram, Rejected
from o1coder.problems.shipped import read
from o1coder.text import statement_body, statement_tokens

OTHER: dict[str, Literal["train", "validation", "test"]] = {"train": "test", "validation": "train", "test": "train"}
FALSE_ALARMS = 0.02
HALVES = 4  # how often the families are halved for false alarms
LONG = 2 * WINDOW + 1  # words of which one can be changed and a run of WINDOW is left whole


class Edit(NamedTuple):
    """A way to copy a problem: None where it does not apply. `found`: the least share that must be found; None: shown only."""

    name: str
    copy: Callable[[NewProblem, random.Random], NewProblem | None]
    found: float | None


def section(seed: int) -> Section:
    """How many copies of each kind the check finds, and how often it takes two different problems for one."""
    problems = [problem for problem in read() if not isinstance(problem, Rejected)]
    rows, bounds = [], []
    index = with_prompts()
    for problem in problems:
        index.add(problem.source_key, problem.split, problem.family, problem.statement, references(problem))
    rng = random.Random(seed_of(seed, "leaks"))
    for edit in EDITS:
        copies = [copy for problem in problems if (copy := edit.copy(_elsewhere(problem), rng)) is not None]
        share = sum(index.reason(copy) is not None for copy in copies) / len(copies)
        rows.append({"copy": edit.name, "planted": len(copies), "found": share, "promised": edit.found is not None})
        if edit.found is not None:
            bounds.append(
                Bound(f"leaks found: {edit.name}", share, edit.found, 1.0, "what problems/leaks.py promises (§5)")
            )
    tried, alarms = unrelated(problems, rng)
    rows.append({"copy": "none: another problem", "planted": tried, "found": alarms / tried, "promised": True})
    bounds.append(
        Bound(
            "leaks found where there is none",
            alarms / tried,
            0.0,
            FALSE_ALARMS,
            "short statements differ in a word (§5)",
        )
    )
    title = "Planted leaks: starter problems copied into another split"
    return Section("leaks", title, ("copy", "planted", "found", "promised"), rows, bounds)


def references(problem: NewProblem) -> list[str]:
    """The reference programs of a problem, as an importer enters them."""
    return [program.code for program in problem.programs if program.origin == "reference"]


def unrelated(problems: Sequence[NewProblem], rng: random.Random) -> tuple[int, int]:
    """(tried, alarms): half of the families is in train, each problem of the others asks to come into test."""
    families = sorted({problem.family for problem in problems})
    tried = alarms = 0
    for _ in range(HALVES):
        inside = set(rng.sample(families, len(families) // 2))
        index = with_prompts()
        for problem in problems:
            if problem.family in inside:
                index.add(problem.source_key, "train", problem.family, problem.statement, references(problem))
        outside = [replace(problem, split="test") for problem in problems if problem.family not in inside]
        tried += len(outside)
        alarms += sum(index.reason(problem) is not None for problem in outside)
    return tried, alarms


def _elsewhere(problem: NewProblem) -> NewProblem:
    """The problem in another split under another key and family: what is left to find is its statement and its program."""
    key = f"planted-{problem.source_key}"
    return replace(problem, source_key=key, family=key, split=OTHER[problem.split])


def _statement(problem: NewProblem, statement: str) -> NewProblem:
    """The statement alone was copied."""
    return replace(problem, statement=statement, programs=())


def _restyled(problem: NewProblem, rng: random.Random) -> NewProblem:
    body = re.sub(r"[.,;:]", " ", statement_body(problem.statement)).upper()
    return _statement(problem, f"Write a Python function `planted()` that {body}")


def _one_word(problem: NewProblem, rng: random.Random) -> NewProblem:
    spans = list(re.finditer(r"[^\W\d_]+", statement_body(problem.statement)))
    at, body = rng.choice(spans), statement_body(problem.statement)
    return _statement(problem, f"{body[: at.start()]}planted{body[at.end() :]}")


def _one_word_of_many(problem: NewProblem, rng: random.Random) -> NewProblem | None:
    return _one_word(problem, rng) if len(statement_tokens(statement_body(problem.statement))) >= LONG else None


def _told_around(problem: NewProblem, rng: random.Random) -> NewProblem | None:
    long_enough = len(statement_tokens(statement_body(problem.statement))) >= WINDOW
    story = "A clerk asks for help with a planted task. {} Mind the odd cases, and be quick about it."
    return _statement(problem, story.format(statement_body(problem.statement))) if long_enough else None


def _program(problem: NewProblem, edit: Callable[[ast.Module], ast.Module]) -> NewProblem:
    """The reference alone was copied, under other names and without its comments."""
    tree = edit(_renamed(ast.parse(references(problem)[0])))
    code = ast.unparse(ast.fix_missing_locations(tree))
    return replace(
        problem, statement=f"Planted: {problem.source_key}.", programs=(NewProgram(code, "correct", "reference"),)
    )


def _other_names(problem: NewProblem, rng: random.Random) -> NewProblem:
    return _program(problem, lambda tree: tree)


def _one_more_line(problem: NewProblem, rng: random.Random) -> NewProblem:
    return _program(problem, lambda tree: ast.Module([*tree.body, ast.parse("planted = 1").body[0]], []))


def _both(problem: NewProblem, rng: random.Random) -> NewProblem:
    return replace(_one_word(problem, rng), programs=_other_names(problem, rng).programs)


def _renamed(tree: ast.Module) -> ast.Module:
    """Every name that the program binds, replaced."""
    bound = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    bound |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.name = f"planted_{node.name}"
        elif isinstance(node, ast.arg):
            node.arg = f"planted_{node.arg}"
        elif isinstance(node, ast.Name) and node.id in bound:
            node.id = f"planted_{node.id}"
        elif isinstance(node, ast.Nonlocal | ast.Global):
            node.names = [f"planted_{name}" for name in node.names]
    return tree


EDITS = (
    Edit("statement word for word", lambda problem, rng: _statement(problem, problem.statement), 1.0),
    Edit("statement: case, punctuation, name of the function", _restyled, 1.0),
    Edit(f"statement of {WINDOW} words and more, sentences around it", _told_around, 1.0),
    Edit(f"statement of {LONG} words and more, one replaced", _one_word_of_many, 1.0),
    Edit("program under other names, comments dropped", _other_names, 1.0),
    Edit("one word of the statement, program under other names", _both, 1.0),
    Edit("any statement, one word replaced", _one_word, None),
    Edit("program under other names and one line more", _one_more_line, None),
)
