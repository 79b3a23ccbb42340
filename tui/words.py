"""What is typed into the command bar: a place and a target, a stage to launch, or one of a few words. It does nothing."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

from o1coder.errors import LabError
from tui.places import BY_WORD, PLACES, Went

DEEDS = {
    "launch": "launch STAGE: the form of a stage",
    "help": "all keys of this screen",
    "back": "where you were before",
    "copy": "copy what is under the cursor",
    "slow": "slow on|off: fewer repaints, for a slow line",
    "quit": "leave; jobs go on",
}
ALIASES = {"q": "quit", "n": "launch", "keys": "help", "exit": "quit"}


class Deed(NamedTuple):
    """A word that is no place, and what follows it."""

    name: str
    rest: str


def read(line: str) -> Went | Deed:
    """What a line asks for. LabError names the words there are."""
    word, _, rest = line.strip().partition(" ")
    word = word.lower()
    if word in BY_WORD:
        return Went(BY_WORD[word].mode, rest.strip())
    name = ALIASES.get(word, word)
    if name in DEEDS:
        return Deed(name, rest.strip())
    known = [*BY_WORD, *DEEDS]
    near = get_close_matches(word, known, 1)
    hint = f"did you mean {near[0]}?" if near else "one of " + ", ".join([place.mode for place in PLACES] + list(DEEDS))
    raise LabError(f"there is no command {word!r}", hint)


def offers(stages: list[str]) -> list[str]:
    """The lines that the bar completes."""
    return [*(place.words[0] + " " for place in PLACES), *(f"launch {stage}" for stage in stages), *DEEDS]
