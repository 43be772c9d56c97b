"""``suite publish``: finished runs as one static site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from suite.cli.main import COMMANDS
from suite.cli.options import as_json, json_option, load_plugins, plugin_option, runs_store_option
from suite.compare.number_format import plural
from suite.errors import StoreError, SuiteError
from suite.store.atomic_write import write_by_rename

if TYPE_CHECKING:
    from suite.store.address import StoreChoice

__all__ = ["command"]


@click.command("publish", short_help=COMMANDS["publish"].summary)
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN]...")
@click.option("--to", "target", metavar="TARGET", help="A folder, git:REMOTE#BRANCH, s3://BUCKET/PATH, mkdocs:DIR, ...")
@click.option("--base-url", metavar="URL", help="Where it will be read, for permanent links, feed and site map.")
@click.option("--title", help="Of the site.  [default: the one that it has, else Model comparisons]")
@click.option("--keep", is_flag=True, help="Keep comparisons of the site that are not among the runs.")
@click.option("--force", is_flag=True, help="Write into a place that holds something else; nothing of it is removed.")
@click.option("--with-paths", "places", is_flag=True, help="Tell paths and names of this machine.")
@click.option(
    "--largest-model-mb",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Exported models up to this size can be downloaded.",
)
@click.option("--workflow", type=click.Choice(["github", "gitlab"]), help="Write the CI file that publishes on push.")
@runs_store_option
@json_option
@plugin_option
def command(
    runs: tuple[Path, ...],
    *,
    target: str | None,
    workflow: Literal["github", "gitlab"] | None,
    store: StoreChoice | None,
    plugins: tuple[Path, ...],
    json_: bool,
    **options: Any,
) -> None:
    """Publish runs as a static site with leaderboards, history and differences.

    RUN is the folder of a run, or a folder of runs; reports when left out.  The site needs no server and loads nothing
    from anywhere: open its index.html, or let any web server hold it.  Published again, only what changed is written; a
    run that was run again becomes a new point of its history, and older points keep their pages.  A comparison that is
    not among the runs any more is removed, unless --keep is given.

    TARGET is a folder, a branch (git:REMOTE#gh-pages), a bucket (s3://, gs://, az:// and whatever fsspec speaks), or
    Markdown for a site generator (mkdocs:DIR, hugo:DIR, jekyll:DIR).  Exit code 1 says that something could not be
    published; the rest of it was, and the page says what is missing.

    \b
    Example:
      suite publish reports/vision --to ./site
      suite publish --to git:git@github.com:ann/models.git#gh-pages --base-url https://ann.github.io/models/
      suite publish reports/vision reports/text --to s3://models/site --title "Our models"
      suite publish reports/vision --workflow github
    """
    chosen = runs or (Path("reports"),)
    if workflow is not None:
        _write_workflow(workflow, chosen, title=options["title"], base_url=options["base_url"])
        if target is None:
            return
    if target is None:
        raise SuiteError("--to is missing: say where the site goes, for instance --to ./site.")
    load_plugins(plugins)
    if store is not None:
        store.attach_where_missing(chosen)
    _publish(chosen, target, json_=json_, **options)


def _publish(runs: tuple[Path, ...], target: str, *, json_: bool, **options: Any) -> None:
    from dataclasses import asdict

    from suite.publish.publish import publish

    done = publish(runs, target, say=lambda text: click.echo(text, err=True), **options)
    for gap in done.gaps:
        click.echo(f"Not published: {gap.what}. {gap.reason}", err=True)
    if json_:
        as_json({**asdict(done), "gaps": [gap.model_dump() for gap in done.gaps]})
    else:
        click.echo(done.shown)
        click.echo(
            f"{plural(done.runs, 'comparison')}, run {plural(done.points, 'time')}; {done.made} made now. "
            f"{plural(done.written, 'file')} written, {done.removed} removed, {done.unchanged} unchanged, "
            f"in {done.seconds:.1f} s.",
            err=True,
        )
    if done.note:
        click.echo(done.note, err=True)
    if done.gaps:
        raise click.exceptions.Exit(1)


def _write_workflow(kind: Literal["github", "gitlab"], runs: tuple[Path, ...], **options: Any) -> None:
    """The CI file in its place; one that is there and differs stays."""
    from suite.publish.publish import checked_address
    from suite.publish.workflow import workflow

    if options["base_url"] is not None:
        options["base_url"] = checked_address(options["base_url"])

    name, text = workflow(kind, runs=[run.as_posix() for run in runs], **options)
    path = Path(name)
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise StoreError(f"{path}: is there already and says something else; move it away, or edit it yourself.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_by_rename(path, text)
    click.echo(path)
