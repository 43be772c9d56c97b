"""Every row says of which run it is, so that one database can hold those of a team."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sql
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "2"
down_revision = "1"

_Parts = list[sql.schema.SchemaItem]
_NUMBER = sql.BigInteger().with_variant(sql.Integer, "sqlite")


def upgrade() -> None:
    """Makes each table anew with its rows, and counts on from where its numbers were."""
    inspector = sql.inspect(op.get_bind())
    before = set(inspector.get_table_names())
    for name, parts in _tables():
        if name not in before:  # the table of exported files came with the first of them
            op.create_table(name, *parts, sqlite_autoincrement=name in {"results", "exports"})
            continue
        kept = [column["name"] for column in inspector.get_columns(name)]
        for index in inspector.get_indexes(name):
            if not index.get("duplicates_constraint"):
                op.drop_index(str(index["name"]), table_name=name)
        op.rename_table(name, f"old_{name}")
        op.create_table(name, *parts, sqlite_autoincrement=name in {"results", "exports"})
        words = ", ".join(f'"{column}"' for column in kept)
        op.execute(f"INSERT INTO {name} ({words}) SELECT {words} FROM old_{name}")  # noqa: S608 - our own names
        if "sequence" in kept:
            _count_on(name)
        op.drop_table(f"old_{name}")
    op.create_index("results_run_cell_id", "results", ["run", "cell_id"])
    op.create_index("results_run_sequence", "results", ["run", "sequence"])
    op.execute("UPDATE documents SET text = '2' WHERE name = 'version'")


def _count_on(name: str) -> None:
    """A number is never used twice, also not that of a row which is gone."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DELETE FROM sqlite_sequence WHERE name = '{name}'")  # noqa: S608
        op.execute(f"UPDATE sqlite_sequence SET name = '{name}' WHERE name = 'old_{name}'")  # noqa: S608
        # Dropping the old table would take the row of its name along, which is no longer there.
    else:
        new, old = (f"pg_get_serial_sequence('{table}', 'sequence')" for table in (name, f"old_{name}"))
        op.execute(f"SELECT setval({new}, nextval({old}))")


def _run(*, key: bool = False) -> sql.Column[str]:
    return sql.Column("run", sql.String(128), primary_key=key, nullable=False, server_default="")


def _text(name: str, length: int | None = None, **more: Any) -> sql.Column[str]:
    return sql.Column(name, sql.String(length), nullable=False, **more)


def _tables() -> list[tuple[str, _Parts]]:
    """Columns and constraints of each, new every time: a column belongs to one table."""
    results: _Parts = [
        sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
        _run(),
        *(_text(name, length) for name, length in (("id", 64), ("cell_id", 64), ("status", 16), ("phase", 16))),
        sql.Column("seed", _NUMBER, nullable=False),
        *(_text(name) for name in ("model", "dataset", "strategy")),
        _text("finished_at", 40),
        sql.Column("total_seconds", sql.Float),
        sql.Column("selection", sql.Float),
        sql.Column("has_model", sql.Boolean, nullable=False),
        _text("place", 32, server_default=""),
        sql.Column("document", sql.Text, nullable=False),
        sql.UniqueConstraint("run", "id", name="results_run_id"),
    ]
    exports: _Parts = [
        sql.Column("sequence", _NUMBER, primary_key=True, autoincrement=True),
        _run(),
        *(_text(name, length) for name, length in (("trial_id", 64), ("cell_id", 64), ("format", 64))),
        *(_text(name, 16) for name in ("precision", "status")),
        sql.Column("document", sql.Text, nullable=False),
        sql.UniqueConstraint("run", "trial_id", "format", "precision", name="exports_run_file"),
    ]
    documents: _Parts = [
        _run(key=True),
        _text("name", 32, primary_key=True),
        sql.Column("text", sql.Text, nullable=False),
    ]
    heartbeat = sql.Column("heartbeat", sql.Double, nullable=False)
    claims: _Parts = [_run(key=True), _text("trial_id", 64, primary_key=True), _text("owner", 128), heartbeat]
    return [("results", results), ("exports", exports), ("documents", documents), ("claims", claims)]
