"""rounds list|show: what every round came to, and one round as the chain of its moves with its report."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from o1coder import report, roundrows
from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.plain import aligned
from o1coder.commands.verbs import Verbs, row_id
from o1coder.lab import Lab
from o1coder.queries import rounds

ROUNDS = ("run", "round", "state", "jobs", "done", "seconds", "solved", "test", "decision", "lower", "checkpoint")
MOVES = ("move", "stage", "job", "state", "seconds", "tokens_out", "sandbox_runs", "checkpoint", "trees")


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    noun = Verbs(parser, default="list")
    noun.add("list", _list, "rounds, with their figures and what the gate said").add_argument(
        "--run", metavar="NAME", help="only this run's"
    )
    one = noun.add("show", _show, "one round: its moves, their costs, and its report")
    one.add_argument("name", metavar="RUN", help="the run")
    one.add_argument("round", type=row_id, metavar="N", help="the round, from 0")
    return noun.run(words)


def _list(options: Namespace) -> int:
    lab = show.open_lab(options)
    with lab.reading() as connection:
        if options.run is not None:
            rounds.run_id(connection, options.run)
        found = [
            (one.name, number)
            for one in rounds.runs(connection)
            if options.run in (None, one.name)
            for number in rounds.numbers(connection, one.name)
        ]
    told = [roundrows.row(lab, *one) for one in found]
    if show.as_json(options):
        show.table(options, [as_json(row) for row in told], ROUNDS)
    else:
        show.table(options, [_line(row) for row in told], ROUNDS, empty="no rounds")
    return OK


def as_json(row: roundrows.RoundRow) -> dict[str, Any]:
    """A round's row as JSON: a share is an object with its interval and n."""
    return {
        name: value._asdict() if isinstance(value, roundrows.Share) else value for name, value in row._asdict().items()
    }


def _line(row: roundrows.RoundRow) -> dict[str, Any]:
    return {
        name: share(value) if isinstance(value, roundrows.Share) else value for name, value in row._asdict().items()
    }


def share(found: roundrows.Share) -> str:
    """A share as people read it: .40 [.31, .52] n=20."""
    bounds = "" if found.low is None or found.high is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return f"{found.value:.2f}{bounds} n={found.n}"


def _show(options: Namespace) -> int:
    lab: Lab = show.open_lab(options)
    roundrows.require(lab, options.name, options.round)
    found = report.round_report(lab, options.name, options.round)
    chain = roundrows.moves(lab, options.name, options.round)
    row = roundrows.of_report(lab, found)
    told = {"row": as_json(row), "moves": [move._asdict() for move in chain], "report": found}
    show.value(options, told, [*aligned([move._asdict() for move in chain], MOVES), "", *report.lines(found)])
    return OK
