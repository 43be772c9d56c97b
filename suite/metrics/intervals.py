"""The 95 % interval of any metric: how far other test examples, and other seeds, could have moved a score.

What a metric declares decides how luck with examples is measured, not its name, so that a plugin's gets the right one:

- *Shares of right answers* (``per_example`` is 0 or 1) and *functions of the confusion matrix* (``from_counts``) by
  added answers: Agresti and Coull (1998), Approximate Is Better than "Exact" for Interval Estimation of Binomial
  Proportions, The American Statistician 52.  Two right and two wrong answers are added to those that were seen, so
  that a test set without an error is no proof that there are none; the variance follows by the delta method.
- *Means*, *functions of sums* and metrics with ``influences`` by what each example adds to the score, its jackknife
  value where the metric has no simpler one, with Hall's transformation, which removes skewness: Hall (1992), On the
  Removal of Skewness by Transformation, Journal of the Royal Statistical Society B 54.
- *Anything else* by leaving out one of ``GROUPS`` groups of examples at a time; of a plugin that is not there by the
  scores of resampled examples that it left (``suite.metrics.plugin_metrics``).

Several fits on the same examples share their luck: what each example adds is averaged over them first.
``benchmarks/statistics.md`` shows how often all of this covers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from suite.metrics.confusion import confusion_matrix
from suite.metrics.metric import Counts, Metric, Sums
from suite.metrics.resampling import resampled_by_fit
from suite.store.records.outputs import Outputs
from suite.store.records.result import Predictions, Score

__all__ = [
    "Luck",
    "Z",
    "agresti_coull",
    "difference_intervals",
    "difference_of",
    "group_moves",
    "interval_of",
    "luck_of",
    "share_intervals",
    "shared_luck",
    "with_interval",
]

Array = NDArray[np.float64]
Z = 1.959963984540054
"""Standard errors from the middle of a 95 % interval to its ends, where the standard error is known: 1.96."""
ADDED = 4.0
"""Answers that Agresti and Coull add: ``Z ** 2``, rounded as they do; half of them right, half wrong."""
AGREED = 0.25
"""The variance of one answer that may as well be right as wrong: what few errors leave open of how fits agree."""
FEWEST_WRONG = 3
"""Wrong answers below which nothing is known of how far off a model is where it errs: ``benchmarks/statistics.md``."""
FEWEST_OF_A_CLASS = 3
GROUPS = 20
"""Of examples that are left out together, where a metric can only be computed as a whole."""
STEP = 1e-6
"""Of numerical derivatives, as a share of the examples."""
LARGEST = 2_000_000
"""Numbers in all confusion matrices of the delta method; with more (from about 60 classes) groups are left out."""


@dataclass(frozen=True)
class Luck:
    """A score, and what is known of how far other test examples would move it."""

    value: float
    """Mean over the fits."""
    variance: float
    """Of ``value`` over other examples; what few examples leave open of it is included, as Student's t does."""
    third: float = 0.0
    """Third central moment of ``value`` over other examples."""
    smoothed: float | None = None
    """The value with the added answers, as a share of the way between ``bounds``; None where none were added."""
    bounds: tuple[float, float] | None = None
    fits: int = 1
    seed_factor: float = 1.0
    """What the variance between fits is multiplied by to give that of their mean: ``1 / fits``, and more where fits
    have splits of their own, which overlap."""
    between: float = 0.0
    """Variance of the score from fit to fit; 0 where there is one."""
    within: float = 0.0
    """The part of it that luck with single examples makes."""
    moved: Array | None = None
    """How far each example moves ``value``, up to a factor, shape ``(n,)``; None where fits saw different examples."""


