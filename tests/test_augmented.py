"""When the audit warns of what augmentations make of a network's scores."""

from __future__ import annotations

import pytest

from gengap.augmented import check_labels
from gengap.results import Augmented
from gengap.statistics.metrics import METRICS


def looked_at(plain: float | None, score: float | None, guess: float | None) -> list[Augmented]:
    return [Augmented("random_flip=0.5", score, plain, guess, 0.5, "")]


@pytest.mark.parametrize(
    ("metric", "plain", "score", "guess"),
    [("accuracy", 0.9, 0.6, 0.1), ("log_loss", 0.3, 1.4, 2.3), ("rmse", 2.0, 4.0, 5.0)],
)
def test_a_third_of_what_was_learned_is_much(metric, plain, score, guess):
    (found,) = check_labels(looked_at(plain, score, guess), METRICS[metric])
    assert found.code == "augmentation-changes-labels"
    assert "random_flip" in found.action
    assert not check_labels(looked_at(plain, 0.8 * plain + 0.2 * guess, guess), METRICS[metric])


@pytest.mark.parametrize(
    ("metric", "plain", "score", "guess"),
    [
        ("accuracy", 0.4, 0.5, 0.5),
        ("log_loss", 2.6, 2.4, 2.3),
        ("rmse", 10.0, 9.0, 8.0),
        ("ece", 0.05, 0.02, 0.0),
        ("accuracy", 0.5, 0.4, 0.5),
        ("accuracy", None, None, None),
    ],
)
def test_nothing_is_lost_where_nothing_was_learned(metric, plain, score, guess):
    assert not check_labels(looked_at(plain, score, guess), METRICS[metric])
