"""The machines of a cluster: what they have, and whether they have what the driver has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from suite.errors import SuiteError
from suite.runner.cluster import versions as sent
from suite.runner.cluster.versions import COMPARED, versions
from suite.spec.trial_resources import Capacity

__all__ = ["Node", "difference", "first_line", "living_nodes", "on_node", "refuse_differences", "version_question"]

ANSWER_SECONDS = 60.0
"""A node that is busy takes some seconds to start a first process."""


@dataclass(frozen=True)
class Node:
    """One machine of a cluster, or one part of it that Ray was started for."""

    id: str
    host: str
    address: str
    capacity: Capacity
    """What Ray may give away of it."""

    @property
    def shown(self) -> str:
        """For messages: ``gpu-3 (10.0.0.3, node 4f2a81c0)``."""
        return f"{self.host} ({self.address}, node {self.id[:8]})"


def living_nodes(ray: Any) -> dict[str, Node]:
    """The nodes that are there now, by id."""
    found = {}
    for row in ray.nodes():
        if row["Alive"]:
            has: Mapping[str, float] = row["Resources"]
            capacity = Capacity(has.get("CPU", 0.0), has.get("GPU", 0.0), has.get("memory", 0.0))
            found[row["NodeID"]] = Node(row["NodeID"], row["NodeManagerHostname"], row["NodeManagerAddress"], capacity)
    return found


def on_node(node: Node) -> Any:
    """Ray's way to say that something runs on this node or nowhere."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node.id, soft=False)


def version_question(ray: Any, node: Node) -> Any:
    """A reference to what ``versions`` says on a node."""
    ray.cloudpickle.register_pickle_by_value(sent)
    asked = ray.remote(versions).options(num_cpus=0, max_retries=3, scheduling_strategy=on_node(node))
    return asked.remote()


def difference(node: Node, found: Mapping[str, str | None]) -> str | None:
    """The first thing that a node has otherwise than the driver, in a sentence; None where all is the same."""
    here = versions()
    for name in COMPARED:
        if found.get(name) != here[name]:
            there = f"{name} {found[name]}" if found.get(name) else f"no {name}"
            own = f"{name} {here[name]}" if here[name] else f"no {name}"
            return f"{node.shown} has {there}, and this machine has {own}"
    return None


def refuse_differences(ray: Any, nodes: Iterable[Node]) -> None:
    """Asks every node for its versions.

    Raises:
        SuiteError: For the first node that has something else than the driver, or does not answer.
    """
    asked = {version_question(ray, node): node for node in nodes}
    done, late = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_SECONDS)
    for reference in done:
        node = asked[reference]
        try:
            told = difference(node, ray.get(reference))
        except ray.exceptions.RayError as error:
            told = f"{node.shown} cannot run anything ({first_line(error)})"
        if told is not None:
            raise SuiteError(
                f"--cluster: {told}. Install the same everywhere; results from different versions are not one "
                "comparison."
            )
    if late:
        raise SuiteError(
            f"--cluster: {asked[late[0]].shown} did not answer within {ANSWER_SECONDS:.0f} seconds; see 'ray status', "
            "and the logs of Ray there."
        )


def first_line(error: BaseException) -> str:
    """What an error of Ray says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