def luck_of(
    metric: Metric, predictions: Sequence[Outputs], *, scores: Array | None = None, shared: bool = True
) -> Luck | str:
    """How far other test examples would move the mean score of several fits.

    Args:
        metric: Any metric.
        predictions: One or more fits (seeds) on one evaluation set.
        scores: The metric of each, where it is known already, shape ``(fits,)``.
        shared: Whether all fits saw the same examples in the same order.

    Returns:
        What is known, or the reason, a sentence, why the test set is too small to know anything.

    Raises:
        MissingScore: Where the metric itself is missing on the predictions.
    """
    if scores is None:
        scores = np.array([metric(one) for one in predictions])
    between = float(scores.var(ddof=1)) if len(scores) > 1 and np.ptp(scores) > 0 else 0.0
    if not shared and len(predictions) > 1:
        return _apart(metric, predictions, scores, between)
    found = _measured(metric, predictions, scores)
    groups = predictions[0].facts.groups
    if groups is not None and not isinstance(found, str):
        found = _by_groups(metric, found, groups)
    if isinstance(found, str):
        return found
    return replace(found, fits=len(scores), seed_factor=1 / len(scores), between=between, bounds=metric.bounds)


def interval_of(luck: Luck, variance: float | None = None) -> tuple[float, float]:
    """The 95 % interval of a score.

    Args:
        luck: With the test examples.
        variance: Of the score; where it is more than luck with examples, such as that of other seeds. That of
            ``luck`` when None.
    """
    variance = luck.variance if variance is None else variance
    least, most = luck.bounds or (-math.inf, math.inf)
    if luck.smoothed is not None:
        width = most - least
        size = width**2 * luck.smoothed * (1 - luck.smoothed) / variance
        ends = agresti_coull(np.array([(luck.value - least) / width]), np.array([size]))[0]
        low, high = least + width * float(ends[0]), least + width * float(ends[1])
    else:
        error = math.sqrt(variance)
        skewness = luck.third / variance**1.5
        low, high = (luck.value - error * _unskewed(end, skewness) for end in (Z, -Z))
    return max(least, min(low, luck.value)), min(most, max(high, luck.value))


def with_interval(metric: Metric, predictions: Outputs) -> Score:
    """The score with its 95 % interval over examples, or the reason why one of them is missing."""
    score = metric.score(predictions)
    if score.value is None:
        return score
    luck = luck_of(metric, [predictions])
    if isinstance(luck, str):
        return Score(value=score.value, reason=luck)
    low, high = interval_of(luck)
    return Score(value=score.value, low=low, high=high)


def difference_of(first: Luck | str, second: Luck | str, *, paired: bool) -> tuple[float, float] | None:
    """The 95 % interval over examples of one score less another, fitted models given.

    Args:
        first: What is known of the luck of one, or why nothing is.
        second: Of the other.
        paired: Whether both are on the same examples, so that they share their luck.

    Returns:
        Low and high; None where nothing is known of one of them.
    """
    if isinstance(first, str) or isinstance(second, str):
        return None
    alike, own, other = np.zeros(1), first.moved, second.moved
    if paired and own is not None and other is not None and own.shape == other.shape:
        alike = shared_luck(own[:, None], other[:, None])
    ends = difference_intervals(
        np.array([first.value]), np.array([interval_of(first)]),
        np.array([second.value]), np.array([interval_of(second)]),
        alike,
    )[0]  # fmt: skip
    return float(ends[0]), float(ends[1])


def agresti_coull(shares: Array, sizes: Array) -> Array:
    """95 % intervals of shares of right answers.

    Args:
        shares: From 0 to 1, shape ``(m,)``.
        sizes: Examples behind each, or as many as would make the same variance.

    Returns:
        Low and high, shape ``(m, 2)``; each holds its share.
    """
    all_in_all = sizes + ADDED
    middle = (sizes * shares + ADDED / 2) / all_in_all
    reach = Z * np.sqrt(middle * (1 - middle) / all_in_all)
    low, high = np.clip(middle - reach, 0.0, shares), np.clip(middle + reach, shares, 1.0)
    return np.stack([low, high], axis=1)


