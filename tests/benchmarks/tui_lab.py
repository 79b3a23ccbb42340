"""Labs of the size that the screens must be at ease with, made by bulk SQL in seconds and kept by what they hold.

`problems` writes a million problems with tests, programs, and trees over some of them: rows of the right shape and
number, whose texts and digests mean nothing. Run: `python -m tests.benchmarks.tui_lab HOME [--problems N]`.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import time
from pathlib import Path

from o1coder import db
from o1coder.lab import Lab

AT = "2026-01-01T00:00:00.000Z"
TOPICS = "graph tree string array matrix prime interval queue stack heap window sum path game bitmask grid palindrome"
VERBS = "count find sort merge split rotate reverse minimise maximise simulate"


def problems(raw: sqlite3.Connection, number: int, *, every: int = 50) -> None:
    """`number` problems with none to eight tests; every 10th with a reference program, every `every`-th with a tree of
    eight rollouts over three steps."""
    job = raw.execute(
        "INSERT INTO job (stage, config, config_digest, seed, author, cancel_requested, attempts_wanted, slots, gpus, "
        "created_at) VALUES ('synthesize', '{}', 'sha256:x', 0, 'bench', 0, 1, 1, 0, ?)",
        (AT,),
    ).lastrowid
    profile = raw.execute(
        "INSERT INTO profile (digest, judge_version, python, harness, comparator, limits, created_at) "
        "VALUES ('sha256:bench', '1', '3', '1', 'tokens', '{}', ?)",
        (AT,),
    ).lastrowid
    topics, verbs = TOPICS.split(), VERBS.split()

    def title(n: int) -> str:
        return f"{verbs[n % len(verbs)]} the {topics[n % len(topics)]} {topics[n // 7 % len(topics)]} {n}"

    def statement(n: int) -> str:
        words = " ".join(topics[(n * 7 + i * i) % len(topics)] for i in range(12))
        return f"Given a {topics[n % len(topics)]} of {n % 1000} items, {verbs[n // 3 % len(verbs)]} the {words}."

    raw.execute("DROP TRIGGER problem_text")
    raw.executemany(
        "INSERT INTO problem (digest, source, source_key, split, family, difficulty, kind, title, statement, comparator, "
        "comparator_args, cpu_s, memory_mb, author, created_at) VALUES (?, ?, ?, ?, ?, ?, 'call', ?, ?, 'tokens', '{}', 2, "
        "512, 'bench', ?)",
        (
            (
                f"sha256:{n:064x}",
                ("mbpp", "apps", "taco")[n % 3],
                f"k{n}",
                "test" if n % 10 == 0 else "validation" if n % 10 == 1 else "train",
                f"f{n // 4}",
                ("easy", "medium", "hard", None)[n % 4],
                title(n),
                statement(n),
                AT,
            )
            for n in range(1, number + 1)
        ),
    )
    raw.execute("INSERT INTO problem_fts(problem_fts) VALUES ('rebuild')")
    first = raw.execute("SELECT max(id) - ? FROM problem", (number,)).fetchone()[0]
    raw.executemany(
        "INSERT INTO test_case (problem_id, digest, input, expected, origin, author, created_at) "
        "VALUES (?, ?, ?, ?, ?, 'bench', ?)",
        (
            (first + n, f"sha256:{n:056x}{i:08x}", f"[{i}]", str(i), "tcg" if i > 3 else "dataset", AT)
            for n in range(1, number + 1)
            for i in range(8 if n % 50 == 0 else n % 3)
        ),
    )
    raw.executemany(
        "INSERT INTO program (problem_id, digest, code) VALUES (?, ?, ?)",
        ((first + n, f"sha256:{n:064x}", f"def f(x):\n    return x + {n}\n") for n in range(10, number + 1, 10)),
    )
    raw.execute(
        "INSERT INTO program_origin (program_id, origin, claim, author, created_at) "
        "SELECT id, 'reference', 'correct', 'bench', ? FROM program WHERE problem_id > ?",
        (AT, first),
    )
    raw.execute(
        "INSERT INTO test_set (problem_id, purpose, digest, author, created_at) SELECT id, 'reward', digest, 'bench', ?1 "
        "FROM problem WHERE id > ?2 AND id % ?3 = 0",
        (AT, first, every),
    )
    raw.execute(
        "INSERT INTO test_set_item (test_set_id, ordinal, test_case_id) SELECT s.id, "
        "row_number() OVER (PARTITION BY s.id ORDER BY t.id) - 1, t.id FROM test_set s JOIN test_case t "
        "ON t.problem_id = s.problem_id WHERE s.problem_id > ?",
        (first,),
    )
    raw.execute(
        "INSERT INTO tree (job_id, problem_id, ordinal, kind, preset, config, config_digest, prompt_digest, sampler, "
        "reproducible, seed, test_set_id, profile_id, with_reference, withdrawals, created_at) SELECT ?1, problem_id, 0, "
        "'search', 'lab', '{}', 'sha256:x', 'sha256:q', 'fake:7', 1, 0, id, ?2, 0, 0, ?3 FROM test_set WHERE problem_id > ?4",
        (job, profile, AT, first),
    )
    trees = [row[0] for row in raw.execute("SELECT id FROM tree WHERE job_id = ?", (job,))]
    raw.executemany(
        "INSERT INTO step (tree_id, parent_id, ordinal, depth, action, text) VALUES (?, NULL, 0, 0, 'root', '')",
        ((tree,) for tree in trees),
    )
    raw.execute(
        "INSERT INTO step (tree_id, parent_id, ordinal, depth, action, text) SELECT s.tree_id, s.id, o.value, 1, 'code', "
        "'a step' FROM step s JOIN tree x ON x.id = s.tree_id JOIN (SELECT 0 AS value UNION SELECT 1) o WHERE x.job_id = ?",
        (job,),
    )
    raw.execute(
        "WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value < 3) "
        "INSERT INTO rollout (tree_id, ordinal, attempt, leaf_id, passed, total, compiled, reward, terms) "
        "SELECT s.tree_id, n.value * 2 + s.ordinal, 1, s.id, CASE WHEN (s.tree_id * 31 + n.value + s.ordinal) % 5 < 2 "
        "THEN 3 ELSE 1 END, 3, 1, 0.5, '{}' FROM step s JOIN tree x ON x.id = s.tree_id, n "
        "WHERE x.job_id = ? AND s.depth = 1",
        (job,),
    )
    raw.execute(
        "INSERT INTO tree_end (tree_id, reason, digest, created_at) SELECT id, 'simulations', 'sha256:t', ? FROM tree "
        "WHERE job_id = ?",
        (AT, job),
    )
    for statement_of in db.triggers():
        raw.execute(statement_of)


def make(home: Path, number: int, *, every: int = 50) -> None:
    """A lab with `number` problems."""
    Lab.create(home).close()
    module, _ = db.driver()
    raw = module.connect(str(home / "lab.db"), isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=OFF", "cache_size=-200000"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute("BEGIN IMMEDIATE")
    problems(raw, number, every=every)
    raw.execute("COMMIT")
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--problems", type=int, default=1_000_000)
    options = parser.parse_args(words)
    started = time.perf_counter()
    make(options.home, options.problems)
    size = (options.home / "lab.db").stat().st_size >> 20
    print(f"{options.problems} problems in {time.perf_counter() - started:.0f} s, {size} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
