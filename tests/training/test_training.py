"""One fit: what a seed fixes, what a compiled step may be used for again, what ends it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from suite.data.batches import Batches, Examples
from suite.errors import TrialDiverged
from suite.store.records.result import EpochRecord


@pytest.fixture(scope="module")
def digits() -> Examples:
    """Three hundred real digits, enlarged to 16 pixels."""
    from sklearn.datasets import load_digits

    source = load_digits()
    images = np.repeat(np.repeat(source.images[:300], 2, axis=1), 2, axis=2) * 15
    rgb = np.repeat(images[..., None], 3, axis=3).astype(np.uint8)
    return Examples(inputs=rgb, targets=source.target[:300].astype(np.int64), ids=tuple(map(str, range(300))))


@pytest.fixture(scope="module")
def model():
    """A small convolutional network with batch normalisation and dropout."""
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, strides=2),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(10),
        ]
    )


@pytest.fixture
def trainer(model):
    """A trainer of the small network."""
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Trainer

    return Trainer(model, OptimizerSettings(weight_decay=0.01))


def _fit(trainer, start, batches, recipe) -> tuple[list[EpochRecord], list[np.ndarray]]:
    from suite.training.objective import CrossEntropy
    from suite.training.predictor import Predictor

    trainer.model.set_weights(start)
    predictor = Predictor(trainer.model)
    fitted = trainer.fit(
        batches, lambda: CrossEntropy().validate(lambda _: predictor, trainer.model, batches.examples), recipe
    )
    return list(fitted.history), trainer.model.get_weights()


def test_the_same_seed_gives_the_same_weights_after_another_fit_in_between(model, trainer, digits):
    """A warm trainer forgets everything between fits, random states included."""
    from suite.training.trainer import Recipe

    start, recipe = model.get_weights(), Recipe(epochs=2, learning_rate=1e-2)
    first = _fit(trainer, start, Batches(digits, 32, seed=1), recipe)[1]
    _fit(trainer, start, Batches(digits, 32, seed=2), Recipe(epochs=1, learning_rate=1e-3))
    again = _fit(trainer, start, Batches(digits, 32, seed=1), recipe)[1]
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_compiling_changes_no_weight(model, trainer, digits):
    """The step that is run to compile it leaves the model as it was."""
    before = model.get_weights()
    trainer.compile(next(Batches(digits, 32, seed=1).epoch(0)))
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))


def test_training_lowers_the_loss_and_keeps_the_best_epoch(model, trainer, digits):
    """The weights that remain are those of the best validation score."""
    from suite.training.objective import CrossEntropy
    from suite.training.predictor import Predictor
    from suite.training.trainer import Recipe

    history, _ = _fit(trainer, model.get_weights(), Batches(digits, 32, seed=1), Recipe(epochs=4, learning_rate=1e-2))
    assert history[-1].train_loss < history[0].train_loss
    kept = CrossEntropy().validate(Predictor, model, digits)
    assert kept.score == max(record.validation_score for record in history)


def test_patience_ends_a_fit_that_does_not_get_better(trainer, model, digits):
    """With a score that never rises, a fit ends after ``patience`` further epochs."""
    from suite.training.objective import Validation
    from suite.training.trainer import Recipe

    trainer.model.set_weights(model.get_weights())
    fitted = trainer.fit(
        Batches(digits, 32, seed=1), lambda: Validation(1.0, 0.5), Recipe(epochs=9, learning_rate=1e-3, patience=2)
    )
    assert (fitted.best_epoch, len(fitted.history)) == (1, 3)


def test_a_loss_that_is_no_number_ends_the_fit(model, trainer, digits):
    """Weights that are not finite give a diverged trial that names the learning rate."""
    from suite.training.objective import Validation
    from suite.training.trainer import Recipe

    kept = model.get_weights()
    model.set_weights([np.full_like(weight, np.nan) for weight in kept])
    with pytest.raises(TrialDiverged, match=r"epoch 1 at learning rate 0\.001"):
        trainer.fit(Batches(digits, 32, seed=1), lambda: Validation(0, 0), Recipe(epochs=2, learning_rate=1e-3))
    model.set_weights(kept)


def test_the_learning_rate_rises_and_falls_to_zero(trainer, model, digits):
    """Linear warm-up to the peak, cosine to 0 at the last step."""
    schedule = trainer.schedule
    schedule.set(1.0, 100, 10)
    rates = [float(schedule(step)) for step in (0, 9, 10, 55, 100)]
    assert np.allclose(rates, [0.1, 1.0, 1.0, 0.5, 0.0], atol=1e-6)


def test_the_loop_agrees_with_keras_fit(model, digits):
    """Without dropout and shuffling the step gives the weights of ``Model.fit`` with the same optimizer."""
    import keras

    from suite.training.objective import Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Recipe, Trainer

    keras.utils.set_random_seed(1)
    ours = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    theirs = keras.models.clone_model(ours)
    theirs.set_weights(ours.get_weights())
    batches = Batches(digits, 300, seed=1)
    trainer = Trainer(ours, OptimizerSettings(name="sgd"))
    trainer.fit(batches, lambda: Validation(0.0, 1.0), Recipe(epochs=1, learning_rate=1e-4, warmup_fraction=0.0))
    theirs.compile(
        keras.optimizers.SGD(1e-4, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    images, targets = next(batches.epoch(1))
    theirs.fit(images.astype("float32"), targets, epochs=1, batch_size=300, shuffle=False, verbose=0)
    pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
    assert all(np.allclose(one, other, atol=1e-6) for one, other in pairs)


def test_layer_multipliers_slow_the_named_variables(digits):
    """A multiplier of 0 leaves a variable where it was while the others move."""
    import keras

    from suite.training.objective import Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Recipe, Trainer

    net = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(4), keras.layers.Dense(10)]
    )
    slow = net.layers[1].kernel
    before = slow.numpy()
    trainer = Trainer(net, OptimizerSettings(name="adam", multipliers=((slow.path, 0.0),)))
    trainer.fit(Batches(digits, 32, seed=1), lambda: Validation(0.0, 1.0), Recipe(epochs=1, learning_rate=1e-2))
    assert np.array_equal(before, slow.numpy())
    assert not np.array_equal(net.layers[2].bias.numpy(), np.zeros(10))


def test_layer_multipliers_slow_the_decay_too(digits):
    """A layer that does not learn does not shrink either, as in timm, BEiT and ELECTRA."""
    import keras

    from suite.training.objective import Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Recipe, Trainer

    net = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    kernel = net.layers[1].kernel
    before = kernel.numpy()
    for multiplier, shrunk in ((0.0, 0.0), (0.5, 0.5)):
        kernel.assign(before)
        settings = OptimizerSettings("sgd", 1.0, ((kernel.path, multiplier),))
        trainer = Trainer(net, settings, objective=_Nothing())
        batches = Batches(digits, 300, seed=1)
        trainer.fit(batches, lambda: Validation(0.0, 1.0), Recipe(1, 0.1, warmup_fraction=0.0))
        assert np.allclose(kernel.numpy(), before * (1 - 0.1 * shrunk), rtol=1e-5)


def test_a_multiplier_of_the_rate_alone_leaves_the_decay(digits):
    """The embedding of a pretraining learns faster and does not shrink faster: that is how the zoo was made."""
    import keras

    from suite.training.objective import Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Recipe, Trainer

    net = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    kernel = net.layers[1].kernel
    before = kernel.numpy()
    settings = OptimizerSettings("sgd", 1.0, ((kernel.path, 5.0),), multiplies_decay=False)
    trainer = Trainer(net, settings, objective=_Nothing())
    trainer.fit(Batches(digits, 300, seed=1), lambda: Validation(0.0, 1.0), Recipe(1, 0.1, warmup_fraction=0.0))
    assert np.allclose(kernel.numpy(), before * 0.9, rtol=1e-5)


def test_one_step_serves_every_decay_and_smoothing(digits):
    """They are variables: what is learned with one is what a step that was compiled for it learns."""
    import keras

    from suite.training.objective import Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Recipe, Trainer

    net = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(10)])
    start = net.get_weights()
    several = [OptimizerSettings("adamw", decay, (), smoothing) for decay, smoothing in ((0.1, 0.1), (2.0, 0.3))]
    trainer = Trainer(net, several[0])

    def learned(by: Trainer) -> np.ndarray:
        net.set_weights(start)
        by.fit(Batches(digits, 100, seed=1), lambda: Validation(0.0, 1.0), Recipe(2, 0.01))
        return net.get_weights()[0]

    first = learned(trainer)
    trainer.use(several[1])
    assert not np.array_equal(first, learned(trainer))
    assert np.array_equal(learned(trainer), learned(Trainer(net, several[1])))
    with pytest.raises(ValueError, match="cannot serve"):
        trainer.use(OptimizerSettings("sgd", 0.1, (), 0.1))


def test_label_smoothing_is_that_of_keras():
    """The loss of a step with smoothing as a variable is Keras's own of the same smoothing."""
    import keras

    from suite.training.objective import CrossEntropy

    logits, targets = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32), np.arange(6) % 4
    model = keras.Sequential([keras.Input((4,)), keras.layers.Identity()])
    of = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2, reduction=None)
    smoothing = keras.Variable(0.2).value
    ours = CrossEntropy().losses(model, logits, keras.ops.convert_to_tensor(targets), label_smoothing=smoothing).loss
    assert np.allclose(ours, of(np.eye(4)[targets], logits), atol=1e-6)


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_validation_loss_that_is_no_number_ends_the_fit(trainer, digits, loss):
    """A model may be lost in its last steps, which the mean training loss does not show."""
    from suite.training.objective import Validation
    from suite.training.trainer import Recipe

    with pytest.raises(TrialDiverged, match=r"validation loss is (nan|inf) in epoch 1"):
        trainer.fit(Batches(digits, 32, seed=1), lambda: Validation(float(loss), 0.5), Recipe(2, 1e-3))


