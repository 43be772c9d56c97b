"""Getting at a cluster, within a bounded time, and what is asked of it before any trial runs."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.errors import MissingExtraError, SuiteError, install_line
from suite.runner.cluster.artefacts import Place
from suite.runner.cluster.nodes import Node, first_line, living_nodes, refuse_differences
from suite.runner.environment import usable_cores
from suite.runner.workers import ClusterChoice
from suite.spec.placement import DeviceSettings, share_gpus
from suite.spec.trial_resources import ResourcesSpec, Share, share_of

__all__ = ["Cluster", "connected"]

EXPECTED = "expected auto, local, or HOST:PORT of a running cluster, such as 10.0.0.1:6379"
CONNECT_SECONDS = 5.0
"""For a first connection; a machine that is there answers at once."""
PROBE_SECONDS = 40.0
"""For all of Ray's own connecting, which has no end of its own where something else answers at that address."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is connected to."""

    ray: Any
    """The module, connected."""
    nodes: dict[str, Node]
    """Those that were there and were looked at in the beginning, by id."""
    resources: ResourcesSpec | None
    jobs: int | None
    place: str | None
    """Where artefacts are left for the driver; None for through Ray."""
    devices: DeviceSettings

    def share(self, node: Node) -> Share:
        """What each trial of a node gets."""
        resources = self.resources or ResourcesSpec()
        if self.devices.distribution == "mirrored" and resources.gpus is None:
            # As on one machine: a fit is shared out over all that there are for it.
            gpus = int(node.capacity.gpus) // (self.jobs or 1)
            resources = resources.model_copy(update={"gpus": float(gpus)} if gpus > 1 else {})
        return share_of(node.capacity, resources, self.jobs)


@contextlib.contextmanager
def connected(
    choice: ClusterChoice, *, resources: ResourcesSpec | None, jobs: int | None, devices: DeviceSettings
) -> Iterator[Cluster]:
    """Connects to a cluster, and looks at every node of it.

    Args:
        choice: Which one, and how artefacts come back.
        resources: What one trial is given.
        jobs: The most trials at once on one node.
        devices: How the devices of a trial are used.

    Raises:
        MissingExtraError: Where Ray is not installed.
        SuiteError: Where the cluster cannot be reached, a node has other versions, no node has room for one trial,
            or the place for artefacts cannot be used.
    """
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError(f"--cluster needs a package that is not installed: {install_line(['ray'], 'ray')}")
    with _quiet(local=choice.address == "local"):
        address = _address(choice.address)
        if choice.artefacts is not None:
            Place(choice.artefacts).check()
        if address != "local":
            _refuse_unreachable(address)
        ray = _connect(address)
        try:
            nodes = living_nodes(ray)
            cluster = Cluster(ray, nodes, resources, jobs, choice.artefacts, devices)
            _refuse_too_much(cluster, devices)
            refuse_differences(ray, [node for node in nodes.values() if cluster.share(node).count])
            yield cluster
        finally:
            ray.shutdown()


def _address(text: str) -> str:
    """``auto`` with the address that it stands for. Raises ``SuiteError`` for what is no address."""
    if text == "local":
        return text
    if text == "auto":
        found = os.environ.get("RAY_ADDRESS") or _running_here()
        if not found or found == "auto":
            raise SuiteError(
                "--cluster auto: no cluster of Ray runs on this machine. Start one ('ray start --head', and 'ray start "
                "--address HOST:PORT' on the others), or take --cluster local for this machine alone."
            )
        text = found
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", host) or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise SuiteError(f"--cluster '{text}': {EXPECTED}.")
    return text


def _running_here() -> str | None:
    """The address of the cluster that was started on this machine last."""
    from ray._private.utils import read_ray_address

    found: str | None = read_ray_address()
    return found


