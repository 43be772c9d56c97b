"""What the metrics of one file and another ask of predictions before they compute anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from suite.metrics.confusion import f1_per_class, mean_over_classes, precision_per_class, recall_per_class
from suite.metrics.metric import MissingScore, metric
from suite.store.records.result import Predictions

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "f1_weighted",
    "normalised",
    "precision_macro",
    "precision_weighted",
    "recall_macro",
    "recall_weighted",
    "refuse_absent_classes",
    "roc_auc",
    "top5_accuracy",
]


def normalised(predictions: Predictions) -> NDArray[np.float64]:
    """The probabilities in double precision, rows summing to 1 exactly; shape ``(n, classes)``.

    A softmax in single precision sums to 1 within 1e-6, which scikit-learn warns about.
    """
    probabilities = predictions.probabilities.astype(np.float64)
    return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))


def refuse_absent_classes(predictions: Predictions, what: str) -> None:
    """Raises ``MissingScore`` naming up to three classes that have no example."""
    counts = np.bincount(predictions.targets, minlength=predictions.probabilities.shape[1])
    absent = [predictions.class_names[index] for index in np.flatnonzero(counts == 0)]
    if absent:
        named = ", ".join(f"'{name}'" for name in absent[:3]) + (", ..." if len(absent) > 3 else "")
        raise MissingScore(f"{what} needs an example of every class; there is none of {named}.")


# How often a classifier is right: accuracy and its relatives, from scikit-learn.


def _correct(predictions: Predictions) -> NDArray[np.float64]:
    return np.asarray(predictions.labels == predictions.targets, dtype=np.float64)


def _among_first_five(predictions: Predictions) -> NDArray[np.float64]:
    classes = predictions.probabilities.shape[1]
    if classes <= 5:
        raise MissingScore(f"top-5 needs more than 5 classes; there are {classes}.")
    # A stable sort gives ties to the lower class index, as argmax does.
    first_five = np.argsort(-predictions.probabilities, axis=1, kind="stable")[:, :5]
    return np.asarray((first_five == predictions.targets[:, None]).any(axis=1), dtype=np.float64)


@metric(
    "accuracy",
    higher_is_better=True,
    summary="Share of examples whose most probable class is the true one; 0 to 1.",
    per_example=_correct,
    bounds=(0.0, 1.0),
    guessing=lambda classes: 1 / classes,
)
def accuracy(predictions: Predictions) -> float:
    """Share of examples whose most probable class is the true one."""
    from sklearn import metrics as sklearn_metrics

    return float(sklearn_metrics.accuracy_score(predictions.targets, predictions.labels))


@metric(
    "top5_accuracy",
    label="top-5 accuracy",
    higher_is_better=True,
    summary="Share of examples whose true class is among the five most probable; missing up to 5 classes.",
    per_example=_among_first_five,
    bounds=(0.0, 1.0),
    guessing=lambda classes: min(1.0, 5 / classes),
)
def top5_accuracy(predictions: Predictions) -> float:
    """Share of examples whose true class is among the five most probable; missing up to 5 classes."""
    return float(_among_first_five(predictions).mean())


@metric(
    "balanced_accuracy",
    higher_is_better=True,
    summary="Mean recall over classes; missing if a class has no examples.",
    from_counts=lambda counts: mean_over_classes(recall_per_class(counts)),
    stratified=True,
    bounds=(0.0, 1.0),
    guessing=lambda classes: 1 / classes,
)
def balanced_accuracy(predictions: Predictions) -> float:
    """Mean recall over classes; missing if a class has no examples."""
    from sklearn import metrics as sklearn_metrics

    refuse_absent_classes(predictions, "balanced accuracy")
    return float(sklearn_metrics.balanced_accuracy_score(predictions.targets, predictions.labels))


@metric(
    "precision_macro",
    label="precision (macro)",
    higher_is_better=True,
    summary="Mean over classes of the share of its predictions that are right; 0 for a class never predicted.",
    from_counts=lambda counts: mean_over_classes(precision_per_class(counts), absent=0.0),
    stratified=True,
    bounds=(0.0, 1.0),
)
def precision_macro(predictions: Predictions) -> float:
    """Mean precision over the classes of the data set; a class that is never predicted counts 0."""
    return _averaged(predictions, "precision", "macro")


@metric(
    "precision_weighted",
    label="precision (weighted)",
    higher_is_better=True,
    summary="Precision averaged over classes by their number of examples.",
    from_counts=lambda counts: mean_over_classes(precision_per_class(counts), absent=0.0, support=counts.sum(2)),
    bounds=(0.0, 1.0),
)
def precision_weighted(predictions: Predictions) -> float:
    """Precision averaged over classes by their number of examples."""
    return _averaged(predictions, "precision", "weighted")


@metric(
    "recall_macro",
    label="recall (macro)",
    higher_is_better=True,
    summary="Mean over classes of the share of its examples that are found; missing if a class has no examples.",
    from_counts=lambda counts: mean_over_classes(recall_per_class(counts)),
    stratified=True,
    bounds=(0.0, 1.0),
)
def recall_macro(predictions: Predictions) -> float:
    """Mean recall over classes; missing if a class has no examples."""
    refuse_absent_classes(predictions, "macro recall")
    return _averaged(predictions, "recall", "macro")


@metric(
    "recall_weighted",
    label="recall (weighted)",
    higher_is_better=True,
    summary="Recall averaged over classes by their number of examples; the same as accuracy.",
    per_example=_correct,
    bounds=(0.0, 1.0),
)
def recall_weighted(predictions: Predictions) -> float:
    """Recall averaged over classes by their number of examples."""
    return _averaged(predictions, "recall", "weighted")


@metric(
    "f1_macro",
    label="F1 (macro)",
    higher_is_better=True,
    summary="Mean over classes of the harmonic mean of precision and recall; missing if a class has no examples.",
    from_counts=lambda counts: mean_over_classes(f1_per_class(counts)),
    stratified=True,
    bounds=(0.0, 1.0),
)
def f1_macro(predictions: Predictions) -> float:
    """Mean F1 over classes; missing if a class has no examples."""
    refuse_absent_classes(predictions, "macro F1")
    return _averaged(predictions, "f1", "macro")


@metric(
    "f1_weighted",
    label="F1 (weighted)",
    higher_is_better=True,
    summary="F1 averaged over classes by their number of examples.",
    from_counts=lambda counts: mean_over_classes(f1_per_class(counts), absent=0.0, support=counts.sum(2)),
    bounds=(0.0, 1.0),
)
def f1_weighted(predictions: Predictions) -> float:
    """F1 averaged over classes by their number of examples."""
    return _averaged(predictions, "f1", "weighted")


def _placements(predictions: Predictions) -> NDArray[np.float64]:
    """What each example adds to the area under the ROC curve, shape ``(n,)``; their mean is the area.

    DeLong, DeLong and Clarke-Pearson (1988), Comparing the Areas under Two or More Correlated Receiver Operating
    Characteristic Curves, Biometrics 44: of an example the share of the other kind that it is ordered rightly against.
    """
    from scipy.stats import rankdata

    refuse_absent_classes(predictions, "ROC-AUC")
    probabilities = normalised(predictions)
    examples, classes = probabilities.shape
    columns = [1] if classes == 2 else list(range(classes))
    added = np.zeros(examples)
    for column in columns:
        scores, positive = probabilities[:, column], predictions.targets == column
        count = int(positive.sum())
        ranks = rankdata(scores)
        within = np.empty(examples)
        within[positive], within[~positive] = rankdata(scores[positive]), rankdata(scores[~positive])
        others = np.where(positive, examples - count, count)
        placed = (ranks - within) / others
        placed[~positive] = 1 - placed[~positive]
        area = placed[positive].mean()
        added += area + (placed - area) * examples / (examples - others)
    return np.asarray(added / len(columns))


@metric(
    "roc_auc",
    label="ROC-AUC",
    higher_is_better=True,
    summary="Area under the ROC curve, one class against the rest, mean over classes; missing if a class is absent.",
    influences=_placements,
    stratified=True,
    bounds=(0.0, 1.0),
    guessing=lambda _: 0.5,
)
def roc_auc(predictions: Predictions) -> float:
    """Area under the ROC curve, one against the rest, mean over classes; missing if a class is absent."""
    from sklearn import metrics as sklearn_metrics

    refuse_absent_classes(predictions, "ROC-AUC")
    probabilities = normalised(predictions)
    classes = probabilities.shape[1]
    if classes < 2:
        raise MissingScore("ROC-AUC needs at least 2 classes; there is 1.")
    if classes == 2:
        return float(sklearn_metrics.roc_auc_score(predictions.targets, probabilities[:, 1]))
    return float(
        sklearn_metrics.roc_auc_score(
            predictions.targets, probabilities, multi_class="ovr", average="macro", labels=np.arange(classes)
        )
    )


def _averaged(predictions: Predictions, which: str, average: str) -> float:
    from sklearn import metrics as sklearn_metrics

    function = {
        "precision": sklearn_metrics.precision_score,
        "recall": sklearn_metrics.recall_score,
        "f1": sklearn_metrics.f1_score,
    }[which]
    classes = np.arange(predictions.probabilities.shape[1])
    value = function(predictions.targets, predictions.labels, labels=classes, average=average, zero_division=0)
    return float(value)
