"""What a ``.keras`` file says of itself, looked at before Keras builds anything of it.

The archive, its configuration and its weights are read as data: nothing in them is run, and no TensorFlow is needed.
What cannot be used is told before a run begins, in a sentence with what to do.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from suite.errors import ModelError

__all__ = ["check_keras_file"]

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
LARGEST_CONFIG_BYTES = 64 * 2**20
DEEPEST = 150
"""Levels of a configuration; models of models of layers reach 30, and Python gives up at some hundreds."""
LAYER_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
"""What TensorFlow takes as the name of a scope."""
OWN_PACKAGES = ("keras", "keras_hub")
WIDTHS = ("units", "filters", "output_dim", "input_dim", "key_dim", "value_dim", "hidden_dim", "intermediate_dim")
"""Options of layers that a weight is as long as."""
NORMS = ("BatchNormalization", "LayerNormalization", "GroupNormalization")
LARGEST_IN_MEMORY = 256 * 2**20
MOST_SAID = 10**15
CHUNK_BYTES = 64 * 2**20
FEWEST_BYTES = 0.5
"""A weight of 4 bits, the smallest that Keras stores."""


def check_keras_file(path: Path, *, layer: str | None) -> None:
    """Refuses a file that cannot be used.

    Args:
        path: A ``.keras`` file that exists.
        layer: Name of the layer that features are to be taken from; None for the model's own output.

    Raises:
        ModelError: With what is wrong with the file and what to do.
    """
    found = path.stat()
    config = _checked(path.absolute(), found.st_size, found.st_mtime_ns)
    if layer is None:
        _check_outputs(path.name, config)


@lru_cache(maxsize=64)
def _checked(path: Path, size: int, changed_ns: int) -> Mapping[str, Any]:  # noqa: ARG001 - a changed file is another
    """The configuration of a file that can be used, read once as long as it stays as it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = _config(path.name, archive)
            declared = _check_layers(path.name, config)
            _check_weights(path.name, archive, declared)
    except ModelError:
        raise
    except MemoryError as error:
        raise ModelError(f"path: {path.name} needs more memory than there is.") from error
    # Damage can make zipfile, zlib and HDF5 raise nearly anything.
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or "no reason was given"
        raise _damaged(path.name, f"it cannot be read ({type(error).__name__}: {reason})") from error
    return config


def _config(name: str, archive: zipfile.ZipFile) -> Mapping[str, Any]:
    members = {info.filename: info for info in archive.infolist()}
    for member in (CONFIG, WEIGHTS):
        if member not in members:
            raise _damaged(name, f"it holds no {member}, as a model saved by 'model.save' does")
    if members[CONFIG].file_size > LARGEST_CONFIG_BYTES:
        raise _damaged(name, f"its {CONFIG} has {members[CONFIG].file_size / 1e6:.0f} MB")
    try:
        config = json.loads(archive.read(CONFIG))
    except RecursionError:
        raise _damaged(name, f"its {CONFIG} is nested too deeply to be read") from None
    except ValueError as error:
        raise _damaged(name, f"its {CONFIG} is no JSON ({error})") from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise _damaged(name, f"its {CONFIG} describes no model")
    return config


def _check_layers(name: str, config: Mapping[str, Any]) -> int:
    """Refuses layers that cannot be built here. Returns the fewest parameters that all of them together have."""
    custom: dict[str, None] = {}
    declared = 0
    for node in _nodes(name, config):
        kind = node.get("class_name")
        if kind in {"Lambda", "__lambda__"}:
            raise ModelError(
                f"path: {name} holds Python code (a Lambda layer or the like), which is never run from a file; "
                "save the model with registered layers instead."
            )
        if isinstance(kind, str) and (missing := _custom_name(node, kind)) is not None:
            custom[missing] = None
        own = node.get("config")
        if isinstance(own, dict):
            _check_name(name, own, kind)
            declared += _fewest_parameters(own, node.get("build_config"), kind)
    if custom:
        named = ", ".join(f"'{one}'" for one in list(custom)[:5])
        raise ModelError(
            f"path: {name} needs code of yours: {named}. Put it into a Python file, register each class there with "
            '@keras.saving.register_keras_serializable(), and name the file: --plugin FILE, or "plugins" in the spec.'
        )
    return declared


