"""What all tests share: where real data lies, and a cache folder that is thrown away."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared" / "data"

# Before anything imports TensorFlow: quiet, and never onto the network.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# A shell starts background jobs with Ctrl-C ignored, and so would every process that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of real data and weights are skipped where the folder beside the repository is absent."""
    if SHARED.is_dir():
        return
    skip = pytest.mark.skip(reason="needs ../shared/data")
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(skip)


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as Keras's own, for this process, where Keras may have been imported, and for its children."""
    home = tmp_path / "keras"
    home.mkdir()
    monkeypatch.setenv("KERAS_HOME", str(home))
    if config := sys.modules.get("keras.src.backend.config"):
        monkeypatch.setattr(config, "_KERAS_DIR", str(home))
    return home


@pytest.fixture(scope="session")
def runtime_alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Export format to the Python of an environment that has its runtime and nothing of the suite."""
    from clean_environment import runtime_alone

    environments: dict[str, Path] = {}
    root = tmp_path_factory.mktemp("environments")
    return lambda name: runtime_alone(name, environments, root)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A running PostgreSQL for all tests; they are skipped with a reason where it is not installed."""
    from postgres_server import running_server

    with running_server() as server:
        yield server


@pytest.fixture
def team_url(postgres_server: Any) -> str:
    """The address of an empty database."""
    return str(postgres_server.emptied_database())


@pytest.fixture(params=["sqlite", "postgres"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a run whose results are in a file of its own, and once more in a team's database."""
    folder = tmp_path / "out"
    if request.param == "postgres":
        from suite.store.address import StoreChoice

        StoreChoice(request.getfixturevalue("team_url")).attach(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded images and features of tests do not end up in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUITE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield
