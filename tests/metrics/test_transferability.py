"""Transferability estimators against their published formulas, written out naively, and in cases without an answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, ortho_group
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture

from suite.metrics.transferability import Examples, MissingScore, estimator
from suite.metrics.transferability.h_score import shrinkage
from suite.metrics.transferability.knn import NEIGHBOURS
from suite.metrics.transferability.linear_probe import STRENGTHS
from suite.metrics.transferability.n_leep import clusters, principal_components
from suite.metrics.transferability.noise import jackknife_half_width, wilson
from suite.metrics.transferability.spectrum import spectrum
from suite.registry import TRANSFERABILITY

CASES = [(40, 5, 2), (60, 12, 3), (24, 40, 3), (90, 7, 4)]
"""Examples, features, classes; one with more features than examples."""
NAMES = tuple(TRANSFERABILITY)
FROM_FEATURES = tuple(name for name in NAMES if not TRANSFERABILITY.get(name).needs_source_head)
ROTATED = ("h_score", "knn", "linear_probe", "logme", "n_leep", "transrate")


def made(examples: int, width: int, classes: int, *, seed: int = 0, uneven: bool = True):
    """Features, targets and source probabilities: overlapping classes of unequal size."""
    generator = np.random.default_rng(seed)
    shares = np.linspace(1, 2, classes) if uneven else np.ones(classes)
    counts = np.maximum(np.floor(examples * shares / shares.sum()), 2).astype(int)
    counts[-1] += examples - counts.sum()
    targets = generator.permutation(np.repeat(np.arange(classes), counts))
    means = generator.normal(size=(classes, width)) * 0.8
    features = means[targets] + generator.normal(size=(examples, width)) + 0.5
    logits = features[:, :5] @ generator.normal(size=(min(width, 5), 6))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return features, targets, probabilities


def value_of(name: str, features, targets, probabilities, *, seed: int = 0) -> float:
    """The estimator of this name, with a source head at hand."""
    return TRANSFERABILITY.get(name)(features, targets, source_probabilities=probabilities, seed=seed)


def log_evidence(logarithms, features, labels) -> float:
    """Equation 2 of the LogME paper, term by term, over n."""
    alpha, beta = np.exp(logarithms)
    n, width = features.shape
    matrix = alpha * np.eye(width) + beta * features.T @ features
    m = beta * np.linalg.solve(matrix, features.T @ labels)
    misfit = ((features @ m - labels) ** 2).sum()
    terms = n / 2 * math.log(beta) + width / 2 * math.log(alpha) - n / 2 * math.log(2 * math.pi)
    return (terms - beta / 2 * misfit - alpha / 2 * m @ m - np.linalg.slogdet(matrix)[1] / 2) / n


@pytest.mark.parametrize("case", CASES)
def test_logme_is_the_highest_evidence(case):
    """A generic search over alpha and beta from several starts climbs exactly as high, class by class."""
    features, targets, _ = made(*case)
    expected = []
    for index in range(case[2]):
        labels = (targets == index).astype(float)
        runs = [
            minimize(
                lambda point, labels=labels: -log_evidence(point, features, labels),
                start,
                method="Nelder-Mead",
                options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000},
                bounds=[(-25, 25), (-25, 25)],
            )
            for start in ([0, 0], [3, 1], [-2, 4], [8, 2])
        ]
        expected.append(max(-run.fun for run in runs))
    assert TRANSFERABILITY.get("logme")(features, targets) == pytest.approx(np.mean(expected), abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_h_score_is_that_of_explicit_covariances(case):
    """tr(S^-1 (1 - a) B) with both covariance matrices written out and scikit-learn's shrinkage."""
    features, targets, _ = made(*case)
    share = ledoit_wolf_shrinkage(features)
    covariance = np.cov(features, rowvar=False, bias=True)
    shrunk = (1 - share) * covariance + share * np.trace(covariance) / case[1] * np.eye(case[1])
    means = np.array([features[targets == label].mean(axis=0) for label in targets])
    expected = np.trace(np.linalg.inv(shrunk) @ ((1 - share) * np.cov(means, rowvar=False, bias=True)))
    assert TRANSFERABILITY.get("h_score")(features, targets) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_the_shrinkage_is_scikit_learn_s(case):
    """The short way from norms and spectrum gives the share that scikit-learn finds from whole matrices."""
    features, _, _ = made(*case)
    centred = features - features.mean(axis=0)
    assert shrinkage(centred, spectrum(centred).squares) == pytest.approx(ledoit_wolf_shrinkage(features), abs=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_leep_is_that_of_explicit_loops(case):
    """Joint, marginal and conditional counted one example, class and source class at a time."""
    _, targets, theta = made(*case)
    n, sources = theta.shape
    joint = np.zeros((case[2], sources))
    for i in range(n):
        for z in range(sources):
            joint[targets[i], z] += theta[i, z] / n
    total = 0.0
    for i in range(n):
        total += math.log(sum(joint[targets[i], z] / joint[:, z].sum() * theta[i, z] for z in range(sources)))
    assert value_of("leep", *made(*case)) == pytest.approx(total / n, abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_nce_is_that_of_explicit_counts(case):
    """-H(Y|Z) from counts of pairs of label and predicted source class."""
    _, targets, theta = made(*case)
    pairs = list(zip(targets.tolist(), theta.argmax(axis=1).tolist(), strict=True))
    sources = [z for _, z in pairs]
    expected = sum(
        pairs.count(pair) / len(pairs) * math.log(pairs.count(pair) / sources.count(pair[1])) for pair in set(pairs)
    )
    assert value_of("nce", *made(*case)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_transrate_is_that_of_explicit_determinants(case):
    """Log-determinants of width by width matrices, over all examples and in the mean over classes."""
    features, targets, _ = made(*case)
    z = features - features.mean(axis=0)
    z = z / math.sqrt(np.trace(z.T @ z))

    def rate(rows) -> float:
        return 0.5 * np.linalg.slogdet(np.eye(case[1]) + rows.T @ rows / (len(rows) * 1e-4))[1]

    expected = rate(z) - sum(rate(z[targets == label]) for label in range(case[2])) / case[2]
    assert TRANSFERABILITY.get("transrate")(features, targets) == pytest.approx(expected, abs=1e-6)


def test_n_leep_is_leep_of_the_densities_of_a_mixture():
    """Components from an explicit covariance, densities from SciPy, Bayes' rule, and LEEP in loops."""
    features, targets, _ = made(90, 7, 3)
    variances, axes = np.linalg.eigh(np.cov(features, rowvar=False, bias=True))
    kept = next(k for k in range(1, 8) if variances[-k:].sum() >= 0.8 * variances.sum())
    scores = (features - features.mean(axis=0)) @ axes[:, ::-1][:, :kept] / math.sqrt(variances[-1])
    scores = scores * np.sign((scores**3).sum(axis=0))
    mixture = GaussianMixture(15, covariance_type="diag", random_state=4).fit(scores[np.lexsort(scores.T[::-1])])
    parts = zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
    density = np.array([w * multivariate_normal(mean, np.diag(spread)).pdf(scores) for w, mean, spread in parts]).T
    posterior = density / density.sum(axis=1, keepdims=True)
    joint = np.array([posterior[targets == label].sum(axis=0) for label in range(3)]) / 90
    expected = np.mean([math.log((joint[y] / joint.sum(axis=0)) @ p) for y, p in zip(targets, posterior, strict=True)])
    assert TRANSFERABILITY.get("n_leep")(features, targets, seed=4) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_the_probe_leaves_out_what_a_refit_leaves_out(case):
    """One scikit-learn ridge per example and strength, fitted without it, gives the same accuracy."""
    features, targets, _ = made(*case)
    labels = np.eye(case[2])[targets]
    centred = features - features.mean(axis=0)
    errors = []
    for strength in STRENGTHS[::3] * np.linalg.norm(centred, 2) ** 2:
        predicted = np.zeros_like(labels)
        for i in range(case[0]):
            rest = np.arange(case[0]) != i
            model = Ridge(alpha=strength, solver="svd").fit(features[rest], labels[rest])
            predicted[i] = model.predict(features[i : i + 1])[0]
        errors.append((((labels - predicted) ** 2).mean(), (predicted.argmax(axis=1) == targets).mean()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("suite.metrics.transferability.linear_probe.STRENGTHS", STRENGTHS[::3])
        assert TRANSFERABILITY.get("linear_probe")(features, targets) == pytest.approx(min(errors)[1], abs=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_neighbours_vote_as_in_explicit_loops(case):
    """Every example against all others by cosine, one number of neighbours after another."""
    features, targets, _ = made(*case)
    best = 0.0
    for count in NEIGHBOURS:
        right = 0
        for i, query in enumerate(features):
            cosine = features @ query / np.linalg.norm(features, axis=1) / np.linalg.norm(query)
            cosine[i] = -np.inf
            near = np.argsort(-cosine)[: min(count, case[0] - 1)]
            ballot = [((targets[near] == c).sum(), cosine[near][targets[near] == c].sum()) for c in range(case[2])]
            right += max(range(case[2]), key=lambda c, ballot=ballot: ballot[c]) == targets[i]
        best = max(best, right / case[0])
    assert TRANSFERABILITY.get("knn")(features, targets) == pytest.approx(best, abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4), st.sampled_from([4, 9, 70]))
def test_order_of_examples_and_names_of_classes_do_not_matter(seed: int, classes: int, width: int):
    """Every estimator gives the same number for shuffled examples and renumbered classes."""
    features, targets, probabilities = made(60, width, classes, seed=seed)
    generator = np.random.default_rng(seed)
    order, names = generator.permutation(60), generator.permutation(classes)
    for name in NAMES:
        value = value_of(name, features, targets, probabilities)
        shuffled = value_of(name, features[order], names[targets[order]], probabilities[order])
        assert shuffled == pytest.approx(value, abs=1e-6), name


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4), st.sampled_from([3, 8, 70]), st.sampled_from([1e-3, 1.0, 500.0]))
def test_turned_and_scaled_features_are_the_same_features(seed: int, classes: int, width: int, scale: float):
    """A rotation and one factor for all features change no estimator that reads them."""
    features, targets, _ = made(60, width, classes, seed=seed)
    rotation = ortho_group.rvs(width, random_state=seed)
    for name in ROTATED:
        value = TRANSFERABILITY.get(name)(features, targets)
        assert TRANSFERABILITY.get(name)(features @ rotation * scale, targets) == pytest.approx(value, abs=1e-6), name


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_estimators_stay_in_their_bounds(seed: int, classes: int):
    """Accuracies are shares, log probabilities at most 0, and the H-score at most one per class but the first."""
    features, targets, probabilities = made(60, 8, classes, seed=seed)
    found = {name: value_of(name, features, targets, probabilities) for name in NAMES}
    assert max(found["leep"], found["nce"], found["n_leep"]) <= 1e-12
    assert 0 <= found["knn"] <= 1
    assert 0 <= found["linear_probe"] <= 1
    assert 0 <= found["h_score"] <= classes - 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_leep_is_bounded_by_nce(seed: int):
    """LEEP >= NCE + mean log probability of the predicted source class; equal to NCE for a head without doubt."""
    features, targets, theta = made(60, 8, 3, seed=seed)
    nce = value_of("nce", features, targets, theta)
    assert value_of("leep", features, targets, theta) >= nce + np.log(theta.max(axis=1)).mean() - 1e-12
    certain = np.eye(theta.shape[1])[theta.argmax(axis=1)]
    assert value_of("leep", features, targets, certain) == pytest.approx(nce, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_better_separated_classes_score_higher(name: str):
    """Higher means more transferable, in every estimator."""
    targets = np.arange(100) % 4
    generator = np.random.default_rng(1)
    noise, means = generator.normal(size=(100, 6)), generator.normal(size=(4, 6))
    values = []
    for gap in (0.3, 2.0):
        features = gap * means[targets] + noise
        head = np.exp(features)
        values.append(value_of(name, features, targets, head / head.sum(axis=1, keepdims=True)))
    assert values[1] > values[0]


@pytest.mark.parametrize("name", FROM_FEATURES)
def test_many_features_of_noise_do_not_beat_a_few_good_ones(name: str):
    """With enough examples no estimator rewards width alone."""
    generator = np.random.default_rng(0)
    targets = np.arange(1000) % 5
    good = generator.normal(size=(5, 10))[targets] + generator.normal(size=(1000, 10))
    noise = generator.normal(size=(1000, 200))
    assert TRANSFERABILITY.get(name)(good, targets) > TRANSFERABILITY.get(name)(noise, targets)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("features", "targets", "reason"),
    [
        (np.ones((6, 3)), [0, 0, 0, 1, 1, 1], "constant"),
        (np.eye(6), [0, 0, 0, 1, 1, 2], "only one of class 2"),
        (np.eye(4), [0, 0, 9, 9], r"fewer examples \(4\) than classes \(10\)"),
        (np.eye(4), [0, 0, 0, 0], "2 classes or more; there are 1"),
        (np.full((4, 2), np.nan), [0, 0, 1, 1], "not numbers"),
    ],
    ids=["constant", "single", "few", "one-class", "nan"],
)
def test_no_answer_is_said_and_never_0(name: str, features, targets, reason: str):
    """Degenerate features and labels give a reason instead of a number, in every estimator."""
    head = np.full((len(targets), 2), 0.5)
    with pytest.raises(MissingScore, match=reason):
        value_of(name, features, targets, head)
    assert TRANSFERABILITY.get(name).score(features, targets, source_probabilities=head).value is None


@pytest.mark.parametrize("name", ["leep", "nce"])
def test_without_a_source_head_there_is_no_leep(name: str):
    """Both read the head's probabilities, and say so."""
    features, targets, _ = made(40, 5, 2)
    score = TRANSFERABILITY.get(name).score(features, targets)
    assert score.value is None
    assert score.reason == f"{name.upper()} needs the head that the model was pretrained with, and there is none."


def test_labels_that_are_a_feature_have_no_evidence():
    """Features that contain the labels leave LogME without a maximum."""
    features, targets, _ = made(40, 5, 2)
    with pytest.raises(MissingScore, match="grows without limit"):
        TRANSFERABILITY.get("logme")(np.column_stack([features, np.eye(2)[targets]]), targets)


def test_a_direction_for_every_example_has_an_evidence():
    """Where every example has a direction of its own none explains anything; the evidence is that of noise alone."""
    labels = np.eye(3)[np.arange(24) % 3]
    expected = -0.5 * (math.log(2 * math.pi) + math.log(labels[:, 0].mean()) + 1)
    found = TRANSFERABILITY.get("logme")(np.eye(24) * 10, np.arange(24) % 3)
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", sorted({*ROTATED} - {"h_score"}))
def test_features_and_a_turned_copy_are_the_same_features(name: str):
    """What rounding leaves of further directions is no feature; the H-score's shrinkage alone counts columns."""
    features, targets, _ = made(60, 6, 3)
    weights = np.random.default_rng(3).normal(size=(6, 6))
    turned = features @ np.linalg.qr(weights)[0]
    wide = np.hstack([features, turned]) / math.sqrt(2)
    value = TRANSFERABILITY.get(name)(features, targets)
    assert TRANSFERABILITY.get(name)(wide, targets) == pytest.approx(value, abs=1e-6)


def test_rounding_leaves_no_directions():
    """The spectrum of copied columns has the rank of the originals, whichever Gram matrix is taken."""
    features, _, _ = made(60, 6, 3)
    assert len(spectrum(np.hstack([features, features])).squares) == 6
    assert len(spectrum(np.tile(features[:20], (1, 8))).squares) == 6


def test_features_that_differ_by_rounding_are_constant():
    """Single precision's noise around one value is no feature."""
    features = (3.0 + 1e-7 * np.random.default_rng(0).normal(size=(20, 4))).astype(np.float32)
    with pytest.raises(MissingScore, match="constant"):
        TRANSFERABILITY.get("logme")(features, np.arange(20) % 2)


def test_few_examples_per_cluster_have_no_n_leep():
    """Fewer than ten examples per class are no clusters."""
    features, targets, _ = made(29, 5, 3)
    with pytest.raises(MissingScore, match="needs 30 of them; there are 29"):
        TRANSFERABILITY.get("n_leep")(features, targets)


def test_the_seed_starts_the_clusters_and_nothing_else():
    """The same seed gives the same N-LEEP; the others do not draw."""
    features, targets, probabilities = made(60, 8, 3)
    for name in NAMES:
        first, again, other = (value_of(name, features, targets, probabilities, seed=seed) for seed in (1, 1, 2))
        assert first == again
        assert (first == other) == (name != "n_leep")


def test_clusters_of_the_same_examples_are_the_same():
    """The posterior has one row per example, summing to 1, in the order of the examples."""
    components = principal_components(made(60, 8, 3)[0] - made(60, 8, 3)[0].mean(axis=0))
    posterior, turned = clusters(components, 5, seed=0), clusters(components[::-1], 5, seed=0)
    assert posterior.sum(axis=1) == pytest.approx(1)
    assert turned[::-1] == pytest.approx(posterior, abs=1e-9)


@pytest.mark.parametrize(
    "head", [np.zeros((40, 3)), np.full((40, 3), 2.0), np.full((39, 2), 0.5), np.tile([1.5, -0.5], (40, 1))]
)
def test_logits_are_not_probabilities(head):
    """A head whose rows are no probabilities, or of other examples, is a defect of the caller."""
    features, targets, _ = made(40, 5, 2)
    with pytest.raises(ValueError, match="source probabilities"):
        TRANSFERABILITY.get("leep")(features, targets, source_probabilities=head)


def test_targets_of_other_examples_are_refused():
    """One label per row of features."""
    with pytest.raises(ValueError, match=r"expected features \(n, width\)"):
        TRANSFERABILITY.get("knn")(np.eye(4), [0, 1, 0])


def test_an_estimator_of_a_plugin_is_like_the_others(monkeypatch):
    """The decorator registers a function of checked examples under its name."""
    monkeypatch.setattr(TRANSFERABILITY, "_entries", dict(TRANSFERABILITY._entries))

    @estimator("tests_only_width")
    def width(examples: Examples) -> float:
        """How many features there are."""
        return math.inf if examples.seed else examples.features.shape[1]

    assert TRANSFERABILITY.get("tests_only_width")(*made(40, 5, 2)[:2]) == 5
    assert (width.label, width.summary) == ("tests only width", "How many features there are.")
    assert "is inf, not a number" in (width.score(*made(40, 5, 2)[:2], seed=1).reason or "")


def test_wilsons_interval_is_the_published_one():
    """The example of Newcombe 1998, table 1: 81 of 263."""
    low, high = wilson(81 / 263, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@pytest.mark.parametrize("name", ["linear_probe", "knn", "logme", "h_score"])
def test_an_estimate_has_an_interval_that_narrows_with_more_examples(name: str):
    """Sixteen times the examples, about a quarter of the width."""
    generator = np.random.default_rng(0)
    targets = np.arange(1600) % 2
    features = generator.normal(size=(1600, 4)) + targets[:, None]
    few = TRANSFERABILITY.get(name).score(features[:100], targets[:100])
    many = TRANSFERABILITY.get(name).score(features, targets)
    assert few.low < few.value < few.high
    assert many.low < many.value < many.high
    assert 2 < (few.high - few.low) / (many.high - many.low) < 8


def test_the_jackknife_knows_the_error_of_a_mean():
    """Within a factor of two of the textbook's, and nothing where folds have no estimate."""
    values = np.random.default_rng(1).normal(size=400)
    half = jackknife_half_width(lambda rows: float(values[rows].mean()), np.arange(400) % 2)
    assert 0.5 < half / (1.96 * values.std() / 20) < 2

    def missing(_: object) -> float:
        raise MissingScore("none.")

    assert jackknife_half_width(missing, np.arange(400) % 2) is None