def _nodes(name: str, config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object of a configuration, without recursion."""
    todo: list[tuple[Any, int]] = [(config, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > DEEPEST:
            raise _damaged(name, f"its {CONFIG} is nested more than {DEEPEST} levels deep")
        if isinstance(node, dict):
            yield node
            todo += [(value, depth + 1) for value in node.values()]
        elif isinstance(node, list):
            todo += [(value, depth + 1) for value in node if isinstance(value, dict | list)]


def _custom_name(node: Mapping[str, Any], kind: str) -> str | None:
    """What somebody has to register before Keras can build this object; None where Keras or KerasHub has it."""
    registered, module = node.get("registered_name"), node.get("module")
    if "registered_name" not in node or registered is None:
        return None
    package = module.partition(".")[0] if isinstance(module, str) else ""
    if package in OWN_PACKAGES or str(registered).partition(">")[0] in OWN_PACKAGES:
        return None
    shown = str(node.get("config")) if kind == "function" else kind
    # Nobody has registered anything before Keras is there.
    keras = sys.modules.get("keras")
    known = keras is not None and keras.saving.get_registered_object(str(registered)) is not None
    return None if known else shown


def _check_name(name: str, own: Mapping[str, Any], kind: Any) -> None:
    """The model's own name does not matter: it gets another. Those of its layers are scopes of TensorFlow."""
    called = own.get("name")
    is_model = kind in {"Functional", "Sequential", "Model"}
    if isinstance(called, str) and "trainable" in own and not is_model and not LAYER_NAME.fullmatch(called):
        raise ModelError(
            f"path: {name}: layer '{called}' has a name that TensorFlow cannot use; expected ASCII letters, digits and "
            "'_', '-', '.', with a letter or digit first. Give it another name and save the model again."
        )


def _fewest_parameters(own: Mapping[str, Any], built: Any, kind: Any) -> int:
    """The fewest parameters that a layer of these options can have; 0 for what has none, or says nothing."""
    if "name" not in own:
        return 0
    shape = built.get("input_shape") if isinstance(built, dict) else None
    place = 1 if own.get("data_format") == "channels_first" else -1
    channels = max(1, _whole(shape[place])) if isinstance(shape, list) and len(shape) > 1 else 1
    if isinstance(kind, str) and kind in NORMS:
        return channels
    widths = [_whole(own.get(key)) for key in WIDTHS]
    widest = max(widths) * max(1, _whole(own.get("num_heads"))) if own.get("key_dim") else max(widths)
    # A separable convolution has its kernel for each channel alone.
    kernel = None if str(kind).startswith("Separable") else own.get("kernel_size")
    positions = math.prod(max(1, _whole(one)) for one in kernel) if isinstance(kernel, list) else 1
    return widest * positions * max(1, channels // max(1, _whole(own.get("groups"))))


def _whole(value: Any) -> int:
    """A whole number of a configuration; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _check_outputs(name: str, config: Mapping[str, Any]) -> None:
    """A model of several outputs, or of named ones, gives no features by itself."""
    outputs = config["config"].get("output_layers")
    if isinstance(outputs, dict):
        what = f"a dict of outputs ({', '.join(map(str, outputs))})"
    elif isinstance(outputs, list) and len(outputs) > 1 and all(isinstance(one, list) for one in outputs):
        what = f"{len(outputs)} outputs"
    else:
        return
    layers = config["config"].get("layers")
    named = (
        [one["name"] for one in layers if isinstance(one, dict) and isinstance(one.get("name"), str)] if layers else []
    )
    raise ModelError(
        f"layer: {name} answers {what}, and features are one tensor; name the layer that they are taken from, one of: "
        f"{', '.join(named)}."
    )


def _check_weights(name: str, archive: zipfile.ZipFile, declared: int) -> None:
    """Refuses weights that are fewer than the layers declare, more than the memory holds, or no numbers."""
    import psutil

    size = archive.getinfo(WEIGHTS).file_size
    available = int(psutil.virtual_memory().available)
    if declared * FEWEST_BYTES > size:
        raise _damaged(
            name,
            f"its layers declare at least {float(min(declared, MOST_SAID)):.2g} parameters, and its "
            f"{size / 1e6:.1f} MB of weights cannot hold so many",
        )
    if max(size, 4 * declared) > available:
        raise ModelError(
            f"path: {name} needs at least {max(size, 4 * declared) / 1e9:.1f} GB of memory for its weights, and "
            f"{available / 1e9:.1f} GB are free here; take a smaller model, or a machine with more memory."
        )
    # Going back in a member of an archive means to unpack it again from its beginning.
    with archive.open(WEIGHTS) as stream, tempfile.SpooledTemporaryFile(max_size=LARGEST_IN_MEMORY) as unpacked:
        shutil.copyfileobj(stream, unpacked)
        _check_numbers(name, unpacked)


def _check_numbers(name: str, stream: Any) -> None:
    """Refuses weights that are no numbers."""
    import h5py

    with h5py.File(stream, "r") as file:
        for where, dataset in _datasets(name, file):
            if np.issubdtype(dataset.dtype, np.floating) and not _is_finite(dataset):
                raise ModelError(
                    f"path: {name} holds weights that are no numbers (NaN or infinite), in {where}: its training "
                    "diverged. Take a checkpoint from before that."
                )


def _datasets(name: str, file: Any) -> Iterator[tuple[str, Any]]:
    """Every array of an HDF5 file, without following a link out of it or recursing."""
    import h5py

    todo, seen = [("", file)], 0
    while todo:
        where, group = todo.pop()
        for key in group:
            seen += 1
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink) or seen > 1_000_000:
                raise _damaged(name, "its weights refer to something outside them")
            found = group[key]
            if isinstance(found, h5py.Group):
                if where.count("/") > DEEPEST:
                    raise _damaged(name, f"its weights are nested more than {DEEPEST} levels deep")
                todo.append((f"{where}/{key}", found))
            elif found.external or found.is_virtual:
                raise _damaged(name, "its weights refer to something outside them")
            else:
                yield f"{where}/{key}".lstrip("/"), found


def _is_finite(dataset: Any) -> bool:
    """Whether every value is a number; read in parts, so that no memory is taken for what is only declared."""
    if not dataset.shape:
        return bool(np.isfinite(dataset[()]).all())
    row = max(1, dataset.dtype.itemsize * math.prod(dataset.shape[1:]))
    step = max(1, CHUNK_BYTES // row)
    return all(bool(np.isfinite(dataset[start : start + step]).all()) for start in range(0, dataset.shape[0], step))


def _damaged(name: str, why: str) -> ModelError:
    return ModelError(f"path: {name} is damaged: {why}. Save the model again, or copy the file again.")
