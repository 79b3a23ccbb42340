"""checkpoints list|show|lineage|compare|stale|export|accept|reject.

Lineage, comparison and staleness are told by commands/descents.py.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Literal

from o1coder import checkpoints
from o1coder.cli import OK
from o1coder.commands import descents, show
from o1coder.commands.verbs import Verbs, count, paging, row_id
from o1coder.home import author
from o1coder.queries import checkpoints as questions

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
    lineage = noun.add(
        "lineage", descents.lineage, "what a checkpoint comes from; --back: what a thing of the lab reached"
    )
    lineage.add_argument("id", type=row_id, metavar="ID", nargs="?", help="a checkpoint's id")
    lineage.add_argument("--back", metavar="THING", help=f"the checkpoints that a thing reached: {descents.THINGS}")
    lineage.add_argument("--depth", type=count, metavar="N", default=2, help="levels that are printed (default: 2)")
    comparing = noun.add("compare", descents.compare, "what B gained over A, and what differs in how they were made")
    comparing.add_argument("old", type=row_id, metavar="A", help="a checkpoint's id")
    comparing.add_argument("new", type=row_id, metavar="B", help="a checkpoint's id")
    stale = noun.add(
        "stale", descents.stale, "which are stale; of one: because of which labels, and what would mend it"
    )
    stale.add_argument("id", type=row_id, metavar="ID", nargs="?", help="a checkpoint's id")
    paging(stale)
    exporting = noun.add("export", _export, "write a checkpoint out: weights, a card, its lineage, and a manifest")
    exporting.add_argument("--out", metavar="DIR", required=True, help="a folder that does not exist yet")
    exporting.add_argument(
        "--weights",
        choices=("own", "with-base", "merged"),
        default="own",
        help="an adapter alone (default), with the model it lies over, or merged into it",
    )
    exporting.add_argument("--link", action="store_true", help="link files instead of copying: never edit them then")
    for verb in (showing, exporting, accepting, rejecting):
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


def _export(options: Namespace) -> int:
    from o1coder.releasing import write_out

    lab = show.open_lab(options)
    written = write_out(lab, options.id, Path(options.out), options.weights, link=options.link)
    show.value(options, written._asdict())
    return OK


def _accept(options: Namespace) -> int:
    return _decide(options, "accepted")


def _reject(options: Namespace) -> int:
    return _decide(options, "rejected")


def _decide(options: Namespace, outcome: Literal["accepted", "rejected"]) -> int:
    lab = show.open_lab(options, write=True)
    decision = checkpoints.judge(lab, options.id, outcome, author(), options.reason)
    show.value(options, {"decision": decision, "checkpoint": options.id, "outcome": outcome})
    return OK
