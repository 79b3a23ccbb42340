"""Alembic's environment: one connection to the lab's file, foreign keys off while tables move, checked afterwards.

Batch mode drops triggers silently and fails with foreign keys on; so both are handled here, for every migration.
"""

from alembic import context
from sqlmodel import SQLModel

import o1coder.models  # noqa: F401  registers every table
from o1coder import db

file = context.config.attributes["file"]
engine = db.connect(file, readonly=False)

with engine.connect() as connection:
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute("PRAGMA foreign_keys=OFF")
    with connection.execution_options(lab_begin="IMMEDIATE").begin():
        context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)
        context.run_migrations()
        for statement in db.triggers():
            connection.exec_driver_sql(statement)
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"the migration broke foreign keys: {broken[:5]}")
engine.dispose()
