"""Whether a number that somebody typed can be a row's id. It loads nothing."""

from __future__ import annotations

LARGEST = 2**63 - 1  # the largest id that SQLite stores


def names_row(word: str) -> bool:
    """Is the word a number that a row can have as its id?"""
    return word.isascii() and word.isdecimal() and len(word) <= 19 and int(word) <= LARGEST