class _Nothing:
    """An objective whose gradient is zero, so that only the decay moves a weight."""

    def losses(self, model, inputs, targets, *, label_smoothing):
        from suite.training.objective import Losses

        nothing = 0.0 * model(inputs, training=True)[:, 0]
        return Losses(nothing, nothing, nothing + 1.0)


@pytest.mark.parametrize("headline", ["log_loss", "balanced_accuracy", "f1_macro", "roc_auc"])
def test_the_best_epoch_is_the_best_by_the_headline(trainer, digits, headline):
    """Two epochs: the first is right more often, the second is better by everything else."""
    from suite.metrics.validation_score import Judge
    from suite.training.objective import CrossEntropy
    from suite.training.trainer import Recipe

    targets = np.array([0] * 8 + [1] * 2)
    right_more_often = np.array([[3.0, 0.0]] * 8 + [[9.0, 0.0], [9.0, -1.0]])
    fair = np.array([[1.0, 0.0]] * 5 + [[0.0, 0.4]] * 3 + [[0.0, 1.0]] * 2)
    examples = Examples(digits.inputs[:10], targets, tuple(map(str, range(10))))

    def best_by(judge: Judge | None) -> tuple[int, float | None]:
        epochs = iter([right_more_often, fair])
        validate = CrossEntropy().validate
        predict = lambda _: lambda _: next(epochs)  # noqa: E731
        fitted = trainer.fit(
            Batches(digits, 150, seed=1), lambda: validate(predict, None, examples, judge), Recipe(2, 1e-3)
        )
        return fitted.best_epoch, fitted.history[1].validation_headline

    assert best_by(None)[0] == best_by(Judge.by("accuracy", ("a", "b")))[0] == 1
    epoch, score = best_by(Judge.by(headline, ("a", "b")))
    assert epoch == 2
    assert score is not None


