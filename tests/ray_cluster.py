"""A real Ray cluster of several nodes on this machine, in a network of its own that has only loopback.

Ray listens on the machine's interface otherwise, whatever address it is given.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
PORT = 6379
MEMORY_BYTES = 100_000_000
"""For objects of each node, the least that Ray takes is 75 MB."""


def why_not() -> str | None:
    """Why there can be no cluster here; None where there can."""
    if any(shutil.which(program) is None for program in ("unshare", "nsenter")):
        return "needs unshare and nsenter"
    try:
        import ray  # noqa: F401
    except ImportError:
        return "needs Ray (the extra 'ray')"
    tried = subprocess.run([*_unshare(), sys.executable, "-c", LOOPBACK], capture_output=True, check=False)
    return "network namespaces are not permitted here" if tried.returncode else None


def _unshare() -> list[str]:
    return ["unshare", "-n"] if os.getuid() == 0 else ["unshare", "-Urn"]


LOOPBACK = """
import fcntl, socket, struct
UP, RUNNING, SIOCSIFFLAGS = 0x1, 0x40, 0x8914
fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", UP | RUNNING))
"""
"""What ``ip link set lo up`` does, which is not on every machine."""
LISTENS = """
import socket, sys, time
host, _, port = sys.argv[1].partition(":")
while True:
    try:
        socket.create_connection((host, int(port))).close()
        break
    except OSError:
        time.sleep(0.1)
"""
COUNT = """
import sys, time
import ray
for _ in range(60):
    try:
        ray.init(address=sys.argv[1], log_to_driver=False)
        break
    except Exception:
        time.sleep(0.5)
while sum(node["Alive"] for node in ray.nodes()) < int(sys.argv[2]):
    time.sleep(0.2)
"""


class RayCluster:
    """Nodes that can be added and killed, and drivers in the same network."""

    address = f"127.0.0.1:{PORT}"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Sockets have names of at most 107 letters.
        self._sessions = Path("/tmp") / f"suite-ray-{secrets.token_hex(4)}"
        self._token = folder / "token"
        self._token.write_text(secrets.token_hex(32))
        self._token.chmod(0o600)
        self._nodes: dict[str, subprocess.Popen[str]] = {}
        hold = f"{LOOPBACK}\nprint('up', flush=True)\nimport signal\nsignal.pause()"
        command = [*_unshare(), sys.executable, "-c", hold]
        self._network = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._network.stdout.readline() == "up\n"

    def inside(self, *command: str) -> list[str]:
        """A command as it runs in the network of the cluster."""
        enter = ["nsenter", "-n", "-t", str(self._network.pid)]
        return [*(enter if os.getuid() == 0 else [*enter, "-U", "--preserve-credentials"]), *command]

    def environment(self, **more: str) -> dict[str, str]:
        """What drivers and nodes are started with."""
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS))),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self._token),
            "RAY_USAGE_STATS_ENABLED": "0",
            **more,
        }

    def start(self, name: str, *, cpus: int = 2, path: Path | None = None) -> None:
        """Starts a node and waits until it is there; ``path`` goes before the suite on its Python path."""
        words = ["ray", "start", "--block", f"--num-cpus={cpus}", f"--object-store-memory={MEMORY_BYTES}"]
        if self._nodes:
            words += [f"--address={self.address}"]
        else:
            words += ["--head", f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={self._sessions}"]
        words[0] = str(Path(sys.executable).with_name("ray"))
        environment = self.environment(SUITE_CACHE_DIR=str(self.cache(name)), TMPDIR=str(self.folder))
        if path is not None:
            environment["PYTHONPATH"] = f"{path}{os.pathsep}{environment['PYTHONPATH']}"
        log = (self.folder / f"{name}.log").open("w+")
        self._nodes[name] = subprocess.Popen(
            self.inside(*words), env=environment, stdout=log, stderr=log, text=True, start_new_session=True
        )

    def cache(self, name: str) -> Path:
        """The cache folder of a node."""
        return self.folder / f"cache-{name}"

    def calls(self) -> list[list[str]]:
        """Trial, process, threads and folder of every beginning, on all nodes."""
        texts = [path.read_text() for path in self.folder.glob("cache-*/calls.txt")]
        return [line.split() for text in texts for line in text.splitlines()]

    def wait_for(self, nodes: int) -> None:
        """Waits until so many nodes are there."""
        ask = LISTENS if nodes == 1 else COUNT
        command = self.inside(sys.executable, "-c", ask, self.address, str(nodes))
        subprocess.run(command, env=self.environment(), check=True, capture_output=True, timeout=90)

    def until(self, condition: Callable[[], bool], driver: subprocess.Popen[str] | None = None) -> None:
        """Waits for something that other processes do."""
        deadline = time.monotonic() + 90
        while not condition():
            assert driver is None or driver.poll() is None, driver.communicate()
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.1)

    def stop_node(self, name: str) -> None:
        """A node leaves the cluster, which learns of it at once."""
        node = self._nodes.pop(name)
        os.killpg(node.pid, signal.SIGTERM)
        node.wait(timeout=30)

    def kill(self, name: str) -> None:
        """A node is gone at once, as when its power fails."""
        os.killpg(self._nodes.pop(name).pid, signal.SIGKILL)

    def drive(self, out: Path, *models: str, **options: Any) -> subprocess.Popen[str]:
        """A run whose trials go to the cluster."""
        options = {"out": str(out), "cluster": self.address, "models": models, **options}
        command = self.inside(sys.executable, str(TESTS / "cluster_parent.py"), json.dumps(options))
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment(),
            start_new_session=True,
        )  # fmt: skip

    def stop(self) -> None:
        """Ends everything."""
        for name in list(self._nodes):
            self.kill(name)
        self._network.kill()
        shutil.rmtree(self._sessions, ignore_errors=True)
