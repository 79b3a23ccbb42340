"""runs list, and rounds of a run."""

from __future__ import annotations

from argparse import ArgumentParser

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.queries import rounds


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    parser.add_argument("verb", nargs="?", choices=("list",), default="list")
    parser.add_argument("--run", help="rounds: only this run")
    options = parser.parse_args(words)
    lab = show.open_lab(options)
    with lab.reading() as connection:
        found = rounds.runs(connection)
        if name == "runs":
            columns = ("id", "name", "rounds", "jobs", "author", "created_at")
            show.table(options, [row._asdict() for row in found], columns, empty="no runs")
            return OK
        if options.run is not None:
            rounds.run_id(connection, options.run)
        rows = []
        for row in found:
            if options.run not in (None, row.name):
                continue
            for number in range(row.rounds):
                decision = rounds.decision(connection, row.name, number)
                costs = rounds.costs(connection, row.name, number)
                rows.append(
                    {
                        "run": row.name,
                        "round": number,
                        "jobs": len(costs),
                        "done": sum(cost.state == "done" for cost in costs),
                        "seconds": sum(cost.seconds or 0 for cost in costs),
                        "decision": None if decision is None else decision.outcome,
                        "checkpoint": None if decision is None else decision.checkpoint,
                    }
                )
    show.table(options, rows, ("run", "round", "jobs", "done", "seconds", "decision", "checkpoint"), empty="no rounds")
    return OK