def share_intervals(values: Array, groups: NDArray[np.int64] | None = None) -> Array:
    """95 % intervals of means of right or wrong, several answers to each example averaged.

    Args:
        values: From 0 to 1, shape ``(n, columns)``: the share of right answers to each example.
        groups: Of each example, where some belong together.

    Returns:
        Low and high of each column's mean, shape ``(columns, 2)``.
    """
    shares = values.mean(axis=0)
    design = _design(values)
    if groups is not None:
        design = design * _design_of_groups(values - shares, groups, added=AGREED)
    return agresti_coull(shares, len(values) / design)


def difference_intervals(
    first: Array, first_ends: Array, second: Array, second_ends: Array, correlation: Array
) -> Array:
    """95 % intervals of scores less other scores, from the interval of each.

    Zou and Donner (2008), Construction of Confidence Limits about Effect Measures, Statistics in Medicine 27,
    equation 8; of shares Newcombe's intervals.

    Args:
        first: Scores, shape ``(m,)``.
        first_ends: Low and high of each, shape ``(m, 2)``.
        second: The others.
        second_ends: Theirs.
        correlation: Of their luck with examples, shape ``(m,)``; 0 where they have none in common.

    Returns:
        Low and high, shape ``(m, 2)``.
    """
    below, above = first - first_ends[:, 0], first_ends[:, 1] - first
    under, over = second - second_ends[:, 0], second_ends[:, 1] - second
    down = np.sqrt(np.maximum(0.0, below**2 + over**2 - 2 * correlation * below * over))
    up = np.sqrt(np.maximum(0.0, above**2 + under**2 - 2 * correlation * above * under))
    return np.stack([first - second - down, first - second + up], axis=1)


def shared_luck(first: Array, second: Array) -> Array:
    """How far the luck of two scores with the same examples is the same, from what each example moves them.

    Two answers on which they have nothing in common are added: scores that agreed on every example may differ on the
    next (Agresti and Min 2005, Simple Improved Confidence Intervals for Comparing Matched Proportions, Statistics in
    Medicine 24, add as many).

    Args:
        first: Moves of one, shape ``(n, columns)``.
        second: Of the other.

    Returns:
        Correlations, shape ``(columns,)``; 0 where one of them never moves.
    """
    own, other = first - first.mean(axis=0), second - second.mean(axis=0)
    sizes = np.sqrt((own**2).sum(axis=0) * (other**2).sum(axis=0))
    alike = np.divide((own * other).sum(axis=0), sizes, out=np.zeros(len(sizes)), where=sizes > 0)
    return np.asarray(alike * len(first) / (len(first) + ADDED / 2))


def _measured(metric: Metric, predictions: Sequence[Outputs], scores: Array) -> Luck | str:
    """By what the metric declares."""
    strata = predictions[0].strata if metric.stratified else None
    value = float(scores.mean())
    if metric.kept_resamples is not None:
        return _of_resamples(metric, predictions, value)
    if metric.from_counts is not None:
        classified = [one for one in predictions if isinstance(one, Predictions)]
        found = _from_counts(metric, metric.from_counts, classified, value)
        if found is not None:
            return found
    if metric.per_example is not None:
        values = np.stack([metric.per_example(one) for one in predictions])
        if metric.bounds == (0.0, 1.0) and ((values == 0) | (values == 1)).all():
            return _of_share(values)
    reason = _too_few(metric, predictions)
    if reason is not None:
        return reason
    if metric.per_example is not None:
        moved = values
    elif metric.influences is not None:
        moved = np.stack([metric.influences(one) for one in predictions])
    elif metric.sums is not None and metric.from_sums is not None:
        moved = np.stack([_jackknife(metric.sums(one), metric.from_sums) for one in predictions])
    else:
        moved, strata = _without_groups(metric, predictions), None
    return _of_values(metric, moved, strata, value)


def _of_share(values: Array) -> Luck:
    """Of right or wrong, shape ``(fits, n)``."""
    mean = values.mean(axis=0)
    share, examples = float(mean.mean()), values.shape[1]
    smoothed = (examples * share + ADDED / 2) / (examples + ADDED)
    variance = float(_design(mean[:, None])[0]) * smoothed * (1 - smoothed) / examples
    moved = values - values.mean(axis=1, keepdims=True)
    return Luck(share, variance, smoothed=smoothed, within=_within(moved), moved=moved.mean(axis=0))


