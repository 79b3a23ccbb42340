"""A noun's verbs, each with arguments of its own, and the types of arguments that many of them take.

It opens no lab: a verb is a function of the parsed options, and returns the exit code.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence

from o1coder.cli import common, first_word
from o1coder.rows import names_row

VALUED = ("--home", "--run", "--limit", "--after")  # options of lists that take a value
Act = Callable[[Namespace], int]


class Verbs:
    """The verbs of a noun. `default` is the verb of a line that names none."""

    def __init__(self, parser: ArgumentParser, default: str | None = None) -> None:
        self._parser = parser
        self._default = default
        self._acts: dict[str, Act] = {}
        parser.formatter_class = RawDescriptionHelpFormatter
        self._choices = parser.add_subparsers(dest="verb", required=True)

    def add(self, name: str, act: Act, about: str) -> ArgumentParser:
        """Declare a verb; its arguments are added to the parser that comes back."""
        self._acts[name] = act
        return self._choices.add_parser(name, help=about, description=about, parents=[common()])

    def run(self, words: Sequence[str]) -> int:
        """Parse the words after the noun and act. The noun's own --help shows every verb's usage."""
        usages = [" ".join(one.format_usage().split()[1:]) for one in self._choices.choices.values()]
        self._parser.epilog = "\n".join(usages)
        if self._default is not None and first_word(words, VALUED) is None and not {"-h", "--help"} & set(words):
            words = [self._default, *words]
        options = self._parser.parse_args(words)
        return self._acts[options.verb](options)


def row_id(text: str) -> int:
    """An argument that names a row."""
    if not names_row(text):
        raise ArgumentTypeError(f"{text!r} is no id")
    return int(text)


def count(text: str) -> int:
    """An argument that counts: 1 or more."""
    if not names_row(text) or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def share(text: str) -> float:
    """An argument between 0 and 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:  # NaN is not
        raise ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def paging(parser: ArgumentParser, limit: int = 100) -> None:
    """--limit and --after of a list."""
    parser.add_argument("--limit", type=count, metavar="N", default=limit, help=f"rows at most (default: {limit})")
    parser.add_argument("--after", type=row_id, metavar="ID", default=0, help="rows after this id: the next page")
