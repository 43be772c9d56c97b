"""The documents are held to account: what they name exists, and what exists they name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from test_architecture import ROOMS

from suite.cli.main import COMMANDS, cli
from suite.spec.spec import parse_spec

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def fenced(text: str, language: str) -> list[str]:
    """The bodies of the code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def command_lines(text: str) -> list[str]:
    """Every ``suite ...`` that a page tells a reader to type."""
    indented = re.findall(r"^ {4}(?:.*&& )?(suite .*)$", text, flags=re.MULTILINE)
    return [*indented, *re.findall(r"`(suite [a-z]+[^`\n]*)`", text)]


def test_the_generated_pages_are_current() -> None:
    """Commands, choices and schema follow from the code; a fresh process has no variants of other tests."""
    command = [sys.executable, "-m", "suite.cli.reference", "--check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_every_command_has_its_section() -> None:
    """Sub-commands too, each with its help."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"\n## suite {name}\n" in page
        command = cli.get_command(click.Context(cli), name)
        for inner in getattr(command, "commands", ()):
            assert f"\n### suite {name} {inner}\n" in page


def test_every_registered_name_has_its_section() -> None:
    """Sources, strategies, metrics and charts, as a fresh process knows them."""
    program = (
        "import json\nfrom suite.cli.catalogue import CATALOGUES\n"
        "print(json.dumps([name for registry in CATALOGUES.values() for name in registry.names()]))"
    )
    names = json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    page = (ROOT / "docs" / "choices.md").read_text(encoding="utf-8")
    assert len(names) > 20
    assert [name for name in names if f"### `{name}`\n" not in page] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_that_a_page_names_exists(path: Path) -> None:
    """Command and options are those of the command line."""
    for line in command_lines(path.read_text(encoding="utf-8")):
        words = line.split("#")[0].split(">")[0].split()[1:]
        if not words or words[0] in {"COMMAND", "ru<TAB"} or words[0].startswith("-"):
            continue
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None, line
        if isinstance(command, click.Group) and len(words) > 1:
            command = command.commands[words[1]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    """Relative links point at files of the repository."""
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (path.parent / target).exists(), target


def test_the_readme_s_two_commands_are_what_ci_runs() -> None:
    """``.ci/run`` takes them from the page."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "    pip install -e . && suite run specs/vision.json\n" in readme
    assert '    pip install -e ".[test]" && pytest\n' in readme
    assert "readme 'pip install -e" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_nothing_tells_to_install_the_stranger_s_package() -> None:
    """On the public index ``suite`` is another project: neither alone nor with an extra is it ever installed."""
    strange = re.compile(r"(?<![-\w./])suite\[[a-z]|pip install [^\n`]*(?<![-\w./])suite(?=[\"'\s)]|$)(?! run)")
    endings = {".py", ".md", ".toml", ".yaml", ".yml", ".j2", ".html", ".sh"}
    folders = ("suite", "docs", "templates", "specs", ".ci", "benchmarks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in endings]
    for path in (*files, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "pyproject.toml"):
        found = [line for line in path.read_text(encoding="utf-8").splitlines() if strange.search(line)]
        assert [line for line in found if "pip install -e . && suite" not in line] == [], path


def test_the_readme_s_spec_and_python_are_valid() -> None:
    """The example spec loads; the example code compiles and calls what there is."""
    import suite

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (document,) = fenced(readme, "json")
    assert parse_spec(document).name == "pets"
    (program,) = fenced(readme, "python")
    compile(program, "README.md", "exec")
    assert all(hasattr(suite, name) for name in re.findall(r"suite\.(\w+)\(", program))


def test_the_layout_names_what_is_there() -> None:
    """The README's tree and the table of the architecture are the list of rooms, in the order of imports."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = next(block for block in fenced(readme, "text") if block.startswith("suite/"))
    inner = [name.rstrip("/") for name in re.findall(r"^  (\S+)", tree, flags=re.MULTILINE)]
    outer = re.findall(r"^(\S+)", tree, flags=re.MULTILINE)
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = [name for name in ROOMS if not name.startswith("__")]
    assert inner == rooms
    assert re.findall(r"^\| `([a-z_.]+)` \|", page.partition("## How to add")[0], flags=re.MULTILINE) == rooms
    assert [name for name in outer if not (ROOT / name).exists()] == []


def test_no_document_names_a_machine() -> None:
    """Paths of a developer's machine belong into no file."""
    for path in [*PAGES, *(ROOT / "specs").rglob("*.json"), ROOT / "pyproject.toml", ROOT / ".ci" / "run"]:
        assert not re.search(r"/(?:home|Users|root|work)/", path.read_text(encoding="utf-8")), path.name


def test_every_catalogue_can_be_listed() -> None:
    """The command's choices are written out, so that its help needs no import of them."""
    from suite.cli.catalogue import CATALOGUES
    from suite.cli.list import KINDS

    assert set(KINDS) == set(CATALOGUES)
