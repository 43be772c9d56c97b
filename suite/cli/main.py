"""The command line's root: which commands there are, and how an error is told.

A command's module is imported when the command is called.  ``suite --help`` therefore knows the commands
from the table below and imports nothing else.
"""

from __future__ import annotations

import errno
import importlib
import os
from dataclasses import dataclass
from typing import Any

import click

from suite.errors import SuiteError, did_you_mean
from suite.version import __version__

__all__ = ["COMMANDS", "Entry", "cli"]

INTERRUPTED = 130
"""128 + SIGINT, as shells expect it."""


@dataclass(frozen=True)
class Entry:
    """Where a command lives and what it is for."""

    module: str
    """A module with an attribute ``command``."""
    summary: str
    """One sentence, also the first line of the command's own help."""


COMMANDS: dict[str, Entry] = {
    "run": Entry("suite.cli.run", "Run what is missing of a spec, then print the leaderboard."),
    "rank": Entry("suite.cli.rank", "Rank the models of a spec before any is trained."),
    "plan": Entry("suite.cli.plan", "Show the trials of a spec: done, missing, skipped and why."),
    "lint": Entry("suite.cli.lint", "Check a spec and its data, or a run's results, for what misleads."),
    "report": Entry("suite.cli.report", "Rebuild the report of a run from its results."),
    "serve": Entry("suite.cli.serve", "Preview a run while it goes on, or a site, in the browser."),
    "recommend": Entry("suite.cli.recommend", "Say what to take within limits, why, and what would change it."),
    "export": Entry("suite.cli.export", "Write kept models in other formats, and measure each file."),
    "results": Entry("suite.cli.results", "Write results as CSV, LaTeX and more, or for MLflow and TensorBoard."),
    "merge": Entry("suite.cli.merge", "Join the results of several machines in one run."),
    "publish": Entry("suite.cli.publish", "Publish runs as a static site with leaderboards, history and differences."),
    "diff": Entry("suite.cli.diff", "Say what changed between two runs, and what is beyond noise."),
    "import": Entry("suite.cli.import_", "Read a table of published results as results."),
    "new": Entry("suite.cli.new", "Write a first spec for your own folder of images or table of texts."),
    "list": Entry(
        "suite.cli.list", "List models, datasets, strategies, export formats, metrics, charts, checks or estimators."
    ),
    "show": Entry("suite.cli.show", "Show one model or data set in full."),
    "schema": Entry("suite.cli.schema", "Print the JSON Schema of the spec, for editors."),
    "doctor": Entry("suite.cli.doctor", "Look over versions, devices, caches, weights and data."),
    "cache": Entry("suite.cli.cache", "List, prune or clear what the suite keeps to be faster."),
    "pretrain": Entry("suite.cli.pretrain", "Pretrain a small backbone of the zoo."),
}


class _Complaint(click.ClickException):
    """What the user can mend, printed as ``Error: ...`` on stderr."""

    def __init__(self, error: SuiteError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # Click reads it from the instance


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, its module imported now; None where there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(entry.module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuses an unknown command with the nearest name."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            ctx.fail(did_you_mean(name, COMMANDS, what="command"))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Calls the command; what the user can mend becomes one sentence, everything else its traceback."""
        try:
            return super().invoke(ctx)
        except SuiteError as error:
            raise _Complaint(error) from None
        except OSError as error:
            if error.errno not in {errno.ENAMETOOLONG, errno.ELOOP}:
                raise
            raise _Complaint(
                SuiteError(f"{error.filename}: no path that this system takes ({error.strerror}).")
            ) from None
        except KeyboardInterrupt:
            click.echo("\nInterrupted. The same command goes on where this one stopped.", err=True)
            ctx.exit(INTERRUPTED)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with: suite run specs/vision.json",
)
@click.version_option(__version__, prog_name="suite")
def cli() -> None:
    """Which pretrained model for my task, adapted how, at what cost - and how sure are we?"""
    # For the commands that build a model in this process; TensorFlow's notes about itself are no progress.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
