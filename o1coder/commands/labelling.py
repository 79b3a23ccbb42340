"""labels queue|agree|gold: who labels what next, and whether people agree."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace

from o1coder import labels
from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.verbs import Verbs, count, paging, row_id, share
from o1coder.errors import LabError
from o1coder.home import author
from o1coder.queries.asked import ACTIONS

COLUMNS = (
    "step",
    "tree",
    "action",
    "label",
    "k",
    "v",
    "prm",
    "worth",
    "doubt",
    "gap",
    "tests",
    "siblings",
    "held_by",
    "why",
)
GOLD_COLUMNS = ("id", "step", "tree", "value", "right", "answers", "author", "reason")


def declare(noun: Verbs) -> None:
    """Declare the verbs of this file."""
    queue = noun.add("queue", _queue, "which steps are worth a look next, and why; --claim takes them")
    queue.add_argument("--order", choices=("value", "random"), default="value", help="by expected value, or at random")
    queue.add_argument("--limit", type=count, metavar="N", default=20, help="steps at most (default: 20)")
    queue.add_argument("--claim", action="store_true", help="hold them for five minutes: nobody else is handed them")
    queue.add_argument("--author", metavar="A", help="for whom (default: you)")
    _filters(queue)
    agree = noun.add("agree", _agree, "agreement of people with each other, with known answers, search and PRM")
    agree.add_argument("--threshold", type=share, default=0.5, help="at or above it the PRM says valid (default: 0.5)")
    _filters(agree)
    gold = noun.add("gold", _gold, "questions with known answers: add STEP VALUE, list, retract ID")
    gold.add_argument("what", choices=("add", "list", "retract"))
    gold.add_argument("words", nargs="*", metavar="STEP VALUE | ID", help="a step (id or TREE:PATH) and its label")
    gold.add_argument("--reason", metavar="T", help="why this is the answer")
    gold.add_argument("--author", metavar="A", help="in whose name (default: yours)")
    paging(gold)


def _filters(parser: ArgumentParser) -> None:
    for name in ("tree", "job", "problem"):
        parser.add_argument(f"--{name}", type=row_id, metavar="ID", help=f"only this {name}'s steps")
    parser.add_argument("--split", choices=("train", "validation", "test"), help="only problems of this split")
    parser.add_argument("--action", choices=ACTIONS, help="only such steps")
    parser.add_argument("--seed", type=row_id, metavar="N", help="of the random order (default: 0)")
    parser.add_argument("--query", metavar="Q", default="", help="words as in `export`, e.g. 'run:r1 round:2'")


def asked_text(options: Namespace) -> str:
    """The options of a filter as the words that the screen takes too."""
    named = {name: getattr(options, name) for name in ("tree", "job", "problem", "split", "action", "seed")}
    return " ".join([options.query, *(f"{name}:{value}" for name, value in named.items() if value is not None)]).strip()


def _queue(options: Namespace) -> int:
    from o1coder.labelling import leases
    from o1coder.queries import picks, queue
    from o1coder.queries.asked import Asked
    from o1coder.sitting import Sitting

    asked = Asked.parse(asked_text(options))
    lab = show.open_lab(options, write=options.claim)
    if options.claim:
        alone = replace(asked, gold=0.0, overlap=0.0)  # what is printed here could not be asked blind
        sitting = Sitting(lab, options.author or author(), order=options.order, asked=alone)
        ids = [one.step for one in sitting.next(options.limit)]
    with lab.reading() as connection:
        if options.claim or options.order == "random":
            if not options.claim:
                upto = picks.last_step(connection)
                ids, _ = picks.drawn(connection, asked, upto=upto, start=0, count=options.limit)
            found = {one.step: one for one in queue.of_steps(connection, ids)}
            rows = [found[step] for step in ids]
        else:
            rows = queue.ranked(connection, asked, limit=options.limit)
        held = {one.step: one for one in leases.standing(connection)}
    told = [
        row._asdict() | {"held_by": held[row.step].author, "until": held[row.step].until}
        if row.step in held
        else row._asdict() | {"held_by": None, "until": None}
        for row in rows
    ]
    show.table(options, told, COLUMNS, empty="no step is left to label here")
    return OK


def _agree(options: Namespace) -> int:
    from o1coder.queries import agreement
    from o1coder.queries.asked import Asked

    asked = Asked.parse(asked_text(options))
    with show.open_lab(options).reading() as connection:
        found = agreement.agreement(connection, asked, threshold=options.threshold)
    show.value(options, agreement.as_json(found), agreement.told(found))
    return OK


def _gold(options: Namespace) -> int:
    from o1coder.labelling import gold
    from o1coder.queries import trees

    who, words = options.author or author(), options.words
    if options.what == "list":
        if words:
            raise LabError(f"`gold list` takes no {words[0]!r}", "o1coder labels gold list [--limit N] [--after ID]")
        with show.open_lab(options).reading() as connection:
            rows = gold.page(connection, after=options.after, limit=options.limit)
        show.table(options, [row._asdict() for row in rows], GOLD_COLUMNS, empty="no questions with known answers")
        return OK
    if options.what == "add":
        if len(words) != 2 or words[1] not in labels.VALUES:
            raise LabError("`gold add` takes a step and its label", "o1coder labels gold add 12:0.2.1 invalid")
        lab = show.open_lab(options, write=True)
        with lab.reading() as connection:
            step = trees.find_step(connection, words[0])
        show.value(options, gold.put(lab, step, words[1], who, options.reason)._asdict())
        return OK
    if len(words) != 1 or not words[0].isascii() or not words[0].isdecimal():
        raise LabError("`gold retract` takes the id of a question", "`o1coder labels gold list` shows them")
    show.value(options, gold.take_back(show.open_lab(options, write=True), int(words[0]), who)._asdict())
    return OK