def _by_groups(metric: Metric, luck: Luck, groups: NDArray[np.int64]) -> Luck | str:
    """The same where examples of one group are right and wrong together: luck is counted by groups."""
    count = len(np.unique(groups))
    if count < 2:
        return f"all test examples belong to one group, so that they do not say how others would move {metric.label}."
    if luck.moved is None or len(luck.moved) != len(groups):
        return luck  # whole groups were left out, or drawn, already
    wider = float(_design_of_groups(luck.moved[:, None], groups, added=AGREED if luck.smoothed is not None else 0.0)[0])
    moved = group_moves(luck.moved[:, None], groups)[:, 0]
    skewed = luck.smoothed is None
    return replace(
        luck,
        variance=luck.variance * wider,
        third=float((moved**3).sum()) / count**3 * _unsure(count) ** 3 if skewed else luck.third,
        moved=moved,
    )


def group_moves(moved: Array, groups: NDArray[np.int64]) -> Array:
    """How far each group moves a mean, from how far its examples do: ``(n, columns)`` to ``(groups, columns)``."""
    names, group = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), moved.shape[1]))
    np.add.at(sums, group, moved)
    return sums * len(names) / len(groups)


def _design_of_groups(moved: Array, groups: NDArray[np.int64], *, added: float) -> Array:
    """How much more a mean varies where examples come in groups: the design effect, shape ``(columns,)``; at least 1.

    The variance between sums of groups over that of single examples: Liang and Zeger (1986), Longitudinal Data
    Analysis Using Generalized Linear Models, Biometrika 73; with Student's quantile of one degree of freedom less than
    there are groups, as Cameron, Gelbach and Miller (2008), Bootstrap-Based Improvements for Inference with Clustered
    Errors, Review of Economics and Statistics 90, section II, since few groups say little of how groups differ.

    Args:
        moved: How far each example moves the mean, around 0, shape ``(n, columns)``.
        groups: Of each example.
        added: Answers that are added of which nothing is known but that their groups agree with them: where there are
            few errors they do not tell how alike groups are.
    """
    sizes = np.unique(groups, return_counts=True)[1]
    count, examples = len(sizes), len(groups)
    sums = group_moves(moved, groups) * examples / count
    alike = float((sizes**2).sum()) / examples
    together = (sums**2).sum(axis=0) * count / (count - 1) + added * alike
    alone = (moved**2).sum(axis=0) + added
    ratio = np.divide(together, alone, out=np.full(len(alone), alike), where=alone > 0)
    return np.asarray(np.maximum(1.0, ratio) * _unsure(count) ** 2)


def _unsure(groups: int) -> float:
    """How much wider an interval is whose variance is known from so many groups."""
    from scipy import special  # a second of start that a finished run does without

    return float(special.stdtrit(groups - 1, 0.975)) / Z


def _design(values: Array) -> Array:
    """How much of the variance of single answers their mean over fits has, by column of ``(n, columns)``.

    1 where fits are right and wrong together, less where they differ.  An answer on which they agree is added, so that
    few errors say little.
    """
    shares = values.mean(axis=0)
    seen = ((values - shares) ** 2).sum(axis=0)
    return np.asarray((seen + AGREED) / (len(values) * shares * (1 - shares) + AGREED))


