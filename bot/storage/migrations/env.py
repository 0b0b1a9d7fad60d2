"""Runs migrations on the connection, and in the transaction, that `schema.migrate` opened."""

from __future__ import annotations

from alembic import context

from bot.storage.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,  # SQLite can do it, and half a migration helps nobody
    render_as_batch=True,  # SQLite alters no columns: tables are copied
    compare_type=True,
)
context.run_migrations()
