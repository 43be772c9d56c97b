"""Records of results and outputs, and where they are kept: SQLite, PostgreSQL, migrations, remote files."""