def test_a_token_that_is_there_twice_is_one_step_of_adam():
    """Of an embedding too, a step is that of the summed gradient (Kingma and Ba 2015, algorithm 1)."""
    import keras
    import tensorflow as tf

    from suite.training.optimizer import OptimizerSettings
    from suite.training.trainer import Trainer

    keras.utils.set_random_seed(0)
    inputs = {"tokens": keras.Input((3,), dtype="int32", name="tokens")}
    table, head = keras.layers.Embedding(5, 1, embeddings_initializer="ones"), keras.layers.Dense(2)
    model = keras.Model(inputs, head(keras.layers.Flatten()(table(inputs["tokens"]))))
    trainer = Trainer(model, OptimizerSettings("adam"))
    trainer.schedule.set(0.1, 10, 0)
    tokens, classes = np.array([[1, 1, 2], [1, 3, 3]], np.int32), np.array([0, 1])
    kernel = head.kernel.numpy().astype(np.float64)
    shares = np.exp(kernel.sum(axis=0)) / np.exp(kernel.sum(axis=0)).sum()
    gradient = np.zeros(5)
    for row, of_class in zip(tokens, classes, strict=True):
        np.add.at(gradient, row, kernel @ (shares - np.eye(2)[of_class]) / len(tokens))
    trainer._step({"tokens": tf.constant(tokens)}, tf.constant(classes))
    moved = table.embeddings.numpy().ravel() - 1.0
    velocity = next(one for one in trainer.optimizer._velocities if one.shape == (5, 1)).numpy().ravel()
    assert np.allclose(velocity, 0.001 * gradient**2, rtol=1e-4, atol=1e-12)
    assert np.allclose(moved[[1, 2, 3]], -0.1 * np.sign(gradient[[1, 2, 3]]), rtol=1e-3)
    assert np.array_equal(moved[[0, 4]], [0.0, 0.0])


