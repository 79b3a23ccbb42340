"""Agreement of search, execution and a PRM with the label that counts: a filter of datasets, never a label.

The search says what its newest label says. Execution says, of a program, whether it passes every reward test (and, where
generated tests that its reference passes were run, whether it passes those: two origins that differ agree with nobody); of
a prefix, whether a judged draw below it passed, or that none of eight or more did. A PRM says valid at or above a threshold
tuned on fresh draws of another split. Audit and held-out tests never filter. Everything is asked as of a moment, scores
included, so that a dataset can be asked for again. What a PRM taught by filtered rows learns is partly that filter's word:
`Consensus.said` goes with the dataset, its card and the checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import evidence
from o1coder.errors import LabError
from o1coder.treequery import AsOf, Query


@dataclass(frozen=True)
class Consensus:
    """Who must agree; for a PRM which one, under which input format, from which threshold on, and what chose that."""

    voices: frozenset[str]
    prm: int | None = None
    format_digest: str | None = None
    threshold: float | None = None
    tuned_on: str | None = None
    tuned_job: int | None = None

    @property
    def said(self) -> dict[str, Any]:
        """What a dataset's record and card say of the filter."""
        found: dict[str, Any] = {"agree": sorted(self.voices)}
        if self.prm is not None:
            found |= {
                "prm": self.prm,
                "format": self.format_digest,
                "threshold": self.threshold,
                "tuned_on": self.tuned_on,
            }
        return found


@dataclass(frozen=True)
class Evidence:
    """What each voice says of the steps of one tree; absent voices are not asked."""

    asked: Consensus | None = None
    search: Mapping[int, str] = field(default_factory=dict)
    execution: Mapping[int, str] = field(default_factory=dict)
    scores: Mapping[int, float] = field(default_factory=dict)

    def against(self, step: int, claim: str) -> str | None:
        """Why a step with this label is left out; None where all who are asked agree."""
        if self.asked is None:
            return None
        if claim == "unsure":
            return "unsure, so nobody can agree"
        said: list[tuple[str, str | None]] = []
        if "search" in self.asked.voices:
            said.append(("search", self.search.get(step)))
        if "execution" in self.asked.voices:
            said.append(("execution", self.execution.get(step)))
        if "prm" in self.asked.voices and self.asked.threshold is not None:
            score = self.scores.get(step)
            said.append(("the PRM", None if score is None else _side(score, self.asked.threshold)))
        for who, word in said:
            if word is None or word == "unsure":
                return f"{who} says nothing sure"
            if word != claim:
                return f"{who} disagrees with the label"
        return None


def _side(score: float, threshold: float) -> str:
    return "valid" if score >= threshold else "invalid"


def asked_by(connection: Connection, query: Query, as_of: AsOf) -> Consensus | None:
    """The agreement that a query asks for, with the PRM and threshold it leaves open chosen as of a moment. LabError when no
    PRM scored the trees, or nothing says where its threshold lies."""
    if not query.agree:
        return None
    if "prm" not in query.voices:
        return Consensus(query.voices)
    prm, form = _prm(connection, query, as_of)
    if query.threshold:
        by_hand = "named by hand, tuned on nothing that is recorded"
        return Consensus(query.voices, prm, form, float(query.threshold[0]), by_hand)
    job, threshold, on = _tuned(connection, query, prm, as_of)
    return Consensus(query.voices, prm, form, threshold, on, job)


def settled(connection: Connection, query: Query, as_of: AsOf) -> tuple[Query, dict[str, Any]]:
    """The query with what it left open written out, and what its dataset says of the filter under `filter`; ({} without
    one)."""
    found = asked_by(connection, query, as_of)
    if found is None:
        return query, {}
    tuned = () if found.tuned_job is None else (str(found.tuned_job),)
    prm = () if found.prm is None else (str(found.prm),)
    return replace(query, prm=prm, tuned=tuned), {"filter": found.said}


def of_tree(connection: Connection, asked: Consensus | None, tree_id: int, as_of: AsOf) -> Evidence:
    """What everyone who is asked says of a tree's steps."""
    if asked is None:
        return Evidence()
    return Evidence(
        asked,
        evidence.search(connection, tree_id, as_of) if "search" in asked.voices else {},
        evidence.execution(connection, tree_id, as_of) if "execution" in asked.voices else {},
        {}
        if asked.prm is None or asked.format_digest is None
        else evidence.scores(connection, tree_id, asked.prm, asked.format_digest, as_of),
    )


def _prm(connection: Connection, query: Query, as_of: AsOf) -> tuple[int, str]:
    """The PRM that is named or that scored the trees last, and the format of its newest score."""
    where, values = query.where()
    named = "" if not query.prm else f"AND c.checkpoint_id = {int(query.prm[0])} "
    row = connection.exec_driver_sql(
        "SELECT c.checkpoint_id, c.format_digest FROM score c JOIN step s ON s.id = c.step_id "
        "JOIN tree x ON x.id = s.tree_id JOIN problem pr ON pr.id = x.problem_id JOIN job j ON j.id = x.job_id "
        f"LEFT JOIN run rn ON rn.id = j.run_id WHERE c.id <= {as_of['score']} {named}AND {where} "
        "ORDER BY c.checkpoint_id DESC, c.id DESC LIMIT 1",
        values,
    ).first()
    if row is None:
        who = f"PRM {query.prm[0]}" if query.prm else "no PRM"
        raise LabError(
            f"{who} has {'not ' if query.prm else ''}scored these trees, so it cannot agree",
            "`o1coder run score --prm CKPT --query …` scores them; or leave prm out of agree:",
        )
    return int(row[0]), str(row[1])


def _tuned(connection: Connection, query: Query, prm: int, as_of: AsOf) -> tuple[int, float, str]:
    """(job, threshold, what it was tuned on): the best F1 over fresh draws, on problems of another split than train."""
    from o1coder import measure, prmfigures

    named = "" if not query.tuned else f"AND x.job_id = {int(query.tuned[0])} "
    rows = connection.exec_driver_sql(
        "SELECT x.job_id, GROUP_CONCAT(DISTINCT pr.split) FROM tree x JOIN problem pr ON pr.id = x.problem_id "
        f"WHERE x.kind = 'draws' AND x.id <= {as_of['tree']} {named}AND EXISTS (SELECT 1 FROM score c JOIN step s "
        f"ON s.id = c.step_id WHERE s.tree_id = x.id AND c.checkpoint_id = ? AND c.id <= {as_of['score']}) "
        "GROUP BY x.job_id ORDER BY x.job_id DESC",
        (prm,),
    ).all()
    hint = "`o1coder run evaluate-prm --prm CKPT` draws on validation and scores; or name one: `threshold:0.5`"
    for job, splits in rows:
        if "train" in splits.split(","):
            continue
        steps = [
            step
            for step in prmfigures.scored_steps(connection, job, prm, as_of)
            if step.action == "code" or step.k >= evidence.ENOUGH_DRAWS
        ]
        threshold = measure.best_threshold([step.c > 0 for step in steps], [step.score for step in steps])
        if threshold is not None:
            names = " and ".join(sorted(splits.split(",")))
            return job, threshold, f"best F1 over {len(steps)} steps of fresh draws of job {job} ({names})"
    if rows and query.tuned and all("train" in splits.split(",") for _, splits in rows):
        raise LabError(f"job {query.tuned[0]} drew on train, where the threshold is used", hint)
    raise LabError(f"no fresh draws say where the threshold of PRM {prm} lies", hint)
