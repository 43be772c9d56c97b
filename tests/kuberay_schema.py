"""What a RayJob may hold, whole, as JSON Schema, and what KubeRay's operator asks of it besides.

The resource definition that KubeRay installs (``ray.io_rayjobs.yaml``, 1 MB) is made by controller-gen from KubeRay's
own types and, for pods, services, ingresses and network policies, from Kubernetes' ``core/v1`` and ``networking/v1``.
It is put together here in the same way, for want of a package that has it: KubeRay's types are written out, every
field of the specification of a RayJob and a RayCluster, after KubeRay's API reference (docs/reference/api.md of
ray-project/kuberay, release 1.7.0) and the markers in ray-operator/apis/ray/v1; Kubernetes' come from its own document
(``kubernetes_schema``).  After a release of KubeRay, go through its API reference from top to bottom: a type there is a
constant here, in the same order.

As with ``kubectl apply`` (strict field validation), names that are not known are refused.  ``status`` is not here: the
operator writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
from jsonschema.validators import extend
from kubernetes_schema import MAP_KEYS, definitions

__all__ = ["RAY_CLUSTER_SPEC", "RAY_JOB", "Validator", "complaints"]

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
WORDS: Schema = {"type": "object", "additionalProperties": STRING}
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
SIGNED = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
QUANTITY: Schema = {
    "anyOf": [{"type": "integer"}, {"type": "string", "pattern": f"^{SIGNED}([KMGTPE]i|[numkMGTPE]|[eE]{SIGNED})?$"}]
}
MANAGERS = ("ray.io/kuberay-operator", "kueue.x-k8s.io/multikueue")


def _object(required: tuple[str, ...] = (), **fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}


def _list(of: Schema, keys: tuple[str, ...] = ()) -> Schema:
    return {"type": "array", "items": of} | ({MAP_KEYS: list(keys)} if keys else {})


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _kubernetes(name: str) -> Schema:
    return {"$ref": f"#/$defs/io.k8s.api.{name}"}


POD = _kubernetes("core.v1.PodTemplateSpec")
ENVIRONMENT = _list(_kubernetes("core.v1.EnvVar"))
RESOURCES = _kubernetes("core.v1.ResourceRequirements")

AUTH_OPTIONS = _object(enableK8sTokenAuth=BOOLEAN, secretName=STRING, mode=_one_of("disabled", "token"))
AUTOSCALER_OPTIONS = _object(
    resources=RESOURCES,
    image=STRING,
    imagePullPolicy=STRING,
    securityContext=_kubernetes("core.v1.SecurityContext"),
    idleTimeoutSeconds=INTEGER,
    upscalingMode=_one_of("Default", "Aggressive", "Conservative"),
    version=_one_of("v1", "v2"),
    env=ENVIRONMENT,
    envFrom=_list(_kubernetes("core.v1.EnvFromSource")),
    volumeMounts=_list(_kubernetes("core.v1.VolumeMount")),
    command=_list(STRING),
    args=_list(STRING),
)
COLLECTOR_OPTIONS = _object(image=STRING, imagePullPolicy=STRING, resources=RESOURCES, env=ENVIRONMENT)
DELETION_CONDITION = _object(
    jobStatus=_one_of("SUCCEEDED", "FAILED"),
    jobDeploymentStatus=_one_of("Failed"),
    ttlSeconds=INTEGER | {"minimum": 0},
) | {"oneOf": [{"required": ["jobStatus"]}, {"required": ["jobDeploymentStatus"]}]}
DELETION = _one_of("DeleteCluster", "DeleteWorkers", "DeleteSelf", "DeleteNone")
DELETION_POLICY = _object(policy=DELETION)
DELETION_RULE = _object(("policy", "condition"), policy=DELETION, condition=DELETION_CONDITION)
DELETION_STRATEGY = _object(
    onSuccess=DELETION_POLICY, onFailure=DELETION_POLICY, deletionRules=_list(DELETION_RULE) | {"minItems": 1}
) | {
    "dependentRequired": {"onSuccess": ["onFailure"], "onFailure": ["onSuccess"]},
    "not": {"required": ["deletionRules", "onSuccess"]},
}
GCS_EMBEDDED_STORAGE = _object(
    claimName=STRING,
    size=QUANTITY,
    storageClassName=STRING,
    accessModes=_list(STRING),
    subPath=STRING,
    deletionPolicy=_one_of("DeleteWithCluster", "Retain"),
)
REDIS_CREDENTIAL = _object(valueFrom=_kubernetes("core.v1.EnvVarSource"), value=STRING)
GCS_FAULT_TOLERANCE_OPTIONS = _object(
    backend=_one_of("redis", "rocksdb"),
    redisUsername=REDIS_CREDENTIAL,
    redisPassword=REDIS_CREDENTIAL,
    externalStorageNamespace=STRING,
    redisAddress=STRING,
    storage=GCS_EMBEDDED_STORAGE,
)
INGRESS_OPTIONS = _object(
    host=STRING,
    path=STRING,
    pathType=_one_of("Exact", "Prefix", "ImplementationSpecific"),
    tls=_list(_kubernetes("networking.v1.IngressTLS")),
)
HEAD_GROUP_SPEC = _object(
    ("template",),
    template=POD,
    headService=_kubernetes("core.v1.Service"),
    enableIngress=BOOLEAN,
    ingressOptions=INGRESS_OPTIONS,
    resources=WORDS,
    labels=WORDS,
    rayStartParams=WORDS,
    serviceType=STRING,
)
NETWORK_RULES: dict[str, Schema] = {
    "ingressRules": _list(_kubernetes("networking.v1.NetworkPolicyIngressRule")),
    "egressRules": _list(_kubernetes("networking.v1.NetworkPolicyEgressRule")),
}
NETWORK_POLICY_CONFIG = _object(
    mode=_one_of("DenyAll", "DenyAllIngress", "DenyAllEgress"),
    head=_object(**NETWORK_RULES),
    worker=_object(**NETWORK_RULES),
    workerGroups=_list(_object(("groupName",), groupName=STRING, **NETWORK_RULES), keys=("groupName",)),
)
# minReplicas and maxReplicas are required and have defaults, which the API server fills in before it looks.
WORKER_GROUP_SPEC = _object(
    ("groupName", "template"),
    suspend=BOOLEAN,
    groupName=STRING,
    replicas=INTEGER,
    minReplicas=INTEGER,
    maxReplicas=INTEGER,
    idleTimeoutSeconds=INTEGER,
    priority=INTEGER,
    resources=WORDS,
    labels=WORDS,
    rayStartParams=WORDS,
    template=POD,
    scaleStrategy=_object(workersToDelete=_list(STRING)),
    numOfHosts=INTEGER,
)
RAY_CLUSTER_SPEC = _object(
    ("headGroupSpec",),
    upgradeStrategy=_object(type=_one_of("Recreate", "None")),
    authOptions=AUTH_OPTIONS,
    suspend=BOOLEAN,
    managedBy=_one_of(*MANAGERS),
    autoscalerOptions=AUTOSCALER_OPTIONS,
    headServiceAnnotations=WORDS,
    enableInTreeAutoscaling=BOOLEAN,
    gcsFaultToleranceOptions=GCS_FAULT_TOLERANCE_OPTIONS,
    historyServerOptions=_object(collectorOptions=COLLECTOR_OPTIONS),
    networkPolicy=NETWORK_POLICY_CONFIG,
    tlsOptions=_object(enabled=BOOLEAN),
    headGroupSpec=HEAD_GROUP_SPEC,
    rayVersion=STRING,
    workerGroupSpecs=_list(WORKER_GROUP_SPEC),
)
RAY_JOB_SPEC = _object(
    activeDeadlineSeconds=INTEGER,
    backoffLimit=INTEGER,
    rayClusterSpec=RAY_CLUSTER_SPEC,
    submitterPodTemplate=POD,
    metadata=WORDS,
    clusterSelector=WORDS,
    submitterConfig=_object(backoffLimit=INTEGER),
    managedBy=_one_of(*MANAGERS),
    deletionStrategy=DELETION_STRATEGY,
    entrypoint=STRING,
    runtimeEnvYAML=STRING,
    jobId=STRING,
    submissionMode=STRING,
    entrypointResources=STRING,
    entrypointNumCpus=NUMBER,
    entrypointNumGpus=NUMBER,
    ttlSecondsAfterFinished=INTEGER,
    preRunningDeadlineSeconds=INTEGER | {"minimum": 1},
    shutdownAfterJobFinishes=BOOLEAN,
    suspend=BOOLEAN,
)
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def _parts() -> dict[str, Schema]:
    """Kubernetes' definitions as KubeRay's resource definition has them."""
    found = definitions()
    found["own"] = found[OBJECT_META]
    # controller-gen's generateEmbeddedObjectMeta: no more than these in a pod's or a service's metadata.
    found[OBJECT_META] = _object(
        annotations=WORDS, finalizers=_list(STRING), labels=WORDS, name=STRING, namespace=STRING
    )
    found["io.k8s.apimachinery.pkg.api.resource.Quantity"] = QUANTITY
    return found


RAY_JOB = _object(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata={"$ref": "#/$defs/own"},
    spec=RAY_JOB_SPEC,
) | {"$defs": _parts()}


def _differ_in(_: Any, keys: list[str], elements: Any, __: Schema) -> Iterator[jsonschema.ValidationError]:
    """Kubernetes' lists that are maps: no two elements with the same keys."""
    if not isinstance(elements, list):
        return
    found = [tuple(element.get(key) for key in keys) for element in elements if isinstance(element, dict)]
    for same in sorted({repr(each) for each in found if found.count(each) > 1}):
        yield jsonschema.ValidationError(f"more than one element with {', '.join(keys)} {same}")