def _from_counts(metric: Metric, score: Counts, predictions: Sequence[Predictions], value: float) -> Luck | str | None:
    """By added answers and the delta method; None where there are too many classes for it."""
    seen = np.mean([confusion_matrix(one) for one in predictions], axis=0)
    classes = len(seen)
    cells = np.flatnonzero(seen)
    if (len(cells) + 2 * classes) * classes**2 > LARGEST or metric.bounds is None or classes < 2:
        return None
    sizes = seen.sum(axis=1)
    there = sizes > 0
    examples = float(sizes.sum())
    # Where classes count alike, small ones weigh more than their examples: then there are fewer than it seems.
    effective = there.sum() ** 2 / (1 / sizes[there]).sum() if metric.stratified else examples
    added = ADDED * sizes / effective
    other = (1 - np.eye(classes)) / (classes - 1)
    smooth = seen + added[:, None] * (np.eye(classes) + other) / 2
    slopes = _slopes(score, smooth, cells, other)
    by_cell, right, wrong = slopes[0], np.where(there, slopes[1], 0.0), np.where(there, slopes[2], 0.0)
    moved = np.stack([by_cell[one.targets * classes + one.labels] for one in predictions])
    targets = predictions[0].targets
    # Fits that differ on the answers that were seen would on those that are added.
    alike = float(_design(np.mean([one.labels == one.targets for one in predictions], axis=0)[:, None])[0])
    variance = _smoothed_variance(moved.mean(axis=0), targets, right, wrong, added * alike, within=metric.stratified)
    least, most = metric.bounds
    if variance <= (STEP * (most - least)) ** 2:
        return _alike(metric, len(targets))
    smoothed = (float(score(smooth[None])[0]) - least) / (most - least)
    # The derivative is by one answer more, the moves are those of a mean.
    moved = examples * _centred(moved, targets if metric.stratified else None)
    smoothed = min(max(smoothed, STEP), 1 - STEP)
    return Luck(value, variance, smoothed=smoothed, within=_within(moved), moved=moved.mean(axis=0))


