"""Strategies: what each adapts, that a seed repeats it, and that none of them sees the test split."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.errors import SpecError, SuiteError
from suite.registry import STRATEGIES
from suite.strategies.fit import TeacherAnswers
from suite.strategies.gradual_unfreeze import split_epochs

OPTIONS: dict[str, dict[str, object]] = {
    "bitfit": {"jit": "off"},
    "distill": {"teacher": "teacher", "jit": "off"},
    "fine_tune": {"unfreeze": "all", "jit": "off"},
    "from_scratch": {"jit": "off"},
    "gradual_unfreeze": {"jit": "off"},
    "knn": {},
    "linear_probe": {"strengths": 20},
    "lora": {"targets": ["*conv*"], "jit": "off"},
    "prune": {"jit": "off"},
}


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A maker of contexts that share one warm workshop."""
    from small_workshop import contexts, workshop

    return contexts(workshop(tmp_path_factory.mktemp("cache")))


def _fit(name, context, **changes):
    strategy = STRATEGIES.get(name)
    options = strategy.Options.model_validate_json(json.dumps({**OPTIONS[name], **changes}))
    if name == "distill":
        answers = np.random.default_rng(0).normal(size=(len(context.train), context.num_classes)).astype(np.float32)
        context = replace(context, teacher=TeacherAnswers("t", "teacher", "knn", 0.5, answers))
    return strategy.fit(context, options)


