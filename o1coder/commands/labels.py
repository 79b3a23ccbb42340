"""labels add|preview|undo|list|import|export. Adding to several steps, or with what follows, is commands/correcting.py's,
and the queue, agreement and known answers are commands/labelling.py's."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from o1coder.cli import OK
from o1coder.commands import correcting, labelfiles, labelling, show
from o1coder.commands.verbs import Verbs, paging, row_id
from o1coder.labels import VALUES
from o1coder.queries import labels as questions
from o1coder.queries import trees

COLUMNS = ("id", "step", "value", "source", "author", "k", "c", "retracts", "retracted", "category", "batch", "reason")
STEP = "a step's id, or TREE:PATH as in 12:0.2.1"


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser)
    adding = noun.add("add", correcting.add, "say what you think of a step, or of several")
    adding.add_argument("step", nargs="+", metavar="STEP", help=STEP)
    adding.add_argument("value", choices=VALUES)
    adding.add_argument("--reason", metavar="T", help="why")
    adding.add_argument("--yes", action="store_true", help="write several labels without asking")
    previewing = noun.add(
        "preview", correcting.preview, "what a word would bring with it and make stale; nothing is written"
    )
    previewing.add_argument("step", nargs="+", metavar="STEP", help=STEP)
    previewing.add_argument("value", choices=VALUES)
    for verb in (adding, previewing):
        verb.add_argument("--after", action="store_true", help="an invalid step taints every step below it")
        verb.add_argument("--ancestors", action="store_true", help="the words of steps above that turn with it")
        verb.add_argument(
            "--first-error", action="store_true", help="steps before it valid, it and all below it invalid"
        )
    undoing = noun.add(
        "undo", correcting.undo, "take back a person's label, or a batch: what counted before counts again"
    )
    undoing.add_argument("id", nargs="?", type=row_id, metavar="ID", help="a label's id")
    undoing.add_argument("--batch", metavar="B", help="every label of this batch instead")
    for verb in (adding, previewing, undoing):
        verb.add_argument("--author", metavar="A", help="in whose name (default: yours)")
    listing = noun.add("list", _list, "labels by id, retractions included")
    listing.add_argument("--step", metavar="STEP", help=STEP)
    listing.add_argument("--tree", type=row_id, metavar="T", help="only this tree's")
    listing.add_argument("--batch", metavar="B", help="only this batch's")
    listing.add_argument("--current", action="store_true", help="only labels that count now")
    paging(listing)
    labelfiles.declare(noun)
    labelling.declare(noun)
    return noun.run(words)


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        rows = questions.page(
            connection,
            step=None if options.step is None else trees.find_step(connection, options.step),
            tree=None if options.tree is None else trees.show(connection, options.tree).id,
            current=options.current,
            batch=options.batch,
            after=options.after,
            limit=options.limit,
        )
    show.table(options, [row._asdict() for row in rows], COLUMNS, empty="no labels")
    return OK
