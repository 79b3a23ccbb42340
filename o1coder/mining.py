"""Pairs of steps, one better than the other: which siblings (or programs of one problem) make one, and what it weighs.

`siblings` takes every valid child with every invalid one. `strict` adds the conditions of rStar-Math (arXiv 2501.04519:
values a margin apart, texts that differ by more than a few letters, few pairs a parent) and of confidence. `programs` is
for preferring a policy's programs: all tests passed over failed, siblings where there are any, else whole chains of one
problem. A person's word and a judged program are exact, so conditions on counts do not bind them. What is not labelled
valid or invalid is in no pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder import measure
from o1coder.errors import LabError
from o1coder.selection import AsOf, Excluded, Labelled, Query, StepRow, labelled_steps
from o1coder.task import Task


class Pair(NamedTuple):
    """Two steps, the first better than the second: children of one step, or programs that end two chains."""

    problem_id: int
    task: Task
    prefix: tuple[StepRow, ...]  # their common part
    better: Labelled
    worse: Labelled


@dataclass(frozen=True)
class Rule:
    """What makes a pair. `margin`: least difference of v_pass between search labels; `edit`: least edit distance of the
    texts, in characters; `draws`: least k on both sides; `clear`: confidence, see `_clear`; `rising`: the chosen's mean
    reward is above the rejected's too; `most` pairs a parent, with `square` as 2×2, 1×4 or 4×1."""

    name: str
    margin: float = 0.0
    edit: int = 0
    draws: int = 0
    clear: bool = False
    rising: bool = False
    most: int = 4
    square: bool = False

    @property
    def by_parent(self) -> bool:
        """Whether each parent of a problem weighs alike, and the exported rows say so."""
        return self.name == "strict"

    @property
    def said(self) -> dict[str, object]:
        """What a dataset's record says of the rule; `margin` alone is what records without a `pairs` had."""
        return {"margin": self.margin} | ({} if self.name == "siblings" else {"pairs": self.name, "edit": self.edit})


RULES = {
    "siblings": Rule("siblings"),
    "strict": Rule("strict", 0.5, 20, 4, clear=True, rising=True, square=True),
    "programs": Rule("programs", square=True),
}


def rule(name: str = "siblings", margin: float | None = None, edit: int | None = None) -> Rule:
    """The rule of that name, with another margin or edit distance. LabError when there is none."""
    if name not in RULES:
        raise LabError(f"no way of pairing is named {name!r}", f"one of {', '.join(RULES)}")
    found = RULES[name]
    found = found if margin is None else replace(found, margin=margin)
    return found if edit is None else replace(found, edit=edit)


def pairs(connection: Connection, query: Query, as_of: AsOf, excluded: Excluded, rule: Rule) -> Iterator[Pair]:
    """The pairs that a rule makes of the steps labelled valid and invalid."""
    items = list(labelled_steps(connection, query, as_of, excluded, target="validity"))
    if rule.name == "programs":
        items = [item for item in items if item.prefix[-1].action == "code"]
    families: dict[tuple[int, int | None], list[Labelled]] = {}
    for item in items:
        families.setdefault((item.tree_id, item.prefix[-1].parent_id), []).append(item)
    paired: set[int] = set()
    for members in families.values():
        for better, worse in chosen(members, rule, excluded):
            paired.add(better.problem_id)
            yield Pair(better.problem_id, better.task, better.prefix[:-1], better, worse)
    if rule.name == "programs":
        yield from _across([item for item in items if item.problem_id not in paired], rule, excluded)


def weights(found: Sequence[Pair], rule: Rule) -> list[float]:
    """What each pair weighs; a problem's weights sum to 1. By pair, or by parent: 1/(pairs of the parent · parents of the
    problem)."""
    if not rule.by_parent:
        of_problem = Counter(pair.problem_id for pair in found)
        return [1 / of_problem[pair.problem_id] for pair in found]
    parents = [(pair.problem_id, pair.better.tree_id, pair.better.prefix[-1].parent_id) for pair in found]
    of_parent = Counter(parents)
    of_problem = Counter(problem for problem, _, _ in of_parent)
    return [1 / (of_parent[parent] * of_problem[parent[0]]) for parent in parents]


