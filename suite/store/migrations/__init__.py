"""How an older results database becomes one of this version: Alembic, on SQLite and on PostgreSQL."""
