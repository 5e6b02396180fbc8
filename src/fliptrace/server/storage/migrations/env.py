"""Alembic runs this file to migrate the database; storage/database.py starts it with a connection."""

from __future__ import annotations

from alembic import context

from fliptrace.server.storage.tables import Table


def migrate() -> None:
    context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name that Alembic runs it under
    migrate()