def _across(items: Iterable[Labelled], rule: Rule, excluded: Excluded) -> Iterator[Pair]:
    """Whole chains of one problem, where no siblings differ: their common part is the problem alone."""
    problems: dict[int, list[Labelled]] = {}
    for item in items:
        problems.setdefault(item.problem_id, []).append(item)
    for members in problems.values():
        for better, worse in chosen(members, rule, excluded):
            yield Pair(better.problem_id, better.task, (), better, worse)


def chosen(members: Sequence[Labelled], rule: Rule, excluded: Excluded) -> list[tuple[Labelled, Labelled]]:
    """(better, worse) of the children of one step, or of the programs of one problem, in the order they were taken."""
    good = [member for member in members if member.target == 1.0]
    bad = [member for member in members if member.target == 0.0]
    if not (good and bad):
        excluded.add("siblings agree", len(members))
    if rule.square:  # the surest first: sorting is stable, so equals stay in the order of the tree
        good.sort(key=lambda one: -_value(one, 1.0))
        bad.sort(key=lambda one: _value(one, 0.0))
    fit: list[tuple[Labelled, Labelled]] = []
    for better in good:
        for worse in bad:
            if against := _against(better, worse, rule):
                excluded.add(against)
            else:
                fit.append((better, worse))
    found = _square(fit, rule.most) if rule.square else fit[: rule.most]
    if len(fit) > len(found):
        excluded.add(f"more than {rule.most} pairs of one parent", len(fit) - len(found))
    return found


def _square(fit: Sequence[tuple[Labelled, Labelled]], most: int) -> list[tuple[Labelled, Labelled]]:
    """The first pairs with at most two steps on either side, or up to `most` on one where the other has only one."""
    sides = [list(dict.fromkeys(pair[side].prefix[-1].id for pair in fit)) for side in (0, 1)]
    room = 2 if min(map(len, sides)) >= 2 else most
    good, bad = (set(side[:room]) for side in sides)
    return [pair for pair in fit if pair[0].prefix[-1].id in good and pair[1].prefix[-1].id in bad]


def _against(better: Labelled, worse: Labelled, rule: Rule) -> str | None:
    """Why these two make no pair; None where they do."""
    valued = better.v_pass is not None and worse.v_pass is not None
    if valued and _value(better, 1.0) - _value(worse, 0.0) < rule.margin:
        return "margin too small"
    counted = [one for one in (better, worse) if one.source == "search" and one.prefix[-1].action != "code"]
    if any((one.k or 0) < rule.draws for one in counted):
        return f"fewer than {rule.draws} judged draws"
    if rule.clear and len(counted) == 2 and not _clear(better, worse, rule):
        return "the counts do not tell them apart"
    if rule.rising and better.v is not None and worse.v is not None and better.v <= worse.v:
        return "the chosen's mean reward is not above the rejected's"
    if rule.edit and not differ_by(better.prefix[-1].text, worse.prefix[-1].text, rule.edit):
        return f"texts less than {rule.edit} edits apart"
    return None


def _clear(better: Labelled, worse: Labelled, rule: Rule) -> bool:
    """Fresh draws (`mc`): their Wilson intervals are disjoint. Draws of one tree share prefixes and have no interval: twice
    the draws are asked on both sides, and two passing ones of the better."""
    if better.estimate == worse.estimate == "mc":
        high, low = (measure.wilson(one.c or 0, one.k or 0) for one in (better, worse))
        return high is not None and low is not None and high.low > low.high
    return min(better.k or 0, worse.k or 0) >= 2 * rule.draws and (better.c or 0) >= 2


def _value(one: Labelled, otherwise: float) -> float:
    return otherwise if one.v_pass is None else one.v_pass


def differ_by(one: str, other: str, least: int) -> bool:
    """Whether the edit distance (insertions, deletions, substitutions of characters) is at least `least`; the table is
    filled in a band of that width alone (Ukkonen 1985)."""
    if abs(len(one) - len(other)) >= least:
        return True
    row = {j: j for j in range(min(len(other), least) + 1)}
    for i, letter in enumerate(one, start=1):
        above, row = row, {}
        for j in range(max(0, i - least), min(len(other), i + least) + 1):
            row[j] = min(
                above.get(j, least) + 1,
                row.get(j - 1, least) + 1,
                i if j == 0 else above.get(j - 1, least) + (letter != other[j - 1]),
            )
        if min(row.values()) >= least:
            return True
    return row[len(other)] >= least
