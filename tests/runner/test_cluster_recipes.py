"""The recipes for clusters: the script for SLURM, the manifest for Kubernetes, the page about both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kuberay_schema import RAY_CLUSTER_SPEC, RAY_JOB, Validator, complaints
from kubernetes_schema import definitions
from runner_plans import plan_of

from suite.spec.spec import parse_spec
from suite.spec.trial_resources import ResourcesSpec

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "cluster"
HEAD = "spec.rayClusterSpec.headGroupSpec"
WORKERS = "spec.rayClusterSpec.workerGroupSpecs.0"
CONTAINER = f"{WORKERS}.template.spec.containers.0"
GONE = object()


def _manifest() -> dict[str, Any]:
    job: dict[str, Any] = yaml.safe_load((RECIPES / "rayjob.yaml").read_text(encoding="utf-8"))
    return job


def _set(document: Any, path: str, value: Any) -> None:
    """Put a value at a path of keys and positions; ``GONE`` takes away what is there."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        document = document[part]
    if value is GONE:
        del document[last]
    elif isinstance(document, list) and last == len(document):
        document.append(value)
    else:
        document[last] = value


def test_the_script_for_slurm_is_sound():
    """For bash, and for shellcheck."""
    script = RECIPES / "slurm.sh"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("needs shellcheck (the extra 'test')")
    assert subprocess.run([program, str(script)], check=False).returncode == 0


def test_the_manifest_for_kubernetes_fits_the_schema_of_kuberay():
    """Every name, type and what is required, down to the pods; volumes that are mounted are there."""
    job = _manifest()
    assert complaints(job) == []
    groups = [job["spec"]["rayClusterSpec"]["headGroupSpec"], *job["spec"]["rayClusterSpec"]["workerGroupSpecs"]]
    for pod in (group["template"]["spec"] for group in groups):
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        # Names that are nowhere: misspelt, or at the wrong place.
        ("spec.entryPoint", "suite run", "'entryPoint' was unexpected"),
        ("spec.rayVersion", "2.60.0", "'rayVersion' was unexpected"),
        (f"{CONTAINER}.volumeMounts.0.mountpath", "/x", "'mountpath' was unexpected"),
        (f"{CONTAINER}.resources.limit", {}, "'limit' was unexpected"),
        (f"{CONTAINER}.env.0.valueFrom", {"secretKeyref": {}}, "'secretKeyref' was unexpected"),
        (f"{WORKERS}.template.spec.nodeSelectors", {}, "'nodeSelectors' was unexpected"),
        (f"{WORKERS}.template.spec.tolerations", [{"key": "gpu", "operators": "Exists"}], "'operators' was unexp"),
        (f"{WORKERS}.template.spec.volumes.1.persistentVolumeClaim.readonly", True, "'readonly' was unexpected"),
        (f"{HEAD}.template.metadata", {"generateName": "head-"}, "'generateName' was unexpected"),
        ("metadata.label", {}, "'label' was unexpected"),
        # Values of another type.
        ("spec.ttlSecondsAfterFinished", "600", "'600' is not of type 'integer'"),
        ("spec.shutdownAfterJobFinishes", "yes", "'yes' is not of type 'boolean'"),
        (f"{HEAD}.rayStartParams.num-cpus", 0, "0 is not of type 'string'"),
        (f"{CONTAINER}.env.0.value", 0, "0 is not of type 'string'"),
        (f"{CONTAINER}.resources.limits.memory", "32 GB", "'32 GB' is not valid"),
        (f"{CONTAINER}.resources.limits.cpu", 0.5, "0.5 is not valid"),
        (f"{CONTAINER}.ports", [{"containerPort": 2**31}], "is greater than the maximum"),
        (f"{CONTAINER}.livenessProbe", {"httpGet": {"port": []}}, "[] is not valid"),
        (f"{WORKERS}.replicas", 2**31, "is greater than the maximum"),
        ("spec.rayClusterSpec.workerGroupSpecs", {}, "{} is not of type 'array'"),
        ("apiVersion", "ray.io/v1alpha1", "'ray.io/v1' was expected"),
        # What is required.
        (f"{CONTAINER}.name", GONE, "'name' is a required property"),
        (f"{CONTAINER}.volumeMounts.0.mountPath", GONE, "'mountPath' is a required property"),
        (f"{WORKERS}.template.spec.volumes.1.persistentVolumeClaim.claimName", GONE, "'claimName' is a required"),
        (f"{WORKERS}.groupName", GONE, "'groupName' is a required property"),
        (f"{HEAD}.template", GONE, "'template' is a required property"),
        (HEAD, GONE, "'headGroupSpec' is a required property"),
        # One of a few, and each only once.
        ("spec.rayClusterSpec.autoscalerOptions", {"version": "v3"}, "'v3' is not one of ['v1', 'v2']"),
        (f"{CONTAINER}.env.2", {"name": "SUITE_CACHE_DIR"}, "more than one element with name ('SUITE_CACHE_DIR',)"),
        ("spec.deletionStrategy", {"onSuccess": {"policy": "DeleteSelf"}}, "'onFailure' is a dependency"),
        # What the operator looks at when the API server is content.
        ("metadata.name", "suite_vision", "no DNS label"),
        ("spec.submissionMode", "K8SJobMode", "'K8SJobMode' is not known"),
        ("spec.shutdownAfterJobFinishes", False, "needs shutdownAfterJobFinishes"),
        ("spec.rayClusterSpec", GONE, "needs rayClusterSpec or clusterSelector"),
        (f"{WORKERS}.minReplicas", 5, "minReplicas is negative, or more than maxReplicas"),
        (f"{WORKERS}.template.spec.containers", [], "gpu: has no container"),
        (f"{HEAD}.resources", {"CPU": "0"}, "resources are said twice"),
    ],
)
def test_a_damaged_manifest_is_found(path, value, said):
    """Wherever it is damaged, and by nothing else than the damage."""
    job = _manifest()
    _set(job, path, value)
    found = complaints(job)
    assert any(said in each for each in found), found
    assert len(found) == 1


