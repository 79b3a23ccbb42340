"""What the steps of a tree are worth once people's words stand in place of what the judge said of its leaves.

A step that a person calls invalid is worth 0, and so is all that follows it; a program that a person calls valid is worth
1, one called unsure is left out like a masked rollout. Then the tree's own estimate is asked again (search/values.py: the
sample-weighted recursion, where its settings name no other). A `valid` or `unsure` on a step that is no program says
nothing of how often its draws pass, and changes no value. What comes of it is derived and nowhere stored: a person states
validity, never a value (measurement.md §2).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import rescores
from o1coder.search.facts import CompletionFact, Fact, Path, RolloutFact, StepFact
from o1coder.search.values import ENOUGH_DRAWS, Validity, Value, hard_label, recorded_values
from o1coder.standing import current_label

REVALUED = "revalued"  # the category of a label that follows from a corrected leaf below


class Current(NamedTuple):
    """The label that counts for a step."""

    id: int
    value: str
    source: str
    category: str | None

    @property
    def stated(self) -> bool:
        """Whether a person said it of this step itself."""
        return self.source == "human" and self.category != REVALUED


@dataclass(frozen=True)
class Outline:
    """A tree without its texts: what its values follow from, and the labels that count in it."""

    settings: Mapping[str, Any]
    facts: list[Fact]
    steered: list[RolloutFact]  # as they were when they steered; `facts` holds what the newest re-score says
    paths: dict[int, Path]
    actions: dict[int, str]
    labels: dict[int, Current]
    enough: int

    def words(self) -> dict[int, str]:
        """What people say of its steps."""
        return {step: label.value for step, label in self.labels.items() if label.stated}

    def values(self, words: Mapping[int, str]) -> dict[int, Value]:
        """The value of every step that has one, by step id, with these words of people in place of the judge's."""
        said = {self.paths[step]: word for step, word in words.items()}
        condemned = {path for path, word in said.items() if word == "invalid"}
        facts = [_told(fact, said, condemned) if isinstance(fact, RolloutFact) else fact for fact in self.facts]
        found = recorded_values(self.settings, facts, self.steered)
        return {step: found[path] for step, path in self.paths.items() if path in found}

    def hard(self, step: int, values: Mapping[int, Value]) -> Validity:
        """The hard word that follows from a step's value."""
        return hard_label(values.get(step), self.actions[step] == "code", self.enough)