def test_predictions_do_not_depend_on_the_size_of_the_batch(model, digits):
    """The last batch is filled up and cut; every image is there once."""
    from suite.training.predictor import Predictor

    assert np.allclose(Predictor(model, 7)(digits.inputs[:40]), Predictor(model, 64)(digits.inputs[:40]), atol=1e-5)


def test_batches_cover_all_examples_once_in_an_order_of_seed_and_epoch(digits):
    """An epoch is a permutation; the same seed and epoch repeat it, another epoch does not."""
    batches = Batches(digits, 50, seed=3)
    epochs = [np.concatenate([targets for _, targets in batches.epoch(epoch)]) for epoch in (1, 1, 2)]
    assert sorted(epochs[0]) == sorted(digits.targets)
    assert np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], epochs[2])


def test_a_fit_lets_go_of_its_examples(trainer, digits):
    """Images are mapped from files, and a worker that kept those of every fit would run out of file handles."""
    from suite.training.trainer import Recipe

    batches = Batches(digits.some(np.arange(64)), 32, seed=1)
    kept = weakref.ref(batches.examples)
    _fit(trainer, trainer.model.get_weights(), batches, Recipe(epochs=1, learning_rate=1e-3))
    del batches
    gc.collect()
    assert kept() is None


def test_slow_batch_norm_statistics_are_measured_anew(digits):
    """A network that is at chance in inference mode, since its statistics lag, is as good as in training mode."""
    import keras

    from suite.training.batch_norm import refresh_batch_norm
    from suite.training.objective import CrossEntropy, Validation
    from suite.training.optimizer import OptimizerSettings
    from suite.training.predictor import Predictor
    from suite.training.trainer import Recipe, Trainer

    keras.utils.set_random_seed(0)
    layers = [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(32)]
    net = keras.Sequential([*layers, keras.layers.BatchNormalization(momentum=0.9999), keras.layers.Dense(10)])
    batches = Batches(digits, 50, seed=1)
    Trainer(net, OptimizerSettings()).fit(batches, lambda: Validation(0.0, 1.0), Recipe(epochs=8, learning_rate=1e-2))
    before = CrossEntropy().validate(Predictor, net, digits).loss
    assert refresh_batch_norm(net, batches, trained_steps=8 * batches.steps)
    after = CrossEntropy().validate(Predictor, net, digits)
    assert after.loss < before
    assert after.score > 0.9


def test_fast_batch_norm_statistics_are_left_alone(model, digits):
    """Where nothing of the initial statistics is left, not a weight is touched."""
    from suite.training.batch_norm import refresh_batch_norm

    before = model.get_weights()
    assert not refresh_batch_norm(model, Batches(digits, 50, seed=1), trained_steps=5000)
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
