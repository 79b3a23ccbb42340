"""Verify: re-derive everything in a lab that can be re-derived, and compare. It reads; it mends and removes nothing.

    database.py   SQLite's own checks, triggers, the search index
    digests.py    digests of problems, programs, cases, test sets, profiles, configs
    shape.py      trees as a whole: roots, depths, ordinals, who belongs to whom, nothing counted twice
    trees.py      tree by tree: canonical export, rollouts against verdicts and rewards, labels against facts
    artifacts.py  datasets, their members and files; blobs; checkpoints
    jobs.py       attempts, inputs, how far trainers' files were read

Not re-derived: what only a model, a judge or a clock could say again (completions, verdicts, scores, metrics, times), an
evaluation's counts, and the rewards of RL rollouts, which depend on a PRM and on their whole group. A running job disturbs
nothing: every check reads in a short transaction of its own.
"""

from __future__ import annotations

from o1coder.lab import Lab
from o1coder.verify import artifacts, database, digests, jobs, shape, trees
from o1coder.verify.findings import Disagreement, Findings

__all__ = ["Disagreement", "Findings", "examine", "verify"]


def verify(lab: Lab, *, quick: bool) -> tuple[dict[str, int], list[Disagreement]]:
    """(rows looked at by table, disagreements). `quick` leaves out what reads every byte of every file."""
    found = examine(lab, quick=quick)
    return found.checked, found.wrong


def examine(lab: Lab, *, quick: bool) -> Findings:
    """`verify` with its remarks: what is no disagreement and still worth saying (left-over files, lost attempts)."""
    found = Findings()
    database.check(lab, found, quick=quick)
    if any(each.kind == "integrity" for each in found.wrong):
        return found  # nothing that such a file says can be relied on
    digests.check(lab, found)
    shape.check(lab, found)
    trees.check(lab, found)
    artifacts.check(lab, found, quick=quick)
    jobs.check(lab, found)
    return found
