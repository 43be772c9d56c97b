"""Pruning: the schedule, the masks that hold, and what is told of a pruned model."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite.errors import SpecError
from suite.spec.spec import parse_spec
from suite.strategies.prune import Prune, PruneOptions


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A maker of contexts that share one warm workshop."""
    from small_workshop import contexts, workshop

    return contexts(workshop(tmp_path_factory.mktemp("cache")))


def options(**changes) -> PruneOptions:
    """Options as a spec would give them."""
    return PruneOptions.model_validate_json(json.dumps({"jit": "off", "sparsity": 0.8, **changes}))


def kernels(model) -> list[np.ndarray]:
    """The kernels of the convolutions, but for the one that reads the image and the depthwise ones."""
    found = [variable.numpy() for variable in model.variables if variable.name == "kernel" and len(variable.shape) == 4]
    return [kernel for kernel in found if kernel.shape[-2] != 3 and kernel.shape[-1] != 1]


@settings(deadline=None)  # the first example waits for the import of TensorFlow
@given(
    final=st.floats(0.01, 0.99),
    total=st.integers(2, 5000),
    start=st.floats(0.0, 0.8),
    length=st.floats(0.01, 0.2),
    updates=st.integers(1, 50),
)
def test_the_schedule_is_that_of_the_paper(final, total, start, length, updates):
    """It rises by the cubic formula, never falls, and ends at the final share after its last update."""
    from suite.training.pruning import SparsitySchedule

    schedule = SparsitySchedule.of(final, start=start, end=start + length, updates=updates, total_steps=total)
    assert 0 <= schedule.begin < schedule.end <= total
    assert max(schedule.steps) == schedule.end
    assert min(schedule.steps) > schedule.begin
    assert schedule.at(schedule.begin) == 0.0
    assert schedule.at(schedule.end) == pytest.approx(final)
    assert schedule.at(total) == pytest.approx(final)
    shares = [schedule.at(step) for step in range(schedule.begin, schedule.end + 1)]
    assert shares == sorted(shares)
    for step in schedule.steps:
        progress = (step - schedule.begin) / (schedule.end - schedule.begin)
        assert schedule.at(step) == pytest.approx(final + (0.0 - final) * (1 - progress) ** 3)


def test_masks_prune_the_smallest_and_keep_what_is_pruned():
    """The smallest magnitudes go first, also where others have shrunk since, and a held weight is exactly +0."""
    import keras

    from suite.training.pruning import Masks

    variable = keras.Variable(np.array([[0.1, -0.5], [3.0, -0.2]], np.float32))
    masks = Masks([variable])
    masks.prune(0.5)
    assert variable.numpy().tolist() == [[0.0, -0.5], [3.0, 0.0]]
    variable.assign([[9.0, -0.5], [0.001, -9.0]])
    masks.hold()
    assert variable.numpy().tolist() == [[0.0, -0.5], [np.float32(0.001), 0.0]]
    assert not np.signbit(variable.numpy()[1, 1])
    masks.prune(0.75)
    assert variable.numpy().tolist() == [[0.0, -0.5], [0.0, 0.0]]


def test_the_sparsity_is_reached_exactly_and_survives_saving(context, tmp_path):
    """Each kernel has exactly the share of zeros that was asked for, in the saved file too."""
    import keras

    fit = Prune.fit(context(epochs=3), options())
    fit.adapted.deployed().save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    found = kernels(loaded)
    assert len(found) == fit.sparsity.kernels == 2
    assert [int((kernel == 0).sum()) for kernel in found] == [round(0.8 * kernel.size) for kernel in found]
    assert fit.sparsity.pruned == sum(round(0.8 * kernel.size) for kernel in found)
    assert fit.sparsity.prunable == sum(kernel.size for kernel in found)
    assert fit.sparsity.parameters == loaded.count_params()


