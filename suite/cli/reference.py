"""Writes the pages of ``docs/`` that follow from the code: commands, choices, the schema.

::

    python -m suite.cli.reference            # writes them
    python -m suite.cli.reference --check    # exit code 1 where one is not current
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from suite.cli.catalogue import CATALOGUES, listings
from suite.cli.main import COMMANDS, cli
from suite.publish.schema import site_schema
from suite.spec.schema import MOST_NAMES, field_descriptions, spec_schema

__all__ = ["choices_page", "commands_page", "main", "pages"]

WIDTH = 100

COMPLETION = """## Completion of commands in the shell

| shell | once, in the file that it reads at its start |
|---|---|
| bash (4.4 or newer), `~/.bashrc` | `eval "$(_SUITE_COMPLETE=bash_source suite)"` |
| zsh, `~/.zshrc` | `eval "$(_SUITE_COMPLETE=zsh_source suite)"` |
| fish, `~/.config/fish/completions/suite.fish` | `_SUITE_COMPLETE=fish_source suite \\| source` |

Then `suite ru<TAB>` completes commands, options, and the values of options that have a list of them.

## Exit codes

| code | meaning |
|---|---|
| 0 | everything was done |
| 1 | some trials failed (`run`), something keeps the suite from running (`doctor`), or there are findings above \
a note (`lint`; with `--strict` any finding) |
| 2 | something that you can mend; one sentence on stderr says what and how |
| 130 | interrupted; the same command goes on where it stopped |

Results go to stdout, progress and complaints to stderr.
"""


def pages() -> dict[str, str]:
    """File name inside ``docs/`` to its text."""
    return {
        "commands.md": commands_page(),
        "choices.md": choices_page(),
        "site-data.schema.json": json.dumps(site_schema(), indent=2, ensure_ascii=False) + "\n",
        "spec.schema.json": json.dumps(spec_schema(), indent=2, ensure_ascii=False) + "\n",
    }


def commands_page() -> str:
    """Every command with the help that it prints."""
    parts = [
        "# Commands\n",
        "Written by `python -m suite.cli.reference`; the same text is in `suite COMMAND --help`.\n",
    ]
    context = click.Context(cli, info_name="suite", terminal_width=WIDTH, help_option_names=["-h", "--help"])
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is not None:
            parts.extend(_sections(command, name, context))
    return "\n".join([*parts, COMPLETION])


def choices_page() -> str:
    """Every source, strategy, metric, chart and check with its options."""
    parts = [
        "# Choices\n",
        (
            "What a spec can name, with the options of each; written by `python -m suite.cli.reference`. "
            "[CONTRIBUTING](../CONTRIBUTING.md) says how to add to it.\n"
        ),
    ]
    for kind, registry in CATALOGUES.items():
        parts.append(f"## {kind.capitalize()}\n")
        for listing in listings(kind):
            parts.append(f"### `{listing.name}`\n\n{_sentence(listing.summary)}\n")
            options = getattr(registry.get(listing.name), "Options", None)
            if options is not None:
                parts.append(_options_table(options))
            if listing.known_names:
                parts.append(_names(kind, listing.known_names))
    return "\n".join(parts)


def _sections(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)
    level = "##" if parent.parent is None else "###"
    text = command.get_help(context).rstrip()
    yield f"{level} {context.command_path}\n\n```text\n{text}\n```\n"
    if isinstance(command, click.Group):
        for inner, sub_command in command.commands.items():
            yield from _sections(sub_command, inner, context)


def _options_table(options: Any) -> str:
    described = field_descriptions(options)
    properties = options.model_json_schema(by_alias=True).get("properties", {})
    rows = []
    for name, field in options.model_fields.items():
        if name != "why":
            default = "required" if field.is_required() else f"`{_json(field.get_default(call_default_factory=True))}`"
            kind = _type_in_words(properties.get(field.alias or name, {}))
            text = " ".join(described.get(name, "").split()).replace("``", "`")
            rows.append("| " + " | ".join(_cell(part) for part in (f"`{name}`", kind, default, text)) + " |")
    if not rows:
        return "No options.\n"
    return "\n".join(["| option | type | default | |", "|---|---|---|---|", *rows, ""])


def _names(kind: str, names: tuple[str, ...]) -> str:
    """All of them, unless they are those of another project and many."""
    if len(names) > MOST_NAMES:
        return f"{len(names)} names, for instance `{names[0]}`; `suite list {kind}` has them all.\n"
    return "Known names: " + ", ".join(f"`{name}`" for name in names) + "\n"


def _type_in_words(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type_in_words(inner) for inner in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{_json(value)}`" for value in schema.get("enum", [schema.get("const")]))
    if "$ref" in schema:
        return "object"
    if schema.get("type") == "array":
        inner = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return f"list of {_type_in_words(inner)}"
    return {"null": "`null`", "boolean": "`true` or `false`"}.get(
        str(schema.get("type")), str(schema.get("type", "any"))
    )


def _json(value: Any) -> str:
    return json.dumps(value.model_dump(mode="json") if hasattr(value, "model_dump") else value, ensure_ascii=False)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Writes or checks the pages; returns the exit code."""
    folder = Path(__file__).resolve().parents[2] / "docs"
    stale = []
    for name, text in pages().items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    if stale:
        done = "not current; run python -m suite.cli.reference" if "--check" in arguments else "written"
        click.echo(f"{', '.join(stale)}: {done}", err=True)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
