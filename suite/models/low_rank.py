"""Low-rank factors beside the kernels of a backbone (Hu et al. 2022, LoRA), and what they add up to."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import Any

import numpy as np

from suite.errors import TrialSkipped
from suite.models.layer_graph import weighted_layers

__all__ = ["add_factors", "merge_factors", "reset_factors"]


def add_factors(model: Any, *, rank: int, alpha: float, targets: Sequence[str]) -> None:
    """Adds factors A and B to layers of a built backbone: kernel + alpha / rank * A B (Hu et al. 2022, equation 3).

    Args:
        model: The backbone's Keras model; changed for good.
        rank: Of the factors.
        alpha: Scale of the update, divided by ``rank``.
        targets: Names of layers or globs over them; empty for KerasHub's own choice, and for every dense layer of a
            model that is not from KerasHub.

    Raises:
        TrialSkipped: Where no layer takes factors.
    """
    chosen = [item.layer for item in weighted_layers(model) if _is_target(model, item.layer, targets)]
    if not chosen:
        sought = ", ".join(targets or _default_names(model) or ("any dense layer",))
        raise TrialSkipped(
            f"lora: no layer of this backbone takes low-rank factors (looked for: {sought}); "
            "name others with 'targets', 'suite show model' lists the layers."
        )
    for layer in chosen:
        layer.enable_lora(rank, lora_alpha=alpha)


def reset_factors(model: Any, seed: int) -> None:
    """Sets every A as Keras initialises it (He-uniform), from ``seed``, and every B to zeros."""
    import keras

    for index, layer in enumerate(_adapted_layers(model)):
        state = int(np.random.SeedSequence([seed, index]).generate_state(1)[0]) % (2**31)
        factor = layer.lora_kernel_a
        factor.assign(keras.initializers.HeUniform(seed=state)(factor.shape, dtype=factor.dtype))
        layer.lora_kernel_b.assign(np.zeros(layer.lora_kernel_b.shape, np.float32))


def merge_factors(source: Any, target: Any) -> None:
    """Sets the kernels of ``target`` to those of ``source`` with their updates added.

    Args:
        source: A backbone's model with factors.
        target: The same architecture without them; layers are matched by their order, as names that Keras
            makes up differ between two builds.
    """
    for ours, theirs in zip(weighted_layers(source), weighted_layers(target), strict=True):
        if getattr(ours.layer, "lora_enabled", False):
            # Keras's ``kernel`` is the sum already while factors are there.
            theirs.layer.kernel.assign(ours.layer.kernel)


def _is_target(model: Any, layer: Any, targets: Sequence[str]) -> bool:
    import keras

    if not hasattr(layer, "enable_lora") or not hasattr(layer, "kernel"):
        return False
    names = targets or _default_names(model)
    if names:
        return any(fnmatch.fnmatchcase(layer.name, name) for name in names)
    return isinstance(layer, keras.layers.Dense | keras.layers.EinsumDense)


def _default_names(model: Any) -> tuple[str, ...]:
    """KerasHub's own choice; empty for a model that is not a KerasHub backbone."""
    # KerasHub's own list forgets T5, whose attention calls its queries and values otherwise.
    named = tuple(model.default_lora_layer_names()) if hasattr(model, "default_lora_layer_names") else ()
    return (*named, "query_projector", "value_projector") if named else ()


def _adapted_layers(model: Any) -> list[Any]:
    return [item.layer for item in weighted_layers(model) if getattr(item.layer, "lora_enabled", False)]
