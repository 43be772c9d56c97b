"""Which devices a worker gets, and how one fit uses them; nothing here knows TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator

from suite.errors import SuiteError, UnknownNameError, did_you_mean

__all__ = [
    "LOGICAL_CPUS",
    "USUAL_DEVICES",
    "Deterministic",
    "DeviceSettings",
    "Distribution",
    "DistributionName",
    "Precision",
    "check_distribution",
    "determinism_for",
    "fits_in_words",
    "logical_cpus",
    "precision_for",
    "refuse_distribution",
    "share_gpus",
]

DistributionName = Literal["auto", "none", "mirrored"]
Precision = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]
"""What layers compute in; their weights are float32 in each. ``auto`` is what the GPU is fast in, float32 on a CPU."""

Deterministic = bool | Literal["auto"]
"""Whether every operation gives the same numbers bit for bit each time; ``auto`` is yes on a CPU, no on a GPU, where
such operations are slower."""

LOGICAL_CPUS = "SUITE_LOGICAL_CPUS"
"""Environment variable: how many devices the CPU is shown as, for trying out without GPUs what is meant for them."""
MOST_LOGICAL_CPUS = 16

MANY_MACHINES = (
    "expected 'auto', 'none' or 'mirrored': Keras 3 on TensorFlow does not train under MultiWorkerMirroredStrategy "
    "('fit' raises), so one fit stays on one machine; many machines take whole trials: suite run --cluster"
)


def check_distribution(value: Any) -> Any:
    """Refuses what would be one fit over many machines, with the reason. Raises ``ValueError``."""
    name = value.lower().replace("_", "").replace("-", "") if isinstance(value, str) else ""
    if name.startswith("multiworker"):
        raise ValueError(MANY_MACHINES)
    return value


def refuse_distribution(name: str) -> None:
    """Raises ``SuiteError`` where a distribution outside a spec is none of those that there are."""
    try:
        check_distribution(name)
    except ValueError as error:
        raise SuiteError(f"distribution: {error}, got '{name}'.") from None
    if name not in get_args(DistributionName):
        raise UnknownNameError(f"distribution: {did_you_mean(name, get_args(DistributionName), what='distribution')}")


Distribution = Annotated[DistributionName, BeforeValidator(check_distribution)]
"""Over what one fit is shared out: ``mirrored`` over all devices of its worker, ``none`` over nothing; ``auto`` is
``mirrored`` where a worker has several devices."""


@dataclass(frozen=True)
class DeviceSettings:
    """How the devices of a run are used; part of no trial's identity."""

    distribution: DistributionName = "auto"
    gpu_memory_mb: int | None = None
    """The most that a worker takes of each of its GPUs; as it needs where it is left out."""
    deterministic: Deterministic = "auto"


USUAL_DEVICES = DeviceSettings()


def logical_cpus() -> int:
    """How many devices the CPU is shown as, by the environment variable; 1 where it is not set.

    Raises:
        SuiteError: Where it is no number from 1 to 16.
    """
    text = os.environ.get(LOGICAL_CPUS, "").strip() or "1"
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_LOGICAL_CPUS):
        raise SuiteError(f"{LOGICAL_CPUS}: expected a number from 1 to {MOST_LOGICAL_CPUS}, got '{text}'.")
    return int(text)


def share_gpus(gpus: Sequence[str], jobs: int | None, settings: DeviceSettings) -> tuple[tuple[str, ...], ...]:
    """The GPUs of each worker, empty on a CPU; how many workers there are is the length of the answer.

    Every worker gets as many, so that no result depends on which worker took a trial.  Left alone, ``mirrored`` is one
    worker with all GPUs, and anything else one worker for each GPU.

    Args:
        gpus: As ``CUDA_VISIBLE_DEVICES`` names them.
        jobs: Number of workers, where it was chosen.
        settings: How devices are used.

    Raises:
        SuiteError: Where what was asked for cannot be had on these devices, with the nearest that can.
    """
    cpus = logical_cpus()
    _refuse_contradictions(gpus, cpus, settings)
    mirrored = settings.distribution == "mirrored"
    count = jobs or (1 if mirrored else len(gpus)) or 1
    shares: tuple[tuple[str, ...], ...]
    if not gpus:
        shares = ((),) * count
    elif settings.distribution == "none" or count >= len(gpus):
        shares = tuple((gpus[index % len(gpus)],) for index in range(count))
    else:
        each = len(gpus) // count
        shares = tuple(tuple(gpus[index * each : (index + 1) * each]) for index in range(count))
    if mirrored and gpus and len(shares[0]) < 2:
        raise SuiteError(
            f'distribution: "mirrored" shares a fit out over at least 2 GPUs, and {_each(gpus, count)}; '
            'give fewer --jobs, or leave "distribution" at "auto", which uses one GPU then.'
        )
    return shares


def fits_in_words(gpus: int, cpus: int) -> str:
    """What a run does here where nothing else is asked for, one sentence; ``cpus`` is what ``logical_cpus`` says."""
    if gpus > 1:
        return f"{gpus} workers with one GPU each; --distribution mirrored shares each fit out over all {gpus}."
    if gpus == 1:
        return "one worker on the GPU."
    if cpus > 1:
        return f"one worker; the CPU is shown as {cpus} devices ({LOGICAL_CPUS}), each fit is shared out over them."
    return "one worker on the CPU, each fit on one device."


def _each(gpus: Sequence[str], count: int) -> str:
    return f"{len(gpus)} for {count} workers leave 1 each" if len(gpus) > 1 else "there is 1"


def _refuse_contradictions(gpus: Sequence[str], cpus: int, settings: DeviceSettings) -> None:
    """What could only be ignored is refused."""
    if gpus and cpus > 1:
        raise SuiteError(
            f"{LOGICAL_CPUS} is for machines without a GPU, and this one has {len(gpus)}; unset it, or hide the GPUs "
            "with CUDA_VISIBLE_DEVICES=-1."
        )
    if settings.gpu_memory_mb is not None and not gpus:
        raise SuiteError("gpu_memory_mb: there is no GPU here whose memory could be limited; leave it out.")
    if settings.distribution == "mirrored" and not gpus and cpus < 2:
        raise SuiteError(
            'distribution: "mirrored" shares a fit out over the GPUs of a worker, and there is none here; use "auto", '
            f"which fits on one device then. {LOGICAL_CPUS}=2 tries it out on a CPU that is shown as two devices."
        )


def determinism_for(asked: Deterministic, *, gpus: int) -> bool:
    """Whether operations are made deterministic by a worker that sees so many GPUs."""
    return gpus == 0 if asked == "auto" else asked


def precision_for(capabilities: Sequence[tuple[int, int] | None]) -> Precision:
    """What all of these GPUs are fast in, by their compute capabilities; float32 where there is none.

    Tensor cores take float16 from 7.0 (Volta) and bfloat16, which needs no loss scale, from 8.0 (Ampere).
    """
    known = [capability or (0, 0) for capability in capabilities]
    if known and min(known) >= (8, 0):
        return "mixed_bfloat16"
    if known and min(known) >= (7, 0):
        return "mixed_float16"
    return "float32"
