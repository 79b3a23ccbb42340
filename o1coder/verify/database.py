"""The file as SQLite sees it: pages, constraints, foreign keys, the triggers that keep facts facts, the search index."""

from __future__ import annotations

from sqlalchemy import CheckConstraint
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError
from sqlmodel import SQLModel

from o1coder import db
from o1coder.lab import Lab
from o1coder.models import Problem
from o1coder.rows import table
from o1coder.verify.findings import Findings


def check(lab: Lab, found: Findings, *, quick: bool) -> None:
    """`quick` leaves out whether indexes hold what their tables hold."""
    with lab.reading() as connection:
        if not _pages(connection, found, "quick_check" if quick else "integrity_check"):
            return
        _checks(connection, found)
        _foreign_keys(connection, found)
        _triggers(connection, found)
        _search_index(connection, found)


def _pages(connection: Connection, found: Findings, pragma: str) -> bool:
    try:
        said = [str(row[0]) for row in connection.exec_driver_sql(f"PRAGMA {pragma}(20)")]
    except DatabaseError as error:
        said = [str(error.orig)]
    sound = True
    for line in said:
        if line == "ok" or line.startswith("CHECK constraint failed"):  # these are asked below, row by row
            continue
        # A broken rule leaves the file readable; anything else does not.
        rule = line.startswith(("NULL value", "non-unique"))
        found.disagree("constraint" if rule else "integrity", "lab.db", pragma, "ok", line)
        sound = sound and rule
    return sound


def _checks(connection: Connection, found: Findings) -> None:
    """Every CHECK of every table. SQLite itself forgets them in a file that it opens read-only."""
    for each in SQLModel.metadata.sorted_tables:
        for constraint in each.constraints:
            if isinstance(constraint, CheckConstraint):
                rule = str(constraint.sqltext)
                for (row_id,) in connection.exec_driver_sql(f"SELECT rowid FROM {each.name} WHERE NOT ({rule})"):
                    found.disagree("constraint", each.name, row_id, rule, "a row that breaks it")


def _foreign_keys(connection: Connection, found: Findings) -> None:
    for name, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        found.disagree("foreign-key", name, row_id if row_id is not None else "?", f"a row of {parent}", "none")


def _triggers(connection: Connection, found: Findings) -> None:
    stored = {
        name: _plain(sql)
        for name, sql in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    }
    wanted = [_plain(statement) for statement in db.triggers()]
    found.count("trigger", len(wanted))
    for statement in wanted:
        name = statement.split()[2]
        if stored.get(name) != statement:
            what = "missing" if name not in stored else stored[name]
            found.disagree("trigger", "sqlite_master", name, statement, what)


def _plain(statement: str) -> str:
    return " ".join(statement.replace("IF NOT EXISTS ", "").split())


def _search_index(connection: Connection, found: Findings) -> None:
    problems = table(Problem)
    rows = connection.exec_driver_sql(
        f"SELECT p.id FROM {problems.name} p WHERE NOT EXISTS (SELECT 1 FROM problem_fts_docsize d WHERE d.id = p.id)"
    )
    for (problem_id,) in rows:
        found.disagree("search-index", "problem_fts", problem_id, "the problem's words", "missing")
