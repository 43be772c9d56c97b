"""``suite diff``: what changed between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from suite.cli.main import COMMANDS
from suite.cli.options import as_json, json_option, load_plugins, plugin_option, print_table, runs_store_option, warn
from suite.errors import StoreError, SuiteError
from suite.store.atomic_write import write_by_rename

if TYPE_CHECKING:
    from suite.publish.difference import RunDifference
    from suite.store.address import StoreChoice

__all__ = ["command"]

Form = Literal["terminal", "markdown", "json"]
ENDINGS: dict[str, Form] = {".md": "markdown", ".json": "json"}


@click.command("diff", short_help=COMMANDS["diff"].summary)
@click.argument("before", type=click.Path(path_type=Path), metavar="A")
@click.argument("after", type=click.Path(path_type=Path), metavar="B")
@click.option("--all", "everything", is_flag=True, help="Also what did not change.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@json_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A .md or .json file instead of stdout.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where some cell is worse beyond noise.")
@runs_store_option
@plugin_option
def command(
    before: Path,
    after: Path,
    *,
    everything: bool,
    markdown: bool,
    json_: bool,
    out: Path | None,
    exit_code: bool,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
) -> None:
    """Say what changed between two runs, and what is beyond noise.

    A and B are folders of runs, or the records that a published site keeps of them (data/runs/...json).  Spec,
    versions, data, weights, scores, costs and the answer are compared.  Cells are matched by model, strategy and data
    set.  Where both were scored on the same examples the test is paired; it counts other examples and other seeds, and
    is corrected for the number of cells.  It needs no TensorFlow.

    Ends with exit code 0 where it could compare, 2 where it could not.

    \b
    Example:
      suite diff reports/vision reports/vision_new
      suite diff reports/vision reports/vision_new --all --out changes.md
      suite diff reports/vision reports/vision_new --exit-code
    """
    from suite.publish.difference_tables import difference_markdown
    from suite.publish.differing import differ
    from suite.publish.recording import read_run

    form = _form(out, markdown=markdown, json_=json_)
    load_plugins(plugins)
    if store is not None:
        store.attach_where_missing((before, after))
    one, other = read_run(before, tell=warn), read_run(after, tell=warn)
    found = differ(one.record, other.record, one.evidence, other.evidence)
    if form == "markdown":
        _tell(difference_markdown(found, shown=(one.shown, other.shown), everything=everything), out)
    elif out is not None:
        _tell(found.model_dump_json(indent=2) + "\n", out)
    elif form == "json":
        as_json(found.model_dump(mode="json"))
    else:
        _print(found, everything=everything)
    if exit_code and found.judged("worse"):
        raise click.exceptions.Exit(1)


def _form(out: Path | None, *, markdown: bool, json_: bool) -> Form:
    if markdown and json_:
        raise SuiteError("--markdown and --json are two forms of the same; give one of them.")
    if markdown or json_:
        return "markdown" if markdown else "json"
    if out is None:
        return "terminal"
    if out.suffix.lower() not in ENDINGS:
        raise SuiteError(f"{out}: its ending names no form; expected .md or .json, or give --markdown or --json.")
    return ENDINGS[out.suffix.lower()]


def _tell(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{out.parent}: cannot be made ({error.strerror}); choose another --out.") from error
    write_by_rename(out, text)
    click.echo(out)


def _print(found: RunDifference, *, everything: bool) -> None:
    from suite.publish.difference_tables import difference_tables
    from suite.report.markdown import plain

    click.echo(plain(found.summary))
    for sentence in found.sentences:
        click.echo(f"  - {plain(sentence)}")
    for table in difference_tables(found, everything=everything):
        click.echo(f"\n{table.title}")
        right = [column.title for column in table.columns if column.number]
        print_table(
            [column.title for column in table.columns],
            [[plain(box.text) for box in row] for row in table.rows],
            right=right,
        )
