"""The child as it is, but while `judge-fails` lies in the lab's folder, every run of a program that says "# ill" is spoilt.

Spoilt as the judge itself would say it: tried again on fresh workers, counted, and given up on by the judge's own rule.
"""

from __future__ import annotations

import sys
from pathlib import Path

from o1coder.jobs import child
from o1coder.judge import Question, Verdict, pool, stream
from o1coder.judge.verdicts import Decision, decide

FAILS = Path(sys.argv[sys.argv.index("--home") + 1]) / "judge-fails"


def spoilt(question: Question, *more: object) -> Decision:
    """A verdict, or the judge's own failure."""
    if FAILS.exists() and "# ill" in question.code:
        return Decision(Verdict("IE", detail="killed from outside"), True)
    return decide(question, *more)  # type: ignore[arg-type]


stream.decide = spoilt
pool.TOO_MANY = 6  # each costs three workers

if __name__ == "__main__":
    raise SystemExit(child.main())
