"""Verify: re-derive everything in a lab that can be re-derived, and compare. It reads; it mends and removes nothing.

    database.py   SQLite's own checks, triggers, the search index
    digests.py    digests of problems, programs, cases, test sets, profiles, configs
    shape.py      trees as a whole: roots, depths, ordinals, who belongs to whom, nothing counted twice
    trees.py      tree by tree: canonical export, rollouts against programs, verdicts and rewards, labels against facts
    rescores.py   labels that a re-score left, as of what it saw
    artifacts.py  datasets, their members and files; blobs; checkpoints
    jobs.py       attempts, inputs, how far trainers' files were read

Not re-derived: what only a model, a judge or a clock could say again (completions, verdicts, scores, metrics, times), an
evaluation's counts, and the rewards of RL rollouts, which depend on a PRM and on their whole group. A running job disturbs
nothing: every check reads in a short transaction of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.exc import DatabaseError

from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.verify import artifacts, database, digests, jobs, rescores, shape, trees
from o1coder.verify.findings import Disagreement, Findings

__all__ = ["Disagreement", "Findings", "examine", "verify"]


def verify(lab: Lab, *, quick: bool) -> tuple[dict[str, int], list[Disagreement]]:
    """(rows looked at by table, disagreements). `quick` leaves out what reads every byte of every file."""
    found = examine(lab, quick=quick)
    return found.checked, found.wrong


def examine(lab: Lab, *, quick: bool) -> Findings:
    """`verify` with its remarks: what is no disagreement and still worth saying (left-over files, lost attempts)."""
    found = Findings()
    _section(found, lambda: database.check(lab, found, quick=quick))
    sections = (
        lambda: digests.check(lab, found),
        lambda: shape.check(lab, found),
        lambda: trees.check(lab, found),
        lambda: rescores.check(lab, found),
        lambda: artifacts.check(lab, found, quick=quick),
        lambda: jobs.check(lab, found),
    )
    for section in sections:
        if any(each.kind == "integrity" for each in found.wrong):
            break  # nothing that such a file says can be relied on
        _section(found, section)
    return found


def _section(found: Findings, check: Callable[[], None]) -> None:
    """A row that cannot even be read (a torn page, text that is no text, JSON that is none) ends its section, not the rest."""
    try:
        check()
    except LabError as error:
        found.disagree("integrity", "lab.db", "read", "a database that can be read", error.message)
    except (ValueError, DatabaseError) as error:
        found.disagree("unreadable", "lab.db", "read", "text and JSON", error)
