"""labels add|undo|list."""

from __future__ import annotations

from argparse import ArgumentParser

from o1coder import labels
from o1coder.cli import OK
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.home import author
from o1coder.queries import labels as questions
from o1coder.queries import trees


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    parser.add_argument("verb", choices=("add", "undo", "list"))
    parser.add_argument("what", nargs="?", help="add: STEP (an id or TREE:PATH); undo: a label's id")
    parser.add_argument("value", nargs="?", choices=labels.VALUES)
    parser.add_argument("--author", default=None)
    parser.add_argument("--reason")
    parser.add_argument("--step")
    parser.add_argument("--tree", type=int)
    parser.add_argument("--current", action="store_true", help="only labels that count now")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--after", type=int, default=0)
    options = parser.parse_args(words)
    lab = show.open_lab(options, write=options.verb != "list")
    if options.verb == "list":
        with lab.reading() as connection:
            step = None if options.step is None else trees.find_step(connection, options.step)
            rows = questions.page(
                connection,
                step=step,
                tree=options.tree,
                current=options.current,
                after=options.after,
                limit=options.limit,
            )
        columns = ("id", "step", "value", "source", "author", "k", "c", "retracts", "retracted", "reason")
        show.table(options, [row._asdict() for row in rows], columns, empty="no labels")
        return OK
    who = options.author or author()
    if options.what is None:
        raise LabError(f"labels {options.verb} needs a {'step' if options.verb == 'add' else 'label'}", "see --help")
    if options.verb == "undo":
        if not options.what.isdecimal():
            raise LabError(f"{options.what!r} is no label's id", "`o1coder labels list` shows them")
        done = labels.undo(lab, int(options.what), who)
    else:
        if options.value is None:
            raise LabError("labels add needs a value", f"one of {', '.join(labels.VALUES)}")
        with lab.reading() as connection:
            step_id = trees.find_step(connection, options.what)
        done = labels.add_human(lab, step_id, options.value, who, reason=options.reason)
    show.value(options, done._asdict())
    return OK