def test_what_the_manifest_does_not_use_is_known_too():
    """Options of all kinds: the whole schema, not the part that ours needs."""
    job = _manifest()
    rule = {"policy": "DeleteWorkers", "condition": {"jobStatus": "FAILED", "ttlSeconds": 60}}
    _set(job, "spec.deletionStrategy", {"deletionRules": [rule]})
    _set(job, "spec.submitterPodTemplate", {"spec": {"containers": [{"name": "submitter"}]}})
    _set(job, "spec.rayClusterSpec.gcsFaultToleranceOptions", {"redisAddress": "redis:6379"})
    _set(job, "spec.rayClusterSpec.autoscalerOptions", {"env": [{"name": "A", "value": "b"}]})
    ports = [{"port": 8265, "targetPort": "dashboard"}, {"port": 6379, "targetPort": 6379}]
    _set(job, f"{HEAD}.headService", {"metadata": {"labels": {"a": "b"}}, "spec": {"ports": ports}})
    terms = [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    _set(job, f"{WORKERS}.template.spec.affinity", affinity)
    _set(job, f"{CONTAINER}.startupProbe", {"exec": {"command": ["ray", "health-check"]}, "periodSeconds": 5})
    _set(job, f"{CONTAINER}.resources.limits.memory", 34359738368)
    assert complaints(job) == []


def test_every_object_of_the_schema_is_closed():
    """Where any name were allowed, a misspelt one would pass."""
    Validator.check_schema(RAY_JOB)
    free = {"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1"}
    assert not [name for name, part in definitions().items() if _open(part) and name not in free]
    assert not _open(RAY_JOB["properties"])
    assert len(RAY_CLUSTER_SPEC["properties"]) == 14


def _open(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(_open(part) for part in schema)
    if not isinstance(schema, dict):
        return False
    own = schema.get("type") == "object" and "additionalProperties" not in schema
    return own or any(_open(part) for part in schema.values())


def test_the_examples_of_the_page_are_valid():
    """The part of a spec that it shows."""
    text = (RECIPES / "README.md").read_text(encoding="utf-8")
    shown = json.loads(text.partition("```json\n")[2].partition("```")[0])
    document = json.loads(plan_of("fit").spec.model_dump_json())
    document = {key: value for key, value in document.items() if value is not None}
    assert parse_spec(json.dumps(document | shown)).resources == ResourcesSpec(cpus=2, gpus=0.5, memory_gb=8.0)
