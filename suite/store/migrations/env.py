"""What Alembic runs: the revisions, on the connection that it is given."""

from __future__ import annotations

from alembic import context

__all__ = ()

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
