"""What a worker process sets up before its first trial, and what each trial finds."""

from __future__ import annotations

from suite.runner.request import TrialRequest
from suite.runner.warm import Warm
from suite.spec.placement import logical_cpus
from suite.training.device import place, prepare_device, set_precision

__all__ = ["warm_of"]

_WARM: dict[str, Warm] = {}
"""The one ``Warm`` of this process."""


def warm_of(request: TrialRequest) -> Warm:
    """What this process keeps from trial to trial, with the precision of this one set.

    Raises:
        SuiteError: Where the environment asks for devices that there cannot be.
    """
    if "warm" not in _WARM:
        devices = request.devices
        cpus = 1 if devices.distribution == "none" else logical_cpus()
        deterministic = prepare_device(
            threads=request.threads,
            logical_cpus=cpus,
            gpu_memory_mb=devices.gpu_memory_mb,
            deterministic=devices.deterministic,
        )
        _WARM["warm"] = Warm(
            request.cache_root, request.threads, place(devices.distribution), deterministic=deterministic
        )
    warm = _WARM["warm"]
    warm.most_models = request.warm_models
    warm.precision = set_precision(request.trial.cell.precision)
    return warm
