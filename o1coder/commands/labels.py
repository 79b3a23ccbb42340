"""labels add|undo|list."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from o1coder import labels
from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.verbs import Verbs, paging, row_id
from o1coder.home import author
from o1coder.queries import labels as questions
from o1coder.queries import trees

COLUMNS = ("id", "step", "value", "source", "author", "k", "c", "retracts", "retracted", "reason")
STEP = "a step's id, or TREE:PATH as in 12:0.2.1"


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser)
    adding = noun.add("add", _add, "say what you think of a step")
    adding.add_argument("step", metavar="STEP", help=STEP)
    adding.add_argument("value", choices=labels.VALUES)
    adding.add_argument("--reason", metavar="T", help="why")
    undoing = noun.add("undo", _undo, "take back a person's label: what counted before it counts again")
    undoing.add_argument("id", type=row_id, metavar="ID", help="a label's id")
    for verb in (adding, undoing):
        verb.add_argument("--author", metavar="A", help="in whose name (default: yours)")
    listing = noun.add("list", _list, "labels by id, retractions included")
    listing.add_argument("--step", metavar="STEP", help=STEP)
    listing.add_argument("--tree", type=row_id, metavar="T", help="only this tree's")
    listing.add_argument("--current", action="store_true", help="only labels that count now")
    paging(listing)
    return noun.run(words)


def _add(options: Namespace) -> int:
    lab = show.open_lab(options, write=True)
    with lab.reading() as connection:
        step = trees.find_step(connection, options.step)
    done = labels.add_human(lab, step, options.value, options.author or author(), reason=options.reason)
    show.value(options, done._asdict())
    return OK


def _undo(options: Namespace) -> int:
    done = labels.undo(show.open_lab(options, write=True), options.id, options.author or author())
    show.value(options, done._asdict())
    return OK


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        rows = questions.page(
            connection,
            step=None if options.step is None else trees.find_step(connection, options.step),
            tree=None if options.tree is None else trees.show(connection, options.tree).id,
            current=options.current,
            after=options.after,
            limit=options.limit,
        )
    show.table(options, [row._asdict() for row in rows], COLUMNS, empty="no labels")
    return OK
