"""The script that a page brings along: made once for its versions, read again only where it is whole."""

from __future__ import annotations

import hashlib
import queue
from importlib import metadata

import pytest
import vl_convert

from suite.cache import description_of, entries, write_entry
from suite.report.charts import engine
from suite.report.charts.script import bundle


@pytest.fixture
def made(tmp_path, monkeypatch) -> list[str]:
    """What the library was asked to make, with an empty cache; its scripts are numbered."""
    asked: list[str] = []

    def javascript_bundle(entry: str, vl_version: str) -> str:
        asked.append(vl_version)
        return f"{entry} // ü {len(asked)}"

    monkeypatch.setenv("SUITE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(vl_convert, "javascript_bundle", javascript_bundle)
    monkeypatch.setattr(engine, "_free", queue.SimpleQueue())  # no process, which has a library of its own
    return asked


def test_the_script_is_made_once(made):
    """The second time it comes from the cache, and is listed there with its versions."""
    assert bundle() == bundle()
    assert len(made) == 1
    (entry,) = entries()
    assert (entry.kind, entry.description["vl_convert"]) == ("script", metadata.version("vl-convert-python"))


def test_another_version_of_the_library_gives_another_script(made, monkeypatch):
    """What an older one made is not read."""
    first = bundle()
    monkeypatch.setattr(metadata, "version", lambda _: "99.0")
    assert bundle() != first
    assert len(entries()) == 2


@pytest.mark.parametrize("damage", [lambda text: text[:-1], lambda text: text + b" ", lambda text: b"\xff" + text])
def test_a_script_that_is_not_what_was_written_is_made_anew(made, damage):
    """Its hash tells; the new one is kept."""
    bundle()
    (entry,) = entries()
    entry.path.write_bytes(damage(entry.path.read_bytes()))
    assert bundle().endswith("2")
    assert bundle().endswith("2")


def test_a_script_without_its_hash_is_made_anew(made):
    """As a process that was killed between the two files leaves it."""
    bundle()
    (entry,) = entries()
    entry.path.with_name(f"{entry.path.name}.json").unlink()
    assert bundle().endswith("2")


def test_the_hash_is_of_what_is_kept(made):
    """It is what tells a whole script: one with its hash is read."""
    bundle()
    (entry,) = entries()
    other = b"other"
    assert description_of(entry.path)["sha256"] == hashlib.sha256(entry.path.read_bytes()).hexdigest()
    write_entry(entry.path, lambda file: file.write(other), {"sha256": hashlib.sha256(other).hexdigest()})
    assert bundle() == "other"


def test_a_cache_that_cannot_be_written_costs_time_and_no_report(made, tmp_path):
    """The script is made every time."""
    (tmp_path / "cache").write_text("in the way")
    assert bundle().endswith("1")
    assert bundle().endswith("2")


def test_the_script_of_the_library_sets_what_the_page_calls(tmp_path, monkeypatch):
    """It comes from this machine, whole and without imports."""
    monkeypatch.setenv("SUITE_CACHE_DIR", str(tmp_path))
    script = bundle()
    assert "suiteEmbed" in script
    assert not script.lstrip().startswith("import ")
    assert bundle() == script
