"""The tables as they were made before there were migrations."""

from __future__ import annotations

import sqlalchemy as sql
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "1"
down_revision = None


def upgrade() -> None:
    """Makes them."""
    op.create_table(
        "results",
        sql.Column("sequence", sql.Integer, primary_key=True, autoincrement=True),
        sql.Column("id", sql.String(64), nullable=False, unique=True),
        sql.Column("cell_id", sql.String(64), nullable=False, index=True),
        sql.Column("status", sql.String(16), nullable=False),
        sql.Column("phase", sql.String(16), nullable=False),
        sql.Column("seed", sql.Integer, nullable=False),
        sql.Column("model", sql.String, nullable=False),
        sql.Column("dataset", sql.String, nullable=False),
        sql.Column("strategy", sql.String, nullable=False),
        sql.Column("finished_at", sql.String(40), nullable=False),
        sql.Column("total_seconds", sql.Float),
        sql.Column("selection", sql.Float),
        sql.Column("has_model", sql.Boolean, nullable=False),
        sql.Column("document", sql.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "documents",
        sql.Column("name", sql.String(32), primary_key=True),
        sql.Column("text", sql.Text, nullable=False),
    )
    op.create_table(
        "exports",
        sql.Column("sequence", sql.Integer, primary_key=True, autoincrement=True),
        sql.Column("trial_id", sql.String(64), nullable=False),
        sql.Column("cell_id", sql.String(64), nullable=False, index=True),
        sql.Column("format", sql.String(64), nullable=False),
        sql.Column("precision", sql.String(16), nullable=False),
        sql.Column("status", sql.String(16), nullable=False),
        sql.Column("document", sql.Text, nullable=False),
        sql.UniqueConstraint("trial_id", "format", "precision"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "claims",
        sql.Column("trial_id", sql.String(64), primary_key=True),
        sql.Column("owner", sql.String(128), nullable=False),
        sql.Column("heartbeat", sql.Float, nullable=False),
    )
    op.execute("INSERT INTO documents (name, text) VALUES ('version', '1')")
