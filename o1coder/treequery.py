"""The words that select trees and labels: `split:train job:3 source:human agree:search+prm`. Text in, SQL out.

It asks nothing of a database: selection.py does. What `agree:` means is consensus.py's.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from o1coder.errors import LabError

AsOf = Mapping[str, int]
TRAINING_KINDS = ("search", "group")  # of trees; draws measure, cases are no steps
VOICES = ("search", "execution", "prm")


@dataclass(frozen=True)
class Query:
    """What to select. Text form: `split:train job:3 source:human`; a field given twice means either."""

    split: tuple[str, ...] = ()
    slice: tuple[str, ...] = ()
    source: tuple[str, ...] = ()  # of the problem: starter, humaneval, …
    problem: tuple[str, ...] = ()
    job: tuple[str, ...] = ()
    tree: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    round: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()  # of the tree: search, group
    label: tuple[str, ...] = ()  # source of the current label: search, human, import
    estimate: tuple[str, ...] = ()  # of a search's label: tree, mc, visits, …
    agree: tuple[str, ...] = ()  # search, execution, prm joined by +: all of these say the same as the current label
    prm: tuple[str, ...] = ()  # which PRM agrees; else the newest that scored the trees
    threshold: tuple[str, ...] = ()  # at or above it that PRM says valid
    tuned: tuple[str, ...] = ()  # the job whose fresh draws choose the threshold; else the newest that fits

    @classmethod
    def parse(cls, text: str) -> Query:
        """LabError names the field that is not known."""
        known = [f.name for f in fields(cls)]
        values: dict[str, list[str]] = {}
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise LabError(f"the query cannot be read: {error}", "e.g. `split:train job:3`") from error
        for word in words:
            name, colon, value = word.partition(":")
            if not colon or name not in known or not value:
                raise LabError(f"the query has no field {word!r}", f"fields: {', '.join(f'{k}:VALUE' for k in known)}")
            values.setdefault(name, []).append(value)
        query = cls(**{name: tuple(sorted(set(found))) for name, found in values.items()})
        query._check()
        return query

    @property
    def voices(self) -> frozenset[str]:
        """Who must agree with the current label."""
        return frozenset(self.agree[0].split("+")) if self.agree else frozenset()

    def _check(self) -> None:
        for name in ("agree", "prm", "threshold", "tuned"):
            if len(getattr(self, name)) > 1:
                raise LabError(f"{name}: is given twice", "name it once, e.g. `agree:search+execution+prm`")
        if not self.voices <= set(VOICES):
            raise LabError(f"agree:{self.agree[0]} names nobody who could", f"join some of {', '.join(VOICES)} by +")
        if "prm" not in self.voices and (self.prm or self.threshold or self.tuned):
            raise LabError("prm:, threshold: and tuned: say how a PRM agrees", "add `agree:prm`, or leave them away")
        if self.threshold and self.tuned:
            raise LabError("threshold: and tuned: each choose the threshold", "keep one of them")
        wrong = [word for word in self.prm + self.tuned if not (word.isascii() and word.isdigit())]
        if wrong:
            raise LabError(f"{wrong[0]!r} is no id", "prm: names a checkpoint, tuned: a job, by number")
        if self.threshold and not 0 <= _number(self.threshold[0]) <= 1:
            raise LabError(f"threshold:{self.threshold[0]} is no number from 0 to 1", "e.g. `threshold:0.5`")

    def text(self) -> str:
        """The query's canonical text."""
        return " ".join(f"{f.name}:{v}" for f in fields(self) for v in getattr(self, f.name))

    def training(self) -> Query:
        """The same query held to what may be trained on: searches and RL groups over train problems. LabError when it asks
        for more: another split, or the fresh draws that measure a PRM."""
        wrong = [f"split:{s}" for s in self.split if s != "train"]
        wrong += [f"kind:{k}" for k in self.kind if k not in TRAINING_KINDS]
        if wrong:
            raise LabError(f"{wrong[0]} may not be trained on", "train on split:train; the other splits measure")
        return replace(self, split=("train",), kind=self.kind or TRAINING_KINDS)

    def where(self) -> tuple[str, tuple[str, ...]]:
        """SQL over aliases `pr` (problem), `x` (tree), `j` (job) and `rn` (run)."""
        columns = {
            "split": "pr.split",
            "slice": "pr.slice",
            "source": "pr.source",
            "problem": "CAST(pr.id AS TEXT)",
            "job": "CAST(x.job_id AS TEXT)",
            "tree": "CAST(x.id AS TEXT)",
            "run": "rn.name",
            "round": "CAST(j.round AS TEXT)",
            "kind": "x.kind",
        }
        parts, values = ["1"], []
        for name, column in columns.items():
            wanted = getattr(self, name)
            if wanted:
                parts.append(f"{column} IN ({','.join('?' * len(wanted))})")
                values.extend(wanted)
        return " AND ".join(parts), tuple(values)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0
