"""Queries to begin with: each answers a question that is asked of most labs, and shows how the tables hang together.

They are named like saved queries, which hide them where the names are equal. Nothing here is asked by itself.
"""

from __future__ import annotations

from typing import NamedTuple

from o1coder.standing import current_label


class Example(NamedTuple):
    """A query, its name, and the question it answers."""

    name: str
    about: str
    text: str


EXAMPLES = (
    Example(
        "disagreements",
        "steps where a person's label that counts differs from the search's newest",
        "SELECT s.tree_id, s.id AS step, s.action, p.value AS person, p.author, m.value AS search, m.c, m.k, p.reason\n"
        "FROM step s\n"
        f"JOIN label p ON p.id = {current_label('s.id')}\n"
        "JOIN label m ON m.id = (SELECT max(id) FROM label WHERE step_id = s.id AND source = 'search')\n"
        "WHERE p.source = 'human' AND p.value <> m.value\n"
        "ORDER BY p.id DESC",
    ),
    Example(
        "labels",
        "labels of people by author, week and value, with the mean seconds a label took",
        "SELECT author, strftime('%Y-W%W', created_at) AS week, value, count(*) AS labels,\n"
        "  round(avg(taken_ms) / 1000.0, 1) AS mean_s, sum(category = 'tainted') AS tainted\n"
        "FROM label\n"
        "WHERE source = 'human' AND retracts IS NULL\n"
        "GROUP BY author, week, value\n"
        "ORDER BY week DESC, author, value",
    ),
    Example(
        "tokens",
        "what each job asked of its model: completions, tokens, kept and discarded",
        "SELECT j.id AS job, j.stage, count(*) AS completions, sum(c.tokens_in) AS tokens_in,\n"
        "  sum(c.tokens_out) AS tokens_out, sum(c.step_id IS NULL) AS discarded,\n"
        "  sum(c.finish_reason = 'length') AS cut_by_length\n"
        "FROM completion c\n"
        "JOIN tree x ON x.id = c.tree_id\n"
        "JOIN job j ON j.id = x.job_id\n"
        "GROUP BY j.id\n"
        "ORDER BY j.id DESC",
    ),
    Example(
        "errors",
        "why completions were discarded, most frequent first",
        "SELECT error, finish_reason, count(*) AS n, min(id) AS first, max(id) AS last\n"
        "FROM completion\n"
        "WHERE step_id IS NULL\n"
        "GROUP BY error, finish_reason\n"
        "ORDER BY n DESC",
    ),
    Example(
        "unsolved",
        "train problems whose trees had many judged rollouts and no passing one",
        "SELECT p.id AS problem, p.title, p.difficulty, count(DISTINCT x.id) AS trees, count(*) AS rollouts,\n"
        "  round(avg(r.passed * 1.0 / r.total), 3) AS tests_passed, max(r.passed * 1.0 / r.total) AS best\n"
        "FROM rollout r\n"
        "JOIN tree x ON x.id = r.tree_id\n"
        "JOIN problem p ON p.id = x.problem_id\n"
        "WHERE r.total > 0 AND r.reward IS NOT NULL AND p.split = 'train'\n"
        "GROUP BY p.id\n"
        "HAVING max(r.passed = r.total) = 0\n"
        "ORDER BY rollouts DESC",
    ),
    Example(
        "verdicts",
        "verdicts by code and isolation layer, with how long programs ran",
        "SELECT code, layer, count(*) AS verdicts, round(avg(cpu_ms), 1) AS mean_cpu_ms, round(max(cpu_ms), 1) AS max_cpu_ms,\n"
        "  max(memory_kb) AS max_memory_kb\n"
        "FROM verdict\n"
        "GROUP BY code, layer\n"
        "ORDER BY verdicts DESC",
    ),
    Example(
        "times",
        "how long stages took, by stage and outcome",
        "SELECT j.stage, a.outcome, count(*) AS attempts,\n"
        "  round(avg((julianday(a.ended_at) - julianday(a.started_at)) * 86400), 1) AS mean_s,\n"
        "  round(max((julianday(a.ended_at) - julianday(a.started_at)) * 86400), 1) AS max_s\n"
        "FROM attempt a\n"
        "JOIN job j ON j.id = a.job_id\n"
        "GROUP BY j.stage, a.outcome\n"
        "ORDER BY j.stage, a.outcome",
    ),
)


def example(name: str) -> Example | None:
    """The example of that name."""
    return next((one for one in EXAMPLES if one.name == name), None)
