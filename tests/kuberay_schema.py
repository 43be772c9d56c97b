"""What a RayJob may hold, as far as ours goes, as JSON Schema.

Written after the types in ray-operator/apis/ray/v1/rayjob_types.go and raycluster_types.go of ray-project/kuberay and
the resource definition that is made from them, helm-chart/kuberay-operator/crds/ray.io_rayjobs.yaml (1.3 MB, commit
037e91b), and the parts of pods after Kubernetes' core/v1.  Names that are not here are refused.
"""

from __future__ import annotations

from typing import Any

__all__ = ["RAY_JOB"]

STRING: dict[str, Any] = {"type": "string"}
BOOLEAN: dict[str, Any] = {"type": "boolean"}
WHOLE: dict[str, Any] = {"type": "integer", "minimum": 0}
WORDS: dict[str, Any] = {"type": "object", "additionalProperties": STRING}
QUANTITY: dict[str, Any] = {
    "anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?([KMGTPE]i|[numkMGTPE])?$"}]
}


def _object(required: tuple[str, ...] = (), **fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of, "minItems": 1}


RESOURCES = {"type": "object", "additionalProperties": QUANTITY}
CONTAINER = _object(
    ("name", "image"),
    name={"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
    image=STRING,
    imagePullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
    env=_list(_object(("name",), name=STRING, value=STRING)),
    resources=_object(limits=RESOURCES, requests=RESOURCES),
    volumeMounts=_list(_object(("name", "mountPath"), name=STRING, mountPath=STRING, readOnly=BOOLEAN, subPath=STRING)),
)
CLAIM = _object(("claimName",), claimName=STRING, readOnly=BOOLEAN)
VOLUME = _object(
    ("name",), name=STRING, emptyDir=_object(medium=STRING, sizeLimit=QUANTITY), persistentVolumeClaim=CLAIM
)
POD = _object(("spec",), spec=_object(("containers",), containers=_list(CONTAINER), volumes=_list(VOLUME)))
HEAD = _object(
    ("rayStartParams", "template"), serviceType=STRING, enableIngress=BOOLEAN, rayStartParams=WORDS, template=POD
)
WORKERS = _object(
    ("groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"),
    groupName=STRING,
    replicas=WHOLE,
    minReplicas=WHOLE,
    maxReplicas=WHOLE,
    numOfHosts=WHOLE,
    rayStartParams=WORDS,
    template=POD,
)
RAY_JOB = _object(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=_object(("name",), name=STRING, namespace=STRING, labels=WORDS, annotations=WORDS),
    spec=_object(
        ("entrypoint", "rayClusterSpec"),
        activeDeadlineSeconds=WHOLE,
        backoffLimit=WHOLE,
        entrypoint=STRING,
        entrypointNumCpus={"type": "number"},
        entrypointNumGpus={"type": "number"},
        runtimeEnvYAML=STRING,
        shutdownAfterJobFinishes=BOOLEAN,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode"]},
        suspend=BOOLEAN,
        ttlSecondsAfterFinished=WHOLE,
        rayClusterSpec=_object(
            ("headGroupSpec",),
            rayVersion=STRING,
            enableInTreeAutoscaling=BOOLEAN,
            headGroupSpec=HEAD,
            workerGroupSpecs=_list(WORKERS),
        ),
    ),
)
