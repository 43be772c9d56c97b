"""Matching classes by name, and what is left of splits and predictions with the shared ones."""

from __future__ import annotations

import numpy as np

from suite.data.dataset import Split
from suite.data.shared_classes import restricted, shared_classes, subset
from suite.store.records.result import Predictions


def test_names_are_matched_whatever_their_capitals_and_dashes():
    """In the order of the first."""
    assert shared_classes(("Cat", "sea-lion", "dog"), ("sea_lion", "horse", " cat ")) == ((0, 2), (1, 0))


def test_names_that_differ_only_by_that_must_match_to_the_letter():
    """Else one class would stand for two."""
    assert shared_classes(("a", "A", "b"), ("A", "B")) == ((1, 0), (2, 1))


def test_a_part_of_a_split_reads_its_own_examples():
    """Ids, targets and images stay together; a whole split stays itself."""
    images = [np.full((1, 1, 3), index, np.uint8) for index in range(4)]
    split = Split("test", ("a", "b", "c", "d"), np.array([0, 1, 2, 1]), images.__getitem__)
    part = subset(split, [1])
    assert part.ids == ("b", "d")
    assert [int(part.read(index).max()) for index in range(2)] == [1, 3]
    assert subset(split, [0, 1, 2]) is split


def test_predictions_become_a_choice_among_the_shared_classes():
    """Others' examples go, columns come in the order asked for, rows sum to 1, also where all of them are 0."""
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0, 1, 0]], np.float32)
    made = Predictions(np.array(["a", "b", "c"]), np.array([0, 1, 2]), probabilities, ("x", "y", "z"))
    found = restricted(made, [2, 0])
    assert found.class_names == ("z", "x")
    assert found.example_ids.tolist() == ["a", "c"]
    assert found.targets.tolist() == [1, 0]
    assert np.allclose(found.probabilities, [[1 / 7, 6 / 7], [0.5, 0.5]])
