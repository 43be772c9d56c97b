"""The file that lets a forge publish the site on each push."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal

from suite.errors import DISTRIBUTION, SuiteError

__all__ = ["Forge", "workflow"]

Forge = Literal["github", "gitlab"]

GITHUB = """\
# Publishes the site on each push to the default branch. Choose "GitHub Actions" as the source of Pages once,
# in the settings of the repository.
name: Publish the reports
on:
  push:
  workflow_dispatch:
permissions:
  contents: read
  pages: write
  id-token: write
concurrency:
  group: pages
  cancel-in-progress: false
jobs:
  publish:
    if: github.ref_name == github.event.repository.default_branch
    runs-on: ubuntu-latest
    environment:
      name: github-pages
      url: ${{ steps.deployment.outputs.page_url }}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: INSTALL
      - run: PUBLISH
      - uses: actions/configure-pages@v5
      - uses: actions/upload-pages-artifact@v4
        with:
          path: site
      - id: deployment
        uses: actions/deploy-pages@v4
"""
GITLAB = """\
# Publishes the site on each push to the default branch.
pages:
  stage: deploy
  image: "python:3.12"
  script:
    - INSTALL
    - PUBLISH
  artifacts:
    paths:
      - public
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""
EXPRESSION = "${{"
"""What GitHub evaluates wherever it stands in a workflow."""


def workflow(
    kind: Forge, *, runs: Sequence[str], title: str | None, base_url: str | None, package: str = DISTRIBUTION
) -> tuple[str, str]:
    """The file that publishes runs on each push.

    Args:
        kind: Whose it is.
        runs: Folders of runs, from the root of the repository.
        title: Of the site; the suite's own when None.
        base_url: Where it will be seen; not told when None.
        package: What ``pip install`` is given: a name, a version, an address or a folder.

    Returns:
        Its path in the repository, with ``/`` between folders, and its text.

    Raises:
        SuiteError: Without a run, for one outside the repository, and for text that no command can be given.
    """
    target = "site" if kind == "github" else "public"
    options = [f"--to={target}"]
    options += [f"--title={title}"] if title is not None else []
    options += [f"--base-url={base_url}"] if base_url is not None else []
    if not runs:
        raise SuiteError(
            "a workflow needs the folders of runs that it publishes; expected for instance reports/vision."
        )
    publish = ["suite", "publish", *(_run(run) for run in runs), *options]
    lines = {"INSTALL": ["python", "-m", "pip", "install", package], "PUBLISH": publish}
    text = GITHUB if kind == "github" else GITLAB
    for place, command in lines.items():
        text = text.replace(f" {place}\n", f" {_quoted(_command(command, kind))}\n", 1)
    return (".github/workflows/publish.yml" if kind == "github" else ".gitlab-ci.yml"), text


def _run(run: str) -> str:
    """A folder from the root of the repository, which no program takes for an option."""
    path = PurePath(run)
    if path.is_absolute() or path.drive or ".." in path.parts or run.startswith("~"):
        raise SuiteError(f"{run}: is not in the repository; a workflow sees what is committed, as 'reports/vision'.")
    name = path.as_posix()
    return f"./{name}" if name.startswith("-") else name


def _command(words: Sequence[str], kind: Forge) -> str:
    """A line for a shell, in which each word stays one."""
    for word in words:
        if "\0" in word or any("\ud800" <= letter <= "\udfff" for letter in word):
            raise SuiteError(f"{word!r}: has a letter that no command can be given; leave it out.")
    line = " ".join(shlex.quote(word) for word in words)
    # An expression that yields the sign itself; what it yields is not read a second time.
    return line.replace(EXPRESSION, f"${{{{ '{EXPRESSION}' }}}}") if kind == "github" else line


def _quoted(text: str) -> str:
    """A scalar of YAML in double quotes; what cannot be printed is written with its number."""

    def letter(one: str) -> str:
        if one in '"\\':
            return f"\\{one}"
        if one.isprintable():
            return one
        number = ord(one)
        return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"

    return f'"{"".join(letter(one) for one in text)}"'
