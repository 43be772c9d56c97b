"""What a warm worker keeps: one model at a time, its pretrained weights and its compiled steps.

Building and tracing dwarf training on small data, so every seed and setting of a cell, and every strategy
with the same graph, uses the same objects; weights, optimizer state and random states are set anew by
each fit, which therefore does not depend on what ran before.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from suite.data.batches import Batches, Examples
from suite.data.token_rows import TokenRows
from suite.models.backbone import AnyBackbone
from suite.models.freezing import BIASES, LORA, apply_trainable
from suite.models.low_rank import add_factors
from suite.models.sparsity import prunable_variables
from suite.store.records.result import FeatureEngineRecord
from suite.strategies.jit import JitChoice, JitChooser, JitMode
from suite.tasks.adapted import Adapted
from suite.training.feature_engines import EngineChooser
from suite.training.features import Features, FeatureStore

if TYPE_CHECKING:
    from suite.training.objective import Objective
    from suite.training.optimizer import OptimizerSettings
    from suite.training.predictor import Predictor
    from suite.training.profiler import ModelProfiler
    from suite.training.pruning import Masks
    from suite.training.trainer import Trainer

__all__ = ["Prepared", "Pruned", "Workshop", "cap_batch_norm_momentum"]


MOST_STEPS = 8
"""Compiled steps that are kept: as many as gradual unfreezing has phases in 8 epochs."""
MOST_NUMBERS = 256_000_000
"""Numbers in the optimizers of all of these together, 1 GB; the last step stays however large it is."""
MOST_HEADS = 4
"""Heads on the backbone that are kept, one for each dropout."""
MOST_PREDICTORS = 16
"""Predictors that are kept; the votes of neighbours make a model, and hold their examples, for every fit."""
MOST_LOW_RANK = 2
"""Copies of the backbone with low-rank factors that are kept, one for each rank, scale and choice of layers."""

Pruned = Literal["kernels", "kernels and embeddings"]
"""Which of the trained weights may be pruned; see ``suite.models.sparsity``."""


@dataclass(frozen=True)
class Prepared:
    """A compiled step for one model and one set of trainable layers."""

    trainer: Trainer
    compile_seconds: float
    """0 where the step was there already."""
    jit: JitChoice
    unfrozen: tuple[str, ...]
    """Names of the trained stages, from the input to the output."""


@dataclass
class Workshop:
    """Models and compiled steps of one backbone."""

    build: Callable[[str], AnyBackbone]
    """``"pretrained"`` or ``"random"`` to a new backbone."""
    assemble: Callable[..., Adapted]
    """The task's way to put a head on a backbone."""
    cache_root: Path
    jit_chooser: JitChooser
    engine_chooser: EngineChooser
    _backbone: AnyBackbone | None = None
    _pretrained: list[Any] = field(default_factory=list)
    _adapted: dict[tuple[int, float], Adapted] = field(default_factory=dict)
    _predictors: dict[int, Predictor] = field(default_factory=dict)
    _prepared: dict[tuple[Any, ...], Prepared] = field(default_factory=dict)
    _momenta: dict[int, float] = field(default_factory=dict)
    _low_rank: dict[tuple[Any, ...], Workshop] = field(default_factory=dict)
    profilers: dict[tuple[Any, ...], ModelProfiler] = field(default_factory=dict)
    """What measures a model, by the id of its Keras model and what it is timed with; seeds share it."""
    probes: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    """Fitted probes by everything that they depend on; a seed is not part of it."""
    feature_engine: FeatureEngineRecord | None = None
    """What computed the features that a fit asked for last."""

    @property
    def backbone(self) -> AnyBackbone:
        """The pretrained backbone; its weights may be those of the last fit."""
        if self._backbone is None:
            import keras

            # A backbone that is asked for with random weights has the same ones in every worker.
            keras.utils.set_random_seed(0)
            self._backbone = self.build("pretrained")
            self._pretrained = self._backbone.model.get_weights()
        return self._backbone

    def adapted(self, *, num_classes: int, dropout: float = 0.0) -> Adapted:
        """The backbone with a head; whatever weights the last fit left."""
        key = (num_classes, dropout)
        if key not in self._adapted:
            if len(self._adapted) >= MOST_HEADS:
                gone = self._adapted.pop(next(iter(self._adapted)))
                self._forget(gone, gone.logits, gone.features, gone.writer, getattr(gone.objective, "scores", None))
            self._adapted[key] = self.assemble(self.backbone, num_classes=num_classes, dropout=dropout)
        else:
            self._adapted[key] = self._adapted.pop(key)
        return self._adapted[key]

    def _forget(self, *models: Any) -> None:
        """Drops everything that is kept under the ids of objects that go: others may get the same ones."""
        gone = {id(model) for model in models}
        for kept in (self._prepared, self.profilers, self.probes):
            for key in [key for key in kept if gone.intersection(part for part in key if isinstance(part, int))]:
                del kept[key]
        for predicted in gone & self._predictors.keys():
            del self._predictors[predicted]
        gc.collect()

    def low_rank(self, rank: int, alpha: float, targets: tuple[str, ...]) -> Workshop:
        """A workshop of a second backbone with the same weights and low-rank factors, kept as long as this one.

        Raises ``TrialSkipped`` once it builds a backbone in which no layer takes factors.
        """
        key = (rank, alpha, targets)
        if key not in self._low_rank:

            def build(weights: str) -> AnyBackbone:
                backbone = self.build(weights)
                add_factors(backbone.model, rank=rank, alpha=alpha, targets=targets)
                return backbone

            if len(self._low_rank) >= MOST_LOW_RANK:
                del self._low_rank[next(iter(self._low_rank))]
                gc.collect()
            engines = replace(self.engine_chooser)
            self._low_rank[key] = Workshop(build, self.assemble, self.cache_root, self.jit_chooser, engines)
        else:
            self._low_rank[key] = self._low_rank.pop(key)
        return self._low_rank[key]

    def reset(self, adapted: Adapted, seed: int, *, weights: str = "pretrained") -> None:
        """Sets the backbone's weights as before any fit, and the head from ``seed``.

        Args:
            adapted: What ``adapted`` gave.
            seed: Of the head, and of the whole network where ``weights`` is ``"random"``.
            weights: ``"pretrained"`` or ``"random"``.
        """
        self.backbone.model.set_weights(self._pretrained if weights == "pretrained" else self._random(seed))
        if adapted.head is not None:
            adapted.reset_head(seed)

    def predictor(self, model: Any) -> Predictor:
        """A compiled function for ``model``; the last few are kept, and their models with them."""
        from suite.training.predictor import Predictor

        kept = self._predictors.pop(id(model), None)
        if kept is None and len(self._predictors) >= MOST_PREDICTORS:
            self._forget(next(iter(self._predictors.values())).model)
        kept = self._predictors[id(model)] = kept or Predictor(model)
        return kept

    def features(self, examples: Examples, *, num_classes: int, fingerprint: str) -> Features:
        """Pooled features of the pretrained backbone."""
        adapted = self.adapted(num_classes=num_classes)
        self.backbone.model.set_weights(self._pretrained)
        keras, graph = self.predictor(adapted.features), self._graph(adapted, "features")
        chooser = self.engine_chooser
        return FeatureStore(self.cache_root).get(
            self.backbone,
            examples,
            fingerprint=fingerprint,
            asked=chooser.asked,
            choose=lambda inputs: chooser.choose(adapted.features, keras, inputs, graph=graph),
        )

    def prepare(
        self,
        adapted: Adapted,
        unfreeze: str | int,
        settings: OptimizerSettings,
        batches: Batches,
        *,
        epochs: int,
        planned_steps: int,
        jit: JitMode = "auto",
        objective: Objective | None = None,
        pruned: Pruned | None = None,
    ) -> Prepared:
        """A trainer whose trainable layers are those that ``unfreeze`` names; compiled once for each graph.

        Args:
            adapted: The model; its weights do not matter and are not changed.
            unfreeze: ``"all"``, ``"head"``, a number of stages from the top, a pattern of layer paths, or
                ``BIASES`` or ``LORA`` of ``suite.models.freezing``.
            settings: Of the optimizer.
            batches: Gives the shape of a batch.
            epochs: Length of a fit, for the averaging of batch-norm statistics.
            planned_steps: How many steps the cell will take, to weigh the cost of measuring XLA.
            jit: Whether XLA is measured and chosen, or decided already.
            objective: What is learned where it is not what the model's task says; equal ones share a step.
            pruned: Which of the trained weights get masks; None where nothing is pruned.
        """
        from suite.training.trainer import Trainer

        unfrozen = apply_trainable(self.backbone.model, self.backbone.stages, unfreeze)
        momentum = batch_norm_momentum(epochs * batches.steps)
        kind = unfreeze if unfreeze in (BIASES, LORA) else ""
        key = (id(adapted), kind, unfrozen, settings.graph, batches.size, momentum, jit, objective, pruned)
        if key in self._prepared:
            # Taken out and put back: what was used last goes last.
            prepared = self._prepared[key] = replace(self._prepared.pop(key), compile_seconds=0.0)
            prepared.trainer.use(settings)
            return prepared
        cap_batch_norm_momentum(self.backbone.model, momentum, self._momenta)
        first, started = next(batches.epoch(0)), time.perf_counter()
        # Images have one shape, which the first batch tells; lengths of texts are left open.
        open_lengths = batches.signature if isinstance(batches.examples.inputs, TokenRows) else None

        def trainer_of(compiled: bool) -> Trainer:
            return Trainer(
                adapted.logits,
                settings,
                objective=objective or adapted.objective,
                signature=open_lengths,
                masks=self._masks(pruned),
                jit_compile=compiled,
            )

        choice = self.jit_chooser.choose(
            trainer_of,
            adapted,
            first,
            graph=self._graph(adapted, f"{kind}{unfrozen}, {batches.size}{_further(objective, pruned)}"),
            planned_steps=planned_steps,
            mode=jit,
            one_shape=open_lengths is None,
        )
        trainer = trainer_of(choice.jit_compile)
        trainer.compile(first)
        prepared = Prepared(trainer, time.perf_counter() - started, choice, unfrozen)
        self._prepared[key] = prepared
        self._let_go_of_steps()
        return prepared

    def _let_go_of_steps(self) -> None:
        """Forgets the steps that were not used for longest: a search would keep one for each of its batch sizes."""
        numbers = [one.trainer.state_size for one in self._prepared.values()]
        gone = 0
        while len(numbers) - gone > MOST_STEPS or (len(numbers) - gone > 1 and sum(numbers[gone:]) > MOST_NUMBERS):
            del self._prepared[next(iter(self._prepared))]
            gone += 1
        if gone:
            gc.collect()

    def _graph(self, adapted: Adapted, rest: str) -> str:
        """What makes a compiled step the same as another, in words."""
        return f"{self.backbone.name}, {adapted.logits.count_params()} parameters, {self.backbone.input_size}, {rest}"

    def _masks(self, pruned: Pruned | None) -> Masks | None:
        from suite.training.pruning import Masks

        if pruned is None:
            return None
        return Masks(prunable_variables(self.backbone.model, embeddings=pruned == "kernels and embeddings"))

    def _random(self, seed: int) -> list[Any]:
        """Weights of a newly built backbone under ``seed``."""
        import keras

        keras.utils.set_random_seed(seed)
        weights: list[Any] = self.build("random").model.get_weights()
        return weights


def _further(objective: Objective | None, pruned: Pruned | None) -> str:
    """What makes a step unlike that of plain fine-tuning, in words; empty where nothing does."""
    taught = f", {objective}" if objective is not None else ""
    return taught + (f", pruned {pruned}" if pruned is not None else "")


def batch_norm_momentum(total_steps: int) -> float:
    """Largest momentum of moving statistics for a fit of so many steps.

    MobileNetV2 averages over 1,000 steps by default; a fit of 200 steps would be judged by the statistics
    that it started from.  A tenth of the fit, and at least 10 steps, is averaged instead.
    """
    return float(np.round(max(0.9, 1.0 - 10.0 / max(total_steps, 1)), 4))


def cap_batch_norm_momentum(model: Any, momentum: float, originals: dict[int, float]) -> None:
    """Sets every batch norm's momentum to its own or ``momentum``, whichever is lower.

    Args:
        model: Whose layers, nested ones too.
        momentum: The cap.
        originals: Each layer's own momentum by its ``id``, filled in the first time: a cap is for one fit, and must
            not be left to the longer one after it.
    """
    import keras

    for layer in model._flatten_layers():  # noqa: SLF001 - Keras has no public walk over nested layers
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(originals.setdefault(id(layer), layer.momentum), momentum)