def _refuse_unreachable(address: str) -> None:
    """Connects in a process of its own first, since Ray waits for minutes, or ends the process, where it cannot."""
    host, _, port = address.rpartition(":")
    hint = "Is it running, and the address right? On one of its machines 'ray status' tells."
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise SuiteError(f"--cluster {address}: cannot be reached ({error.strerror or error}). {hint}") from None
    try:
        probe = subprocess.run(  # noqa: S603 - the address was checked
            [sys.executable, "-c", _PROBE, address],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        printed = (error.stderr or b"").decode(errors="replace")
        raise SuiteError(f"--cluster {address}: {_why(printed, 'no cluster of Ray answers there')}. {hint}") from None
    if probe.returncode:
        raise SuiteError(f"--cluster {address}: {_why(probe.stderr, 'Ray cannot connect')}. {hint}")


_PROBE = """
import logging, sys
import ray
ray.init(address=sys.argv[1], log_to_driver=False, configure_logging=False, logging_level=logging.ERROR)
ray.shutdown()
"""


def _why(printed: str, otherwise: str) -> str:
    """What Ray's own words mean."""
    if "InvalidAuthToken" in printed or "Unauthenticated" in printed:
        return (
            "the cluster asks for a token, and this process has another or none; set RAY_AUTH_MODE=token and "
            "RAY_AUTH_TOKEN_PATH to the file that the cluster was started with"
        )
    if "Version mismatch" in printed:
        ours = re.search(r"This process.*?(Ray: \S+).*?(Python: \S+)", printed, re.DOTALL)
        theirs = re.search(r"The cluster.*?(Ray: \S+).*?(Python: \S+)", printed, re.DOTALL)
        if ours and theirs:
            there, here = (
                "{}, {}".format(*(part.replace(":", "") for part in each.groups())) for each in (theirs, ours)
            )
            return f"the cluster has {there}, and this machine has {here}; install the same everywhere"
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    return f"{otherwise} ({lines[-1][:300]})" if lines else otherwise


def _connect(address: str) -> Any:
    settings: dict[str, Any] = {"num_cpus": usable_cores(), "include_dashboard": False} if address == "local" else {}
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with _muted():
            ray: Any = importlib.import_module("ray")
            _say_nothing()
            ray.init(
                address=address, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR, **settings
            )
    except Exception as error:  # Ray raises nearly everything here
        raise SuiteError(f"--cluster {address}: Ray cannot connect ({first_line(error)}).") from error
    finally:
        # Ray sets its own, which ends the process; ours ends a run as Ctrl-C does.
        if main:
            signal.signal(signal.SIGTERM, before)
    return ray


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Nothing on stderr, from C++ either: Ray tells how it starts, and what goes wrong it raises."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _say_nothing() -> None:
    """Ray prints what befalls its workers on standard output, which is for results; the run tells it itself."""
    worker: Any = importlib.import_module("ray._private.worker")
    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


@contextlib.contextmanager
def _quiet(*, local: bool) -> Iterator[None]:
    """The environment that Ray reads when it starts.

    No statistics are sent, and C++ prints errors only.  A cluster of this machine alone asks for a token that nobody
    else has: Ray listens on the network.
    """
    wanted = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "error"}
    if local and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        wanted |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _refuse_too_much(cluster: Cluster, devices: DeviceSettings) -> None:
    """Raises ``SuiteError`` where no node has room for one trial, or its GPUs cannot be used as asked."""
    nodes = cluster.nodes.values()
    roomy = [node for node in nodes if cluster.share(node).count]
    if not roomy:
        largest = max(nodes, key=lambda node: (node.capacity.gpus, node.capacity.cpus), default=None)
        has = f"the largest, {largest.shown}, has {largest.capacity.in_words}" if largest else "there is none"
        asked = cluster.resources.in_words if cluster.resources else "at least one cpu"
        raise SuiteError(
            f"resources: a trial asks for {asked}, and no node of the cluster has that: {has}. Ask for less in the "
            "spec, or start larger nodes."
        )
    for gpus in {int(cluster.share(node).gpus) or int(cluster.share(node).gpus > 0) for node in roomy}:
        share_gpus(tuple(map(str, range(gpus))), 1, devices)
