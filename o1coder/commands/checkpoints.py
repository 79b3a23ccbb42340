"""checkpoints list|show|accept|reject."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Literal

from o1coder import checkpoints
from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.verbs import Verbs, paging, row_id
from o1coder.home import author
from o1coder.queries import checkpoints as questions
from o1coder.rows import By

COLUMNS = ("id", "role", "format", "parent", "base", "job", "iteration", "name", "decision", "stale")
COUNTS = "the newest decision about it counts, the gate's or a person's, from the next round of its run on"


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser)
    listing = noun.add("list", _list, "checkpoints by id")
    listing.add_argument("--role", choices=("policy", "prm", "tcg"))
    paging(listing)
    showing = noun.add("show", _show, "one checkpoint: where it comes from, what it saw, how it did")
    accepting = noun.add("accept", _accept, f"decide that a checkpoint is used; {COUNTS}")
    rejecting = noun.add("reject", _reject, f"decide that a checkpoint is not used; {COUNTS}")
    for verb in (showing, accepting, rejecting):
        verb.add_argument("id", type=row_id, metavar="ID", help="a checkpoint's id")
    for verb in (accepting, rejecting):
        verb.add_argument("--reason", metavar="T", default="", help="why")
    return noun.run(words)


def _list(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        rows = questions.page(connection, role=options.role, after=options.after, limit=options.limit)
    show.table(options, [row._asdict() for row in rows], COLUMNS, empty="no checkpoints")
    return OK


def _show(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        found = {
            **questions.show(connection, options.id)._asdict(),
            "datasets": questions.datasets(connection, options.id),
            "labels": questions.label_counts(connection, options.id),
            "stale_because": questions.stale_because(connection, options.id),
            "problems_seen": questions.problems_seen(connection, options.id),
            "evaluations": [e._asdict() for e in questions.evaluations(connection, checkpoint=options.id)],
        }
    show.value(options, found)
    return OK


def _accept(options: Namespace) -> int:
    return _decide(options, "accepted")


def _reject(options: Namespace) -> int:
    return _decide(options, "rejected")


def _decide(options: Namespace, outcome: Literal["accepted", "rejected"]) -> int:
    with show.open_lab(options, write=True).writing(durable=True) as connection:
        checkpoint = questions.show(connection, options.id).id
        evidence = {"reason": options.reason}
        decision = checkpoints.decide(connection, checkpoint, outcome, evidence, By(author=author()))
    show.value(options, {"decision": decision, "checkpoint": checkpoint, "outcome": outcome})
    return OK
