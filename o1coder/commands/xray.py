"""What `runs xray` prints: a job by iteration, an iteration by group, a group by rollout. JSON objects and plain lines."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.cli import OK
from o1coder.commands import show
from o1coder.commands.plain import cell
from o1coder.queries import drift, groups, xray

ITERATIONS: tuple[str, ...] = (
    "iteration",
    "rollouts",
    "groups",
    "all",
    "none",
    "reward",
    "spread",
    "zero_std",
    "solved",
    "audited",
    "audit",
)
GROUPS: tuple[str, ...] = (
    "tree",
    "problem",
    "title",
    "rollouts",
    "reward",
    "sd",
    "solved",
    "complete",
    "audited",
    "audit",
)
ROLLOUTS: tuple[str, ...] = ("ordinal", "path", "reward", "advantage", "passed", "total", "audit", "terms", "error")


def print_xray(options: Namespace) -> int:
    """Print what was asked of a job's rewards."""
    with show.open_lab(options).reading() as connection:
        if options.tree is not None:
            found, rows, columns = _tree(connection, options.job, options.tree), "rollouts", ROLLOUTS
        elif options.iteration is not None:
            found, rows, columns = _iteration(connection, options.job, options.iteration), "groups", GROUPS
        else:
            found, rows, columns = job(connection, options.job), "iterations", ITERATIONS
    if show.as_json(options):
        show.value(options, found)
        return OK
    show.table(options, found[rows], columns)
    lines = [f"terms, mean over the job: {_terms(found)}"] if rows == "iterations" else []
    for change in found.get("changes", []):
        bounds = "" if change["low"] is None else f" [{change['low']:+.2f}, {change['high']:+.2f}]"
        lines.append(
            f"{change['name']}: {change['before']:.2f} to {change['after']:.2f}, {change['difference']:+.2f}{bounds}, "
            f"{change['problems']} problems"
        )
    for line in [*lines, *found.get("findings", [])]:
        print(line)
    return OK


def job(connection: Connection, job_id: int) -> dict[str, Any]:
    """A job's rewards by iteration, what changed, what stands out, and how rewards are distributed."""
    taken = xray.taken(connection, job_id)
    rows, changed = xray.iterations(connection, job_id, taken), drift.changes(taken)
    return {
        "job": job_id,
        "iterations": [row._asdict() for row in rows],
        "changes": [one._asdict() for one in changed],
        "findings": drift.findings(rows, changed),
        "rewards": [
            {"from": low, "to": high, "rollouts": n} for low, high, n in xray.histogram(one.reward for one in taken)
        ],
    }


def _iteration(connection: Connection, job_id: int, iteration: int) -> dict[str, Any]:
    taken = xray.taken(connection, job_id)
    found = groups.groups(connection, taken, iteration or None)
    return {"job": job_id, "iteration": iteration or None, "groups": [one._asdict() for one in found]}


def _tree(connection: Connection, job_id: int, tree: int) -> dict[str, Any]:
    found = groups.rollouts_of(connection, xray.taken(connection, job_id), tree)
    return {
        "job": job_id,
        "tree": tree,
        "scored_by": groups.scored_by(connection, tree),
        "rollouts": [one._asdict() | {"steps": [step._asdict() for step in one.steps]} for one in found],
    }


def _terms(found: dict[str, Any]) -> str:
    rows = found["iterations"]
    names = dict.fromkeys(name for row in rows for name in row["terms"])
    count = {name: sum(row["rollouts"] - row["masked"] for row in rows if name in row["terms"]) for name in names}
    total = {
        name: sum(row["terms"][name] * (row["rollouts"] - row["masked"]) for row in rows if name in row["terms"])
        for name in names
    }
    return ", ".join(f"{name} {cell(total[name] / count[name])}" for name in names if count[name]) or "none"
