"""The nine screens by number, name and the words that lead there; nothing of them is imported until they are shown.

A place is a screen and a target: a text that a screen understands ("42:0.2.1", "difficulty:hard") and gives back when it is
asked where it stands. History, deep links, the command bar and what is kept over a restart are all made of such pairs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tui.screens.frame import Frame


class Place(NamedTuple):
    """A screen: its mode (and module), title, number key, the words for the command bar, and what a target may be."""

    mode: str
    title: str
    key: str
    words: tuple[str, ...]
    target: str
    about: str


PLACES = (
    Place("jobs", "Jobs", "1", ("jobs", "job", "j"), "ID or a filter", "jobs, logs, this machine"),
    Place("problems", "Problems", "2", ("problems", "problem", "p"), "ID or a filter", "problems, tests, programs"),
    Place(
        "tree", "Tree", "3", ("tree", "trees", "step", "t"), "ID, ID:PATH, two IDs, problem:ID, job:ID", "search trees"
    ),
    Place(
        "queue", "Queue", "4", ("queue", "labels", "label", "l"), "value, random, step:ID", "label one step at a time"
    ),
    Place(
        "checkpoints",
        "Checkpoints",
        "5",
        ("checkpoints", "checkpoint", "c"),
        "ID, problem:ID, label:ID",
        "checkpoints, lineage, what is stale",
    ),
    Place("runs", "Runs", "6", ("runs", "run", "r"), "job IDs", "compare metrics and configs, reward terms"),
    Place(
        "datasets", "Datasets", "7", ("datasets", "dataset", "d"), "ID, or KIND QUERY", "preview and export datasets"
    ),
    Place("rounds", "Rounds", "8", ("rounds", "round"), "RUN or RUN/2", "self-play, a row a round"),
    Place("sql", "SQL", "9", ("sql", "s"), "a select, or a saved query's name", "read-only SQL"),
)
BY_MODE = {place.mode: place for place in PLACES}
BY_WORD = {word: place for place in PLACES for word in place.words}


class Went(NamedTuple):
    """Where somebody is or was."""

    mode: str
    target: str


def load(mode: str) -> type[Frame]:
    """The class of a screen, its module imported now."""
    place = BY_MODE[mode]
    kind: type[Frame] = getattr(import_module(f"tui.screens.{mode}"), f"{place.title}Screen")
    return kind


class History:
    """The places somebody went to, as a browser keeps them: going somewhere forgets what lay ahead."""

    LONGEST = 200

    def __init__(self) -> None:
        self._went: list[Went] = []
        self._at = -1

    def leave(self, here: Went, there: Went) -> None:
        """Somebody goes from `here` to `there`; the same place twice in a row is one."""
        if self._went:
            self._went[self._at] = here
            del self._went[self._at + 1 :]
        else:
            self._went.append(here)
        if self._went[-1] != there:
            self._went.append(there)
        del self._went[: -self.LONGEST]
        self._at = len(self._went) - 1

    def back(self, here: Went, by: int) -> Went | None:
        """The place `by` places back (negative) or ahead; None where there is none."""
        at = self._at + by
        if not self._went or not 0 <= at < len(self._went):
            return None
        self._went[self._at] = here
        self._at = at
        return self._went[at]
