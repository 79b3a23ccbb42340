"""runs list, and rounds list: the rounds of every run, or of one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.verbs import Verbs, paging
from o1coder.queries import rounds

RUNS = ("id", "name", "rounds", "jobs", "author", "created_at")
ROUNDS = ("run", "round", "jobs", "done", "seconds", "decision", "checkpoint")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser, default="list")
    if name == "runs":
        paging(noun.add("list", _runs, "runs by id"))
    else:
        noun.add("list", _rounds, "rounds, with what the gate said").add_argument(
            "--run", metavar="NAME", help="only this run's"
        )
    return noun.run(words)


def _runs(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        found = [row for row in rounds.runs(connection) if row.id > options.after][: options.limit]
    show.table(options, [row._asdict() for row in found], RUNS, empty="no runs")
    return OK


def _rounds(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        if options.run is not None:
            rounds.run_id(connection, options.run)
        found = [
            _round(connection, row.name, number)
            for row in rounds.runs(connection)
            if options.run in (None, row.name)
            for number in range(row.rounds)
        ]
    show.table(options, found, ROUNDS, empty="no rounds")
    return OK


def _round(connection: Connection, run: str, number: int) -> dict[str, Any]:
    decision, costs = rounds.decision(connection, run, number), rounds.costs(connection, run, number)
    return {
        "run": run,
        "round": number,
        "jobs": len(costs),
        "done": sum(cost.state == "done" for cost in costs),
        "seconds": sum(cost.seconds or 0 for cost in costs),
        "decision": None if decision is None else decision.outcome,
        "checkpoint": None if decision is None else decision.checkpoint,
    }
