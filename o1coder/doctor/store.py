"""Which SQLite this installation uses, and what stands at the lab's home: a lab, an older or newer one, a broken one, none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DatabaseError

from o1coder import db
from o1coder.errors import LabError
from o1coder.lab import DATABASE


def sqlite() -> dict[str, Any]:
    """Library, version, and whether its WAL is safe; `journal` is the mode in which labs are opened."""
    module, wal_safe = db.driver()
    library = "pysqlite3" if module.__name__.startswith("pysqlite3") else "standard library"
    return {
        "library": library,
        "version": module.sqlite_version,
        "wal_safe": wal_safe,
        "journal": "WAL" if wal_safe else "DELETE",
    }


def lab(home: Path) -> dict[str, Any]:
    """`state` is ok, absent, older, newer, "not a lab" or broken; with the schema and the journal mode on disk."""
    file = home / DATABASE
    found: dict[str, Any] = {"home": str(home), "state": "absent", "schema": None, "journal": None, "why": None}
    try:
        if not file.is_file():
            if file.exists() or (home.exists() and not home.is_dir()):
                found |= {"state": "not a lab", "why": f"{file if file.exists() else home} is not what it should be"}
            return found
        engine = db.connect(file, readonly=True)
        try:
            with db.transaction(engine, write=False) as connection:
                version = db.version_of(connection)
                found["schema"] = version
                found["journal"] = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())
                problems = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(3)")]
        finally:
            engine.dispose()
    except (DatabaseError, LabError, OSError) as error:
        found |= {"state": "broken", "why": str(getattr(error, "orig", None) or error)}
        return found
    if problems != ["ok"]:
        found |= {"state": "broken", "why": "; ".join(problems)}
    elif version is None:
        found |= {"state": "not a lab", "why": f"{file} holds no schema"}
    else:
        found["state"] = "ok" if version == db.HEAD else "older" if version < db.HEAD else "newer"
    return found


def advice(lab: Mapping[str, Any], sqlite: Mapping[str, Any]) -> list[str]:
    """Lines about the lab and SQLite."""
    at = lab["home"]
    says = {
        "absent": f"there is no lab at {at} yet: `o1coder init` makes one",
        "older": f"the lab at {at} has schema {lab['schema']}: run `o1coder upgrade`",
        "newer": f"the lab at {at} has schema {lab['schema']}, this o1coder knows {db.HEAD}: install the newer one",
        "not a lab": f"{lab['why']}: name another folder with --home",
        "broken": f"the lab at {at} cannot be read ({lab['why']}): put a copy made by `o1coder backup` in its place",
    }
    lines = [says[lab["state"]]] if lab["state"] in says else []
    if not sqlite["wal_safe"]:
        lines.append(
            f"SQLite {sqlite['version']} lacks the fix of the WAL-reset race, so labs are opened with journal_mode=DELETE: "
            "slower, not unsafe; SQLite 3.51.3, or the package pysqlite3, brings WAL"
        )
    return lines