def _score(fit, context) -> float:
    return fit.adapted.objective.validate(context.workshop.predictor, fit.adapted.logits, context.validation).score


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_a_strategy_gives_a_keras_model_that_saves_loads_and_predicts_the_same(name, context, tmp_path):
    """Whatever the strategy, the result is one Keras model from raw images to probabilities."""
    import keras

    one = context()
    fit = _fit(name, one)
    model = fit.adapted.deployed()
    images = one.validation.inputs[:8].astype("float32")
    before = np.asarray(model(images))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert np.allclose(before, np.asarray(loaded(images)), atol=1e-6)
    assert np.allclose(before.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_a_seed_repeats_a_fit_to_the_last_digit_also_after_others(name, context):
    """A fit in a warm workshop depends on its own seed alone."""
    first = _fit(name, context(seed=3)).adapted.deployed().get_weights()
    _fit("fine_tune", context(seed=4))
    again = _fit(name, context(seed=3)).adapted.deployed().get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_two_seeds_of_fine_tuning_differ(context):
    """Order and head depend on the seed."""
    one, other = (_fit("fine_tune", context(seed=seed)).history[-1].train_loss for seed in (1, 2))
    assert one != other


def test_the_probe_learns_the_digits_from_random_features(context):
    """Logistic regression on random convolutional features reads plain digits well above chance."""
    one = context()
    assert _score(_fit("linear_probe", one), one) > 0.7


def test_the_probe_agrees_with_scikit_learn_on_the_same_problem():
    """The last point of the path is the optimum that scikit-learn finds from a cold start."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from suite.strategies.linear_probe import LinearProbeOptions, fit_probe

    features, targets = load_digits(return_X_y=True)
    features = features.astype(np.float32)
    options = LinearProbeOptions(weakest=1e-2, strongest=1e-2, max_iterations=2000)
    probe = fit_probe(
        features[:900],
        targets[:900],
        features[900:1200],
        targets[900:1200],
        num_classes=10,
        options=options,
        refit=True,
    )
    scaler = StandardScaler().fit(features[:900])
    peer = LogisticRegression(C=1 / (1e-2 * 1200), max_iter=2000, tol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.fit(scaler.transform(features[:1200]), targets[:1200])
    ours = features[1200:] @ probe.kernel + probe.bias
    theirs = peer.decision_function(scaler.transform(features[1200:]))
    assert np.abs(_softmax(ours) - _softmax(theirs)).max() < 0.02


def test_two_classes_give_two_logits_with_the_right_probabilities():
    """scikit-learn has one logit for two classes; the head has two."""
    from suite.strategies.linear_probe import LinearProbeOptions, fit_probe

    generator = np.random.default_rng(0)
    targets = np.arange(200) % 2
    features = (generator.normal(size=(200, 3)) + targets[:, None] * 2).astype(np.float32)
    probe = fit_probe(
        features[:150], targets[:150], features[150:], targets[150:], num_classes=2, options=LinearProbeOptions()
    )
    assert probe.kernel.shape == (3, 2)
    assert np.mean((features @ probe.kernel + probe.bias).argmax(axis=1) == targets) > 0.9


def test_the_probe_tries_every_strength_and_keeps_the_best_on_validation(context):
    """The ledger has one line for each strength and the choice is its maximum."""
    fit = _fit("linear_probe", context(), strengths=22)
    scores = [candidate.validation_score for candidate in fit.candidates]
    chosen = next(c for c in fit.candidates if c.hyperparameters["strength"] == fit.hyperparameters["strength"])
    assert len(scores) == 22
    assert chosen.validation_score == max(scores)


def test_neighbours_vote_like_scikit_learn(context):
    """The Keras model's classes are those of a brute-force search by cosine."""
    from sklearn.neighbors import KNeighborsClassifier

    one = context()
    fit = _fit("knn", one, neighbours=[1])
    train, validation = one.features(one.train).values, one.features(one.validation).values
    peer = KNeighborsClassifier(1, metric="cosine").fit(train, one.train.targets)
    ours = one.workshop.predictor(fit.adapted.logits)(one.validation.inputs).argmax(axis=1)
    assert np.mean(ours == peer.predict(validation)) > 0.98


def test_the_last_stage_alone_leaves_the_others_as_they_were(context):
    """Frozen stages keep their weights, the unfrozen one and the head move."""
    one = context()
    before = {v.path: v.numpy() for v in _reset(one).model.variables}
    fit = _fit("fine_tune", one, unfreeze=1)
    after = {v.path: v.numpy() for v in fit.adapted.backbone.model.variables}
    moved = {path for path in before if not np.array_equal(before[path], after[path])}
    assert moved
    assert all("block3" in path for path in moved)


def test_the_head_alone_leaves_the_backbone_as_it_was(context):
    """``unfreeze: head`` trains no layer of the backbone."""
    one = context()
    before = _reset(one).model.get_weights()
    fit = _fit("fine_tune", one, unfreeze="head")
    assert all(np.array_equal(a, b) for a, b in zip(before, fit.adapted.backbone.model.get_weights(), strict=True))
    assert fit.trainable_parameters == 24 * 10 + 10


def test_head_first_starts_from_the_probe(context):
    """LP-FT begins where the probe ended, so its first epoch beats that of a random head."""
    plain = _fit("fine_tune", context(), learning_rate=1e-4).history[0]
    first = _fit("fine_tune", context(), learning_rate=1e-4, head_first=True).history[0]
    assert first.validation_score > plain.validation_score


def test_layer_decay_trains_the_stem_less(context):
    """With a factor of 0.1 for each stage the first block moves far less than without."""
    one = context()
    start = _reset(one).model.get_weights()[0]
    moved = [
        np.abs(_fit("fine_tune", one, layer_decay=decay).adapted.backbone.model.get_weights()[0] - start).max()
        for decay in (1.0, 0.1)
    ]
    assert moved[1] < 0.2 * moved[0]


def test_from_scratch_does_not_start_from_the_pretrained_weights(context):
    """Another seed gives another network, and neither is the pretrained one."""
    fits = [_fit("from_scratch", context(seed=seed)).adapted.backbone.model.get_weights()[0] for seed in (1, 2)]
    assert not np.allclose(fits[0], fits[1])


def test_a_second_fit_of_the_same_graph_compiles_nothing(context):
    """Warm trials of a cell, and strategies that train the same layers, share one compiled step."""
    _fit("fine_tune", context())
    assert _fit("fine_tune", context(seed=2)).compile_seconds == 0
    assert _fit("from_scratch", context(seed=2)).compile_seconds == 0


def test_xla_is_measured_once_and_the_choice_is_kept(tmp_path):
    """The reason names times, or what XLA cannot do; a second workshop reads the choice from the cache."""
    from small_workshop import contexts, workshop

    def reason() -> str:
        one = contexts(workshop(tmp_path))()
        long = type(one)(**{**vars(one), "planned_fits": 1000})
        return _fit("fine_tune", long, unfreeze="head", jit="auto").jit_reason

    first = reason()
    assert "XLA" in first
    assert list(Path(tmp_path / "jit").glob("*.choice"))
    assert reason() == first


@given(epochs=st.integers(1, 50), stages=st.integers(1, 12))
def test_gradual_phases_use_every_epoch_and_end_with_all_stages(epochs, stages):
    """Phases unfreeze more and more, their epochs add up, the last one trains everything."""
    phases = split_epochs(epochs, stages)
    depths = [depth for depth, _ in phases]
    assert sum(length for _, length in phases) == epochs
    assert depths == sorted(set(depths))
    assert depths[-1] == stages


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fine_tune", {"unfreez": 1}, "Did you mean 'unfreeze'"),
        ("fine_tune", {"unfreeze": 0}, "greater than or equal to 1"),
        ("fine_tune", {"unfreeze": "re:("}, "not a regular expression"),
        ("fine_tune", {"augmentation": ["flop"]}, "Did you mean 'flip'"),
        ("fine_tune", {"learning_rate": -1.0}, "greater than 0"),
        ("linear_probe", {"strengths": 3}, "greater than or equal to 20"),
        ("knn", {"neighbours": []}, "at least 1 entry"),
        ("knn", {"epochs": 3}, "unknown key 'epochs'"),
    ],
)
def test_a_wrong_option_is_named_with_what_was_expected(name, options, message):
    """Options are refused before anything runs."""
    from suite.spec.spec import resolve_options

    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        resolve_options(STRATEGIES.get(name), options, place="spec.json", at="strategies[0]")