def _slopes(score: Counts, smooth: Array, cells: NDArray[np.int64], other: Array) -> tuple[Array, Array, Array]:
    """How far one answer more moves the score: in each cell that has any, right, and wrong, of each class."""
    classes = len(smooth)
    step = STEP * smooth.sum()
    steps = np.zeros((len(cells) + 2 * classes, classes, classes))
    steps[np.arange(len(cells)), cells // classes, cells % classes] = step
    each = np.arange(classes)
    steps[len(cells) + each, each, each] = step
    steps[len(cells) + classes + each, each] = step * other
    slopes = (score(smooth + steps) - score(smooth - steps)) / (2 * step)
    by_cell = np.zeros(classes * classes)
    by_cell[cells] = slopes[: len(cells)]
    return by_cell, slopes[len(cells) : len(cells) + classes], slopes[len(cells) + classes :]


def _smoothed_variance(
    moved: Array, targets: NDArray[np.int64], right: Array, wrong: Array, added: Array, *, within: bool
) -> float:
    """Of a sum of moves, the added answers among them; within classes where these keep their sizes."""
    groups = targets if within else np.zeros(len(targets), dtype=np.int64)
    count = len(added) if within else 1
    own = np.arange(len(added)) if within else np.zeros(len(added), dtype=np.int64)
    half = added / 2
    weight = np.bincount(groups, minlength=count) + np.bincount(own, added, count)
    first = np.bincount(groups, moved, count) + np.bincount(own, half * (right + wrong), count)
    second = np.bincount(groups, moved**2, count) + np.bincount(own, half * (right**2 + wrong**2), count)
    there = weight > 0
    spread = second[there] - first[there] ** 2 / weight[there]
    # What was added steadies the estimate; it is no more examples.
    seen = np.bincount(groups, minlength=count)[there]
    # Around their own mean answers vary less than around the true one, which shows where a class is small.
    unbiased = weight[there] / np.maximum(weight[there] - 1, weight[there] / 2) if within else 1.0
    return float((spread * weight[there] / np.maximum(seen, 1) * unbiased).sum())


def _jackknife(rows: Array, score: Sums) -> Array:
    """How far each example moves a function of sums: by leaving one out at a time; shape ``(n,)``."""
    without = score(rows.sum(axis=0) - rows)
    return np.asarray((len(rows) - 1) * (without.mean() - without))


def _without_groups(metric: Metric, predictions: Sequence[Outputs]) -> Array:
    """The same of any metric, by leaving out one group at a time; shape ``(fits, groups)``, NaN where it is missing."""
    examples = len(predictions[0])
    groups = min(GROUPS, examples)
    named = predictions[0].facts.groups
    if named is not None:
        return _without_whole_groups(metric, predictions, named)
    # Classes are dealt out evenly, in an order that has nothing to do with where examples lay.
    shuffled = np.random.default_rng(examples).permutation(examples)
    order = shuffled[np.argsort(predictions[0].strata[shuffled], kind="stable")]
    if metric.from_counts is not None:
        group = np.empty(examples, dtype=np.int64)
        group[order] = np.arange(examples) % groups
        without = np.stack([metric.from_counts(_counts_without(one, group)) for one in predictions])
    else:
        kept = [np.sort(np.delete(order, np.s_[group::groups])) for group in range(groups)]
        scores = [[metric.score(one.take(rows)).value for rows in kept] for one in predictions]
        without = np.array(scores, dtype=np.float64)
    return np.asarray((groups - 1) * (without.mean(axis=1, keepdims=True) - without))


def _without_whole_groups(metric: Metric, predictions: Sequence[Outputs], named: NDArray[np.int64]) -> Array:
    """The same by leaving out some of the examples' own groups at a time."""
    names, group = np.unique(named, return_inverse=True)
    blocks = min(GROUPS, len(names))
    block = (np.random.default_rng(len(names)).permutation(len(names)) % blocks)[group]
    if metric.from_counts is not None:
        without = np.stack([metric.from_counts(_counts_without(one, block)) for one in predictions])
    else:
        kept = [np.flatnonzero(block != one) for one in range(blocks)]
        without = np.array([[metric.score(one.take(rows)).value for rows in kept] for one in predictions], np.float64)
    return np.asarray((blocks - 1) * (without.mean(axis=1, keepdims=True) - without))


def _counts_without(predictions: Outputs, group: NDArray[np.int64]) -> Array:
    """Confusion matrices of all examples but one group each, shape ``(groups, classes, classes)``."""
    if not isinstance(predictions, Predictions):
        raise TypeError("only predictions of classes have a confusion matrix.")
    classes, groups = predictions.probabilities.shape[1], int(group.max()) + 1
    cells = (group * classes + predictions.targets) * classes + predictions.labels
    counts = np.bincount(cells, minlength=groups * classes**2).reshape(groups, classes, classes)
    return np.asarray(counts.sum(axis=0) - counts, dtype=np.float64)


def _too_few(metric: Metric, predictions: Sequence[Outputs]) -> str | None:
    """Why so few examples say nothing of a metric that hangs on how wrong the wrong answers are."""
    classified = [one for one in predictions if isinstance(one, Predictions)]
    if not classified:
        return None
    targets = classified[0].targets
    wrong = float(np.mean([(one.labels != targets).sum() for one in classified]))
    if wrong < FEWEST_WRONG:
        return (
            f"{wrong:.3g} of {len(targets)} test examples {'is' if wrong == 1 else 'are'} answered wrongly; with fewer "
            f"than {FEWEST_WRONG} nothing is known of how far off the others would be, which {metric.label} hangs on."
        )
    if metric.stratified:
        counts = np.bincount(targets, minlength=len(classified[0].class_names))
        rare = int(np.argmin(np.where(counts > 0, counts, len(targets) + 1)))
        if counts[rare] < FEWEST_OF_A_CLASS:
            return (
                f"{counts[rare]} test example{'s' if counts[rare] > 1 else ''} of class "
                f"'{classified[0].class_names[rare]}' {'are' if counts[rare] > 1 else 'is'} too few for an interval "
                f"of {metric.label}; it takes {FEWEST_OF_A_CLASS}."
            )
    return None


def _of_values(metric: Metric, moved: Array, strata: NDArray[np.int64] | None, value: float) -> Luck | str:
    """Of what each example moves, shape ``(fits, n)``."""
    count = moved.shape[1]
    if not np.isfinite(moved).all():
        return f"{metric.label} hangs on single test examples: without them it is missing."
    if count < 2:
        return f"1 test example is too few for an interval of {metric.label}."
    centred = _centred(moved, strata)
    mean = centred.mean(axis=0)
    sizes = np.array([count]) if strata is None else np.unique(strata, return_counts=True)[1]
    group = np.zeros(count, dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    parts = np.bincount(group, mean**2, len(sizes)) * sizes / np.maximum(sizes - 1, 1) / count**2
    variance = float(parts.sum())
    if variance <= (STEP * STEP * abs(value)) ** 2:
        return _alike(metric, count)
    # Satterthwaite (1946), Biometrics Bulletin 2: a variance that few examples decide is little known.
    freedom = variance**2 / float((parts**2 / np.maximum(sizes - 1, 1)).sum())
    from scipy import special  # a second of start that a finished run does without

    unsure = float(special.stdtrit(freedom, 0.975)) / Z
    return Luck(
        value,
        variance * unsure**2,
        third=float((mean**3).sum()) / count**3 * unsure**3,
        within=_within(centred),
        moved=mean,
    )


def _of_resamples(metric: Metric, predictions: Sequence[Outputs], value: float) -> Luck | str:
    """Of a metric of a plugin that is not there: by the scores of resampled examples that were kept."""
    by_fit = resampled_by_fit(metric, predictions)
    by_fit = by_fit[:, np.isfinite(by_fit).all(axis=0)]
    fits, count = by_fit.shape
    if count < 2 or not np.ptp(by_fit.mean(axis=0)):
        return f"too few resamples of the test examples have a {metric.label}, or all have the same."
    mean = by_fit.mean(axis=0)
    apart = by_fit - mean
    return Luck(
        value,
        float(mean.var(ddof=1)),
        third=float(((mean - mean.mean()) ** 3).mean()),
        within=float(apart.var(axis=1).sum()) / (fits - 1) if fits > 1 else 0.0,
    )


def _alike(metric: Metric, count: int) -> str:
    """Why nothing is known where no example moves the score, as of the precision of the only class that is there."""
    return f"{metric.label} is alike for all {count} test examples, so that they do not say how others would differ."


def _apart(metric: Metric, predictions: Sequence[Outputs], scores: Array, between: float) -> Luck | str:
    """Of fits that saw different examples: their luck is their own."""
    each: list[Luck] = []
    for place, one in enumerate(predictions):
        found = luck_of(metric, [one], scores=scores[place : place + 1])
        if isinstance(found, str):
            return found
        each.append(found)
    count = len(each)
    smoothed = [one.smoothed for one in each if one.smoothed is not None]
    return Luck(
        value=math.fsum(one.value for one in each) / count,
        variance=math.fsum(one.variance for one in each) / count**2,
        third=math.fsum(one.third for one in each) / count**3,
        smoothed=math.fsum(smoothed) / count if len(smoothed) == count else None,
        bounds=metric.bounds,
        fits=count,
        seed_factor=1 / count,
        between=between,
        within=math.fsum(one.variance for one in each) / count,
    )


def _centred(moved: Array, strata: NDArray[np.int64] | None) -> Array:
    """Each row less its mean, within classes where there are strata."""
    if strata is None:
        return np.asarray(moved - moved.mean(axis=1, keepdims=True))
    _, group, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(group, row, len(sizes)) / sizes for row in moved])
    return np.asarray(moved - means[:, group])


def _within(moved: Array) -> float:
    """How much luck with single examples varies the score from fit to fit; of centred moves, ``(fits, n)``."""
    fits, count = moved.shape
    if fits < 2:
        return 0.0
    return float(((moved - moved.mean(axis=0)) ** 2).sum() / count**2 / (fits - 1))


def _unskewed(quantile: float, skewness: float) -> float:
    """Where Hall's transformation of a studentised mean has the normal ``quantile``."""
    if abs(skewness) < STEP:
        return quantile
    slope = skewness / 3
    return float((np.cbrt(1 + 3 * slope * (quantile - skewness / 6)) - 1) / slope)
