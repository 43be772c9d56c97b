"""``python -m suite`` and the console script."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Runs the command line."""
    from suite.cli.main import cli

    cli(prog_name="suite")


if __name__ == "__main__":
    main()
