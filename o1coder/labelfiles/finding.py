"""Which step of the lab a row of a label file means: by its name, or by the problem's statement and the texts down to it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.labelfiles.record import Said, mark
from o1coder.search.facts import Path
from o1coder.treequery import Query

_NAME = re.compile(r"(\d{1,18})(?::(\d+(?:\.\d+)*)?)?(?:@([0-9a-f]{8}))?(?:#(\d{1,6}))?", re.ASCII)


def unstorable(said: Said, author: str | None) -> str | None:
    """Why a row's words cannot be stored; None where they can."""
    for text in (author, said.reason, said.category, said.at):
        try:
            (text or "").encode()
        except UnicodeEncodeError:
            return "a lone surrogate, which is no text that can be stored"
    return None


class _Tree(NamedTuple):
    problem: str
    steps: dict[Path, tuple[int, str]]  # path to id and text; the root is ()


class Finder:
    """Finds the step that a row means; what cannot be found is told in words."""

    def __init__(self, connection: Connection, query: str, statements: set[str]) -> None:
        self._connection = connection
        self._query = Query.parse(query)
        self._problems: dict[str, list[int]] = {}
        storable = [text for text in statements if not unstorable(Said(0, "", reason=text), None)]
        if storable:
            for problem, statement in connection.exec_driver_sql(
                "SELECT id, statement FROM problem WHERE statement IN (SELECT value FROM json_each(?))",
                (json.dumps(storable),),
            ):
                self._problems.setdefault(statement, []).append(problem)
        self._tree = lru_cache(maxsize=64)(self._read_tree)
        self._of_problem = lru_cache(maxsize=256)(self._trees_of)

    def step(self, said: Said) -> int | str:
        """The step's id, or why there is none."""
        return self._named(said.step) if said.step is not None else self._described(said)

    def _named(self, name: str) -> int | str:
        match = _NAME.fullmatch(name)
        if match is None:
            return "it names no step: an id, TREE:PATH, or TREE:PATH@DIGEST"
        number, path, digits, index = match.groups()
        if ":" not in name:
            return self._by_id(int(number)) if not (digits or index) else "a digest or a place needs TREE:PATH"
        tree = self._tree(int(number))
        if tree is None:
            return f"there is no tree {number}"
        place = tuple(map(int, path.split("."))) if path else ()
        if place not in tree.steps:
            return f"tree {number} has no step {path}"
        texts = [tree.steps[place[:depth]][1] for depth in range(1, len(place) + 1)]
        if digits and digits != mark(tree.problem, texts):
            return "the digest is not that of the step: the file is of another lab, or of another tree"
        if index is not None:
            if int(index) >= len(place):
                return f"the chain has {len(place)} steps, and this is its step {int(index) + 1}"
            place = place[: int(index) + 1]
        return tree.steps[place][0] if place else "the root is the problem itself and takes no label"

    def _by_id(self, step: int) -> int | str:
        row = self._connection.exec_driver_sql("SELECT action FROM step WHERE id = ?", (step,)).first()
        if row is None:
            return f"there is no step {step}"
        return "the root is the problem itself and takes no label" if row[0] == "root" else step

    def _described(self, said: Said) -> int | str:
        if said.statement is None or not said.texts:
            return "it names no step, and no problem with texts"
        if said.statement not in self._problems:
            return "no problem has this statement"
        found = []
        for problem in self._problems[said.statement]:
            for tree_id in self._of_problem(problem):
                tree = self._tree(tree_id)
                assert tree is not None
                here: list[Path] = [()]
                for text in said.texts:
                    here = [
                        path
                        for path, (_, own) in tree.steps.items()
                        if own.strip() == text.strip() and path and path[:-1] in here
                    ]
                found += [tree.steps[path][0] for path in here]
        if len(found) > 1:
            return (
                f"{len(found)} steps have these texts ({' '.join(map(str, found[:4]))}): hold it to a tree with --query"
            )
        return found[0] if found else "no step of the problem's trees has these texts"

    def _trees_of(self, problem: int) -> list[int]:
        where, values = self._query.where()
        rows = self._connection.exec_driver_sql(
            "SELECT x.id FROM tree x JOIN problem pr ON pr.id = x.problem_id JOIN job j ON j.id = x.job_id "
            f"LEFT JOIN run rn ON rn.id = j.run_id WHERE x.problem_id = ? AND x.kind <> 'cases' AND {where} ORDER BY x.id",
            (problem, *values),
        )
        return [row[0] for row in rows]

    def _read_tree(self, tree_id: int) -> _Tree | None:
        row = self._connection.exec_driver_sql(
            "SELECT p.digest FROM tree x JOIN problem p ON p.id = x.problem_id WHERE x.id = ?", (tree_id,)
        ).first()
        if row is None:
            return None
        paths: dict[int, Path] = {}
        steps: dict[Path, tuple[int, str]] = {}
        for step, parent, ordinal, text in self._connection.exec_driver_sql(
            "SELECT id, parent_id, ordinal, text FROM step WHERE tree_id = ? ORDER BY depth, id", (tree_id,)
        ):
            paths[step] = () if parent is None else (*paths[parent], ordinal)
            steps[paths[step]] = step, text
        return _Tree(row[0], steps)