def test_a_pattern_that_matches_nothing_names_the_stages(context):
    """The layers are known only when the model is there; the error still tells what there is."""
    with pytest.raises(SuiteError, match="block1"):
        _fit("fine_tune", context(), unfreeze="*blokc9*")


def _reset(one):
    """The backbone with its pretrained weights."""
    one.workshop.reset(one.workshop.adapted(num_classes=one.num_classes), 0)
    return one.workshop.backbone


def _softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_balanced_probe_is_that_of_scikit_learn_with_balanced_weights(monkeypatch, pieces, classes):
    """In memory and in pieces, of two classes and of more."""
    from sklearn.linear_model import LogisticRegression

    from suite.strategies import linear_probe
    from suite.strategies.linear_probe import LinearProbeOptions, fit_probe

    monkeypatch.setattr(linear_probe, "LARGE_FEATURES", 0 if pieces else 10**9)
    generator = np.random.default_rng(0)
    targets = np.minimum(generator.geometric(0.8, 600) - 1, classes - 1)
    features = (generator.normal(size=(600, 4)) + targets[:, None] * 0.7).astype(np.float32)
    options = LinearProbeOptions(weakest=1e-2, strongest=1e-2, max_iterations=2000, class_weights="balanced")
    split = features[:350], targets[:350], features[350:], targets[350:]
    probe = fit_probe(*split, num_classes=classes, options=options)
    mean, deviation = features[:350].mean(axis=0), features[:350].std(axis=0)
    peer = LogisticRegression(C=1 / (1e-2 * 350), max_iter=2000, tol=1e-8, class_weight="balanced")
    peer.fit((features[:350] - mean) / deviation, targets[:350])
    theirs = peer.predict_proba((features[350:] - mean) / deviation)
    assert np.abs(_softmax(features[350:] @ probe.kernel + probe.bias) - theirs).max() < 0.01


def test_a_balanced_step_weighs_each_example_by_its_class():
    """The loss is Keras's own with class weights, and what counts as right is not weighed."""
    import keras

    from suite.training.objective import CrossEntropy

    generator = np.random.default_rng(0)
    logits, targets = generator.normal(size=(8, 3)).astype(np.float32), generator.integers(0, 3, 8)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, inputs)
    plain, weighed = (
        one.losses(model, logits, keras.ops.convert_to_tensor(targets), label_smoothing=0)
        for one in (CrossEntropy(), CrossEntropy(class_weights=(0.5, 2.0, 3.0)))
    )
    weights = np.array([0.5, 2.0, 3.0])[targets]
    assert np.allclose(np.asarray(weighed.loss), np.asarray(plain.loss) * weights, atol=1e-6)
    assert np.array_equal(np.asarray(weighed.score), np.asarray(plain.score))
    assert np.array_equal(np.asarray(weighed.count), np.ones(8))


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_strategy_takes_class_weights(name, context):
    """On classes of different sizes the fit is another one, and the small class is named more often or as often."""
    one = context()
    counts = np.bincount(one.train.targets)
    keep = np.concatenate(
        [np.flatnonzero(one.train.targets == c)[: max(2, counts[c] // (6 if c else 1))] for c in range(one.num_classes)]
    )
    uneven = replace(one, train=one.train.some(np.sort(keep)))
    said = []
    for weights in (None, "balanced"):
        fit = _fit(name, uneven, class_weights=weights)
        said.append(np.asarray(one.workshop.predictor(fit.adapted.logits)(one.validation.inputs)))
    assert not np.allclose(said[0], said[1])
    assert (said[1].argmax(axis=1) == 0).sum() <= (said[0].argmax(axis=1) == 0).sum()


def test_the_name_of_a_cell_tells_its_class_weights():
    """Two variants of one strategy are two cells with two names; where nothing has classes the cell is skipped."""
    from suite.spec.plan import make_plan
    from suite.spec.spec import parse_spec

    document = {
        "name": "made", "task": "image_classification", "models": [{"source": "zoo", "name": "vit_tiny"}],
        "datasets": [{"source": "sklearn", "name": "digits"}],
        "strategies": [{"strategy": "linear_probe"}, {"strategy": "linear_probe", "class_weights": "balanced"}],
    }  # fmt: skip
    plan = make_plan(parse_spec(json.dumps(document)))
    assert [cell.labels[2] for cell in plan.cells] == ["linear_probe", "linear_probe, class weights"]
    texts = {
        "task": "text_generation", "models": [{"source": "zoo", "name": "gpt2_tiny"}],
        "datasets": [{"source": "api_docs", "name": "summaries"}],
        "strategies": [{"strategy": "fine_tune", "class_weights": "balanced"}, {"strategy": "fine_tune"}],
    }  # fmt: skip
    skipped = make_plan(parse_spec(json.dumps({**document, **texts}))).skips
    assert [one.reason for one in skipped] == ["'class_weights' weigh classes, and text_generation has no classes"]
