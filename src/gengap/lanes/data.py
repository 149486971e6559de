"""The rows on the device, once, and the small records that make folds of them.

Notation
--------
N   rows
D   width of the encoded inputs
F   folds, over all repeats
b   rows of a block, in which rows are evaluated
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from gengap.data.dataset import Dataset
from gengap.data.encoding import Encoded
from gengap.data.preprocessing import Preprocessing, fold_arrays
from gengap.splits import Split

__all__ = ["BLOCK", "Rows", "StudyData", "study_data"]

#: Noise that robustness is measured with, in standard deviations of a numeric input.
ROBUSTNESS_NOISE = 0.5

#: Rows that are evaluated at once, so that memory stays bounded however many there are.
BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Rows:
    """Row numbers of each fold, padded to one length and laid out in blocks.

    Attributes
    ----------
    index : ndarray (F, blocks, b) of int32
    mask : ndarray (F, blocks, b) of float32
        1 for a row, 0 for padding.
    """

    index: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, eq=False)
class StudyData:
    """Everything that a program reads but never changes.

    Attributes
    ----------
    inputs : ndarray (N, D) float32, or a tensor (N, ...)
        Encoded, unscaled.
    targets : ndarray (N,)
        Class codes (int32) or carried values (float32).
    row_weights : ndarray (N,), optional
    folds : mapping of ndarray (F, ...)
        ``fill``, ``shift``, ``scale``, ``keep`` (of the inputs; absent for tensors),
        ``target_shift``, ``target_scale``, ``class_weights``.
    target_offset, target_unit : float
        A target is held as (value - offset) / unit, so that 32 bits can carry it.
    training : ndarray (F, n) of int32
        Padded with -1.
    validation, sample, test : Rows
        ``sample`` is the part of the training rows that the curves are measured on.
    noise : ndarray (D,) or ()
        Standard deviations of the noise that robustness is measured with, in units of the
        prepared inputs; 0 for one-hot columns.
    splits : tuple of Split
    """

    inputs: np.ndarray
    targets: np.ndarray
    row_weights: np.ndarray | None
    folds: Mapping[str, np.ndarray]
    training: np.ndarray
    validation: Rows
    sample: Rows
    test: Rows
    noise: np.ndarray
    splits: tuple[Split, ...]
    target_offset: float = 0.0
    target_unit: float = 1.0

    def in_unit(self, predictions: np.ndarray) -> np.ndarray:
        """Return predictions in the target's own unit, probabilities as they are."""
        if self.targets.dtype.kind == "i":
            return predictions
        return predictions.astype(np.float64) * self.target_unit + self.target_offset

    def lane(self, split: int) -> dict[str, Any]:
        """Return the record of one fold, as a lane carries it."""
        return {
            **{name: table[split] for name, table in self.folds.items()},
            "training": self.training[split],
            "validation": (self.validation.index[split], self.validation.mask[split]),
            "sample": (self.sample.index[split], self.sample.mask[split]),
            "test": (self.test.index[split], self.test.mask[split]),
        }


def study_data(
    dataset: Dataset,
    encoded: Encoded,
    splits: Sequence[Split],
    preprocessings: Sequence[Preprocessing],
    *,
    class_weight: str | None = None,
    seed: int = 0,
) -> StudyData:
    """Lay the rows and the folds out for the device.

    Parameters
    ----------
    dataset : Dataset
    encoded : Encoded
        Of the dataset's rows.
    splits : sequence of Split
    preprocessings : sequence of Preprocessing
        One a split, fitted on its training rows.
    class_weight : {"balanced"}, optional
        Weight classes by their rarity in the fold's training part.
    seed : int
        Of the sample of training rows that the curves are measured on.
    """
    folds: dict[str, np.ndarray] = {}
    if dataset.columns:
        records = [fold_arrays(preprocessing, encoded) for preprocessing in preprocessings]
        folds |= {name: np.stack([record[name] for record in records]) for name in records[0]}
    rows = dataset.rows
    offset, unit = (0.0, 1.0) if dataset.classes else _carrier(rows.target)
    shifts = np.array([p.target_shift for p in preprocessings])
    scales = np.array([p.target_scale for p in preprocessings])
    folds["target_shift"] = ((shifts - offset) / unit).astype(np.float32)
    folds["target_scale"] = (scales / unit).astype(np.float32)
    folds["target_unit"] = np.full(len(splits), unit, np.float32)
    if class_weight is not None:
        folds["class_weights"] = np.stack(
            [_class_weights(rows.target[s.training], len(dataset.classes)) for s in splits]
        )
    generator = np.random.default_rng([seed, 1])
    sampled = [
        np.sort(
            generator.choice(
                split.training, min(len(split.training), len(split.validation)), replace=False
            )
        )
        for split in splits
    ]
    longest = max(len(split.training) for split in splits)
    training = np.full((len(splits), longest), -1, np.int32)
    for row, split in zip(training, splits, strict=True):
        row[: len(split.training)] = split.training
    spread = encoded.is_numeric if dataset.columns else np.std(encoded.values, dtype=np.float64)
    return StudyData(
        inputs=encoded.values,
        targets=rows.target.astype(np.int32)
        if dataset.classes
        else ((rows.target - offset) / unit).astype(np.float32),
        row_weights=None if rows.weights is None else rows.weights.astype(np.float32),
        folds=folds,
        training=training,
        validation=_blocks([split.validation for split in splits]),
        sample=_blocks(sampled),
        test=_blocks([split.test for split in splits]),
        noise=np.float32(ROBUSTNESS_NOISE) * np.asarray(spread, np.float32),
        splits=tuple(splits),
        target_offset=offset,
        target_unit=unit,
    )


def _carrier(target: np.ndarray) -> tuple[float, float]:
    """Return an offset and a unit in which values are of the size of 1."""
    return float(np.mean(target)), float(np.std(target)) or 1.0


def _class_weights(codes: np.ndarray, classes: int) -> np.ndarray:
    """Weight the classes that are there so that each counts alike; 1 for those that are not."""
    present = np.unique(codes)
    weights = np.ones(classes, np.float32)
    weights[present] = compute_class_weight("balanced", classes=present, y=codes)
    return weights


def _blocks(parts: Sequence[np.ndarray]) -> Rows:
    longest = max(1, *(len(part) for part in parts))
    block = min(BLOCK, longest)
    length = -(-longest // block) * block
    index = np.zeros((len(parts), length), np.int32)
    mask = np.zeros((len(parts), length), np.float32)
    for i, part in enumerate(parts):
        index[i, : len(part)] = part
        mask[i, : len(part)] = 1
    shape = (len(parts), length // block, block)
    return Rows(index.reshape(shape), mask.reshape(shape))