Validator = extend(jsonschema.Draft202012Validator, {MAP_KEYS: _differ_in})


def complaints(document: Any) -> list[str]:
    """Why the API server or KubeRay's operator would refuse the document, each with its path; none when it is good."""
    found = [f"{error.json_path}: {error.message}" for error in Validator(RAY_JOB).iter_errors(document)]
    return found or list(_operator(document))


def _operator(job: dict[str, Any]) -> Iterator[str]:
    """What the operator looks at before it starts a job (ray-operator/controllers/ray/utils/validation.go)."""
    spec = job["spec"]
    name = job["metadata"].get("name", "")
    if len(name) > 47 or not re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", name):
        yield f"$.metadata.name: {name!r} is no DNS label of at most 47 characters"
    if spec.get("submissionMode", "K8sJobMode") not in {"K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"}:
        yield f"$.spec.submissionMode: {spec['submissionMode']!r} is not known"
    if spec.get("ttlSecondsAfterFinished") and not spec.get("shutdownAfterJobFinishes"):
        yield "$.spec.ttlSecondsAfterFinished: needs shutdownAfterJobFinishes"
    if not (spec.get("rayClusterSpec") or spec.get("clusterSelector")):
        yield "$.spec: needs rayClusterSpec or clusterSelector"
    cluster = spec.get("rayClusterSpec", {})
    groups = [cluster[key] for key in ("headGroupSpec",) if key in cluster] + cluster.get("workerGroupSpecs", [])
    for group in groups:
        yield from _operator_of_group(group, group.get("groupName", "headGroupSpec"))


def _operator_of_group(group: dict[str, Any], name: str) -> Iterator[str]:
    if not group["template"].get("spec", {}).get("containers"):
        yield f"{name}: has no container"
    if not 0 <= group.get("minReplicas", 0) <= group.get("maxReplicas", 2**31 - 1):
        yield f"{name}: minReplicas is negative, or more than maxReplicas"
    in_parameters = {"num-cpus", "num-gpus", "memory", "resources"} & set(group.get("rayStartParams", {}))
    if in_parameters and group.get("resources"):
        yield f"{name}: resources are said twice, in rayStartParams too"
    if "labels" in group.get("rayStartParams", {}):
        yield f"{name}: labels belong to the group, not to rayStartParams"
