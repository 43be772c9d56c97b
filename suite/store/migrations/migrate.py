"""How an older results database becomes one of this version: Alembic, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy as sql
from alembic import command
from alembic.config import Config

__all__ = ["migrate"]

FIRST = "1"
"""The version of databases that were made before there were migrations."""
_ALONE = threading.Lock()
"""Alembic keeps its connection in a variable of its module."""


def migrate(connection: sql.Connection, *, to: str = "head") -> None:
    """Brings a database up to a version; nothing where another process was faster.

    Args:
        connection: In a transaction in which nobody else changes tables. It is left open: what fails is undone whole.
        to: A revision, which is the number of the version; the newest when left out.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    tables = sql.inspect(connection).get_table_names()
    with _ALONE:
        if "results" in tables and "alembic_version" not in tables:
            command.stamp(config, FIRST)
        command.upgrade(config, to)