def outline(connection: Connection, tree_id: int, about: Iterable[int] | None = None) -> Outline:
    """Read a tree's outline, or as much of it as the values of the steps `about` and of those above them rest on: a value
    follows from what is below it, and the root's is nobody's label."""
    settings = json.loads(
        connection.exec_driver_sql("SELECT config FROM tree WHERE id = ?", (tree_id,)).scalar() or "{}"
    )
    strategy = settings.get("method") in ("omega", "mc")  # is run again: over all of the tree, by the length of texts
    whole = about is None or strategy
    here, asked = (_WHOLE, (tree_id,)) if about is None or strategy else (_BELOW, (tree_id, _tops(connection, about)))
    paths: dict[int, Path] = {}
    actions: dict[int, str] = {}
    facts: list[Fact] = []
    for step, parent, ordinal, action, said, program in connection.exec_driver_sql(
        f"{here} SELECT s.id, s.parent_id, s.ordinal, s.action, {'s.text' if strategy else NOTHING}, s.program_id "
        "FROM here CROSS JOIN step s ON s.id = here.id ORDER BY s.depth, s.id",
        asked,
    ).all():
        path = paths[step] = () if parent is None else (*paths[parent], ordinal)
        actions[step] = action
        if path:
            facts.append(StepFact(path, action, said, None if program is None else ""))
    listed = None if whole else json.dumps(list(paths))
    facts += [
        CompletionFact(paths[parent], ordinal, "", 0, 0, None, "", None if step is None else paths[step], None)
        for parent, ordinal, step in connection.exec_driver_sql(
            "SELECT c.parent_id, c.ordinal, c.step_id FROM completion c WHERE c.tree_id = ?1 "
            f"AND (?2 IS NULL OR c.parent_id IN {_LISTED}) ORDER BY c.id",
            (tree_id, listed),
        ).all()
        if step is None or step in paths
    ]
    on, told = rescores.newest(connection, tree_id), rescores.told(connection, tree_id)
    steered = []
    for ordinal, leaf, program, passed, total, compiled, reward in connection.exec_driver_sql(
        "SELECT r.ordinal, r.leaf_id, r.program_id, r.passed, r.total, r.compiled, r.reward FROM rollout r "
        f"WHERE r.tree_id = ?1 AND (?2 IS NULL OR r.leaf_id IN {_LISTED}) ORDER BY r.ordinal",
        (tree_id, listed),
    ).all():
        code = None if program is None else ""
        fact = RolloutFact(ordinal, paths[leaf], code, passed, total, bool(compiled), reward, {}, {})
        steered.append(fact)
        if told is not None and program is not None:
            word = told.get(program)
            fact = (
                replace(fact, reward=None)
                if word is None
                else replace(fact, passed=word.passed, total=word.total, reward=float(word.solved))
            )
        facts.append(fact)
    rows = connection.exec_driver_sql(
        f"{here} SELECT here.id, l.id, l.value, l.source, l.category FROM here "
        f"CROSS JOIN label l ON l.id = {current_label('here.id')}",
        asked,
    )
    labels = {row[0]: Current(*row[1:]) for row in rows.all()}
    enough = ENOUGH_DRAWS if on is None else on.enough
    return Outline(settings, facts, steered, paths, actions, labels, enough)


def extent(connection: Connection, tree_id: int, about: Iterable[int]) -> int:
    """How many steps `outline` would read."""
    asked = (tree_id, _tops(connection, about))
    return int(connection.exec_driver_sql(f"{_BELOW} SELECT COUNT(*) FROM here", asked).scalar() or 0)


NOTHING = "''"
_LISTED = "(SELECT value FROM json_each(?2))"
# The steps of tree ?1: all of them, or the root and what is below the first steps that ?2 (a JSON array) names.
_WHOLE = "WITH here(id) AS (SELECT id FROM step WHERE tree_id = ?1)"
_BELOW = (
    "WITH RECURSIVE here(id) AS (SELECT id FROM step WHERE tree_id = ?1 AND parent_id IS NULL "
    "UNION ALL SELECT s.id FROM here JOIN step s ON s.parent_id = here.id "
    f"WHERE s.depth > 1 OR s.id IN {_LISTED})"
)


def _tops(connection: Connection, about: Iterable[int]) -> str:
    """The first steps of the paths to these steps, as JSON."""
    rows = connection.exec_driver_sql(
        "WITH RECURSIVE up(id, parent_id, depth) AS (SELECT s.id, s.parent_id, s.depth FROM json_each(?) e "
        "JOIN step s ON s.id = e.value UNION SELECT s.id, s.parent_id, s.depth FROM up JOIN step s ON s.id = up.parent_id "
        "WHERE up.depth > 1) SELECT id FROM up WHERE depth = 1",
        (json.dumps(list(about)),),
    )
    return json.dumps([row[0] for row in rows])


def _told(fact: RolloutFact, said: Mapping[Path, str], condemned: set[Path]) -> RolloutFact:
    """A rollout as people's words have it."""
    if condemned and any(fact.leaf[:depth] in condemned for depth in range(1, len(fact.leaf) + 1)):
        return replace(fact, passed=0, total=max(1, fact.total), reward=0.0)
    word = said.get(fact.leaf) if fact.code is not None else None
    if word == "valid":
        return replace(fact, passed=max(1, fact.total), total=max(1, fact.total), reward=1.0)
    return replace(fact, reward=None) if word == "unsure" else fact
