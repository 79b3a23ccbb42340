"""checkpoints list|show|accept|reject."""

from __future__ import annotations

from argparse import ArgumentParser

from o1coder import checkpoints
from o1coder.cli import OK
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.home import author
from o1coder.queries import checkpoints as questions
from o1coder.rows import By


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    parser.add_argument("verb", choices=("list", "show", "accept", "reject"))
    parser.add_argument("id", nargs="?", type=int)
    parser.add_argument("--role", choices=("policy", "prm", "tcg"))
    parser.add_argument("--reason", default="")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--after", type=int, default=0)
    options = parser.parse_args(words)
    lab = show.open_lab(options, write=options.verb in ("accept", "reject"))
    if options.verb == "list":
        with lab.reading() as connection:
            rows = questions.page(connection, role=options.role, after=options.after, limit=options.limit)
        columns = ("id", "role", "format", "parent", "base", "job", "iteration", "name", "decision", "stale")
        show.table(options, [row._asdict() for row in rows], columns, empty="no checkpoints")
        return OK
    if options.id is None:
        raise LabError(f"checkpoints {options.verb} needs an id", "`o1coder checkpoints list` shows them")
    if options.verb in ("accept", "reject"):
        with lab.writing(durable=True) as connection:
            questions.show(connection, options.id)
            outcome = "accepted" if options.verb == "accept" else "rejected"
            evidence = {"reason": options.reason}
            decision = checkpoints.decide(connection, options.id, outcome, evidence, By(author=author()))
        show.value(options, {"decision": decision, "checkpoint": options.id, "outcome": outcome})
        return OK
    with lab.reading() as connection:
        row = questions.show(connection, options.id)
        found = {
            **row._asdict(),
            "datasets": questions.datasets(connection, options.id),
            "labels": questions.label_counts(connection, options.id),
            "stale_because": questions.stale_because(connection, options.id),
            "problems_seen": questions.problems_seen(connection, options.id),
            "evaluations": [e._asdict() for e in questions.evaluations(connection, checkpoint=options.id)],
        }
    show.value(options, found)
    return OK