def test_masks_hold_inside_a_step_that_xla_compiled(tmp_path):
    """The share of zeros is as exact with XLA as without."""
    from small_workshop import WITHOUT_MAX_POOLING, contexts, workshop

    context = contexts(workshop(tmp_path, WITHOUT_MAX_POOLING), WITHOUT_MAX_POOLING.input_size)
    fit = Prune.fit(context(epochs=2), options(jit="on"))
    assert fit.jit_compile
    found = kernels(fit.adapted.logits)
    assert len(found) == fit.sparsity.kernels == 13
    assert [int((kernel == 0).sum()) for kernel in found] == [round(0.8 * kernel.size) for kernel in found]


def test_the_head_and_the_first_convolution_stay_dense(context):
    """What is small and matters is left alone."""
    fit = Prune.fit(context(epochs=1), options(sparsity=0.9))
    dense = [v.numpy() for v in fit.adapted.logits.variables if v.name == "kernel" and v.shape[-2] == 3]
    assert all(np.count_nonzero(kernel) == kernel.size for kernel in [*dense, fit.adapted.head.kernel.numpy()])


def test_only_epochs_at_the_final_sparsity_are_kept(context):
    """An early epoch that is still dense is never the best, however well it does."""
    fit = Prune.fit(context(epochs=4), options(sparsity=0.98, start=0.0, end=0.7, learning_rate=3e-3))
    assert fit.best_epoch >= 3  # 24 steps, the last update after the 16th, in epoch 3
    assert fit.sparsity.pruned == sum(round(0.98 * kernel.size) for kernel in kernels(fit.adapted.logits))


def test_packing_is_told_beside_what_packing_alone_gives(context):
    """Zeros take as much room as other numbers until they are packed."""
    fit = Prune.fit(context(epochs=1), options(sparsity=0.9))
    dense = sum(weight.nbytes for weight in fit.adapted.logits.get_weights())
    assert fit.sparsity.bytes == dense
    assert fit.sparsity.gzip_bytes < 0.6 * fit.sparsity.dense_gzip_bytes < 0.6 * dense


def test_a_fit_that_is_stopped_early_says_that_it_is_not_as_sparse(context):
    """The short fit of a funnel ends before its schedule does."""
    from suite.spec.search.pruning import Stop

    stopped = dataclasses.replace(context(epochs=8), watch=Stop(1))
    fit = Prune.fit(stopped, options())
    assert fit.sparsity.pruned < 0.5 * fit.sparsity.prunable
    assert "final sparsity" in fit.notes[0]


def test_a_seed_repeats_a_pruned_fit_also_after_another(context):
    """Masks are cleared before each fit."""
    first = Prune.fit(context(seed=3), options()).adapted.deployed().get_weights()
    Prune.fit(context(seed=4), options())
    again = Prune.fit(context(seed=3), options()).adapted.deployed().get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_depthwise_kernels_stay_dense_and_embeddings_are_a_choice():
    """Of a mobile network the pointwise kernels are pruned; of a language model the token table only if wanted."""
    import keras

    from suite.models.sparsity import prunable_variables

    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="stem")(image)
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(x)
    network = keras.Model(image, keras.layers.Conv2D(8, 1, name="pointwise")(x))
    assert [variable.path for variable in prunable_variables(network, embeddings=True)] == ["pointwise/kernel"]
    tokens = keras.Input((4,), dtype="int32")
    x = keras.layers.Embedding(10, 4, name="tokens")(tokens)
    language = keras.Model(tokens, keras.layers.Dense(3, name="dense")(x))
    assert [v.path for v in prunable_variables(language, embeddings=True)] == ["tokens/embeddings", "dense/kernel"]
    assert [v.path for v in prunable_variables(language, embeddings=False)] == ["dense/kernel"]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"start": 0.6, "end": 0.5}, "'start' below 'end'"),
        ({"unfreeze": "head"}, "nothing to prune"),
        ({"sparsity": 1.0}, "less than 1"),
        ({"sparsty": 0.5}, "sparsity"),
    ],
)
def test_what_cannot_be_pruned_is_refused_before_anything_runs(own, expected):
    """With the place in the spec."""
    document = {
        "name": "pruned",
        "task": "image_classification",
        "models": [{"source": "zoo", "name": "vgg_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "prune", **own}],
    }
    with pytest.raises(SpecError, match=expected):
        parse_spec(json.dumps(document))
