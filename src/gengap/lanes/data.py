"""The rows on the device, once, and the small records that make folds of them.

Notation
--------
N   rows
D   width of the encoded inputs
F   folds, over all repeats
Where a network has several inputs, what is said of one of them is a mapping by their names.
b   rows of a block, in which rows are evaluated
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from gengap.data.dataset import Dataset, Modality
from gengap.data.encoding import Encoded, varying_channels, varying_numbers
from gengap.data.joint import AnyEncoded, AnyPreprocessing, JointPreprocessing
from gengap.data.preprocessing import Preprocessing, fold_arrays
from gengap.splits import Split

__all__ = ["BLOCK", "StudyData", "study_data", "value_ranges"]

#: Noise that robustness is measured with, in standard deviations of a numeric input.
ROBUSTNESS_NOISE = 0.5

#: Numbers of a tensor that are looked at together, so that they stay in cache.
SPREAD_VALUES = 1 << 16

_TABLE_AXES = 2

#: Rows that are evaluated at once: what the lanes of a group make of them stays in cache.
BLOCK = 128


@dataclass(frozen=True, eq=False)
class StudyData:
    """Everything that a program reads but never changes.

    Attributes
    ----------
    inputs : ndarray (N, D), (N, steps, channels) or (N, height, width, channels), or mapping
        Encoded, unscaled: float32, or images of bytes.
    targets : ndarray (N,)
        Class codes (int32) or carried values (float32); of several outputs of the one that decides.
    row_weights : ndarray (N,), optional
    folds : mapping of ndarray (F, ...)
        ``fill`` (where something is missing), ``shift``, ``factor`` and ``padding`` of the inputs
        (what there is of them), ``value_range`` of images, ``target_shift``, ``target_scale``,
        ``target_unit``, ``class_weights``. Of several inputs the first five are within ``inputs``,
        by their names.
    target_offset, target_unit : float
        A target is held as (value - offset) / unit, so that 32 bits can carry it.
    further : mapping of str to ndarray (N,)
        Targets of the other outputs, by their names; their folds are within ``further``, too.
    evaluated : tuple of ndarray
        Rows that are looked at after every epoch (F, blocks, b), and masks (F, blocks, 2, b) of
        which are a sample of the training rows, and which validation rows.
    test : ndarray (F, blocks, b) of int32
        Rows of the test parts; padding comes last.
    noise : ndarray (D,), (channels,) or (), or mapping of such
        Standard deviations of the noise that robustness is measured with, in units of the
        prepared inputs, the same in every fold; 0 but for numeric columns and channels that vary
        among the training rows of each: weights of others are as they were drawn. Of images one,
        for all their pixels. 0 for whole numbers that the network gets as they are given.
    splits : tuple of Split
    columns : ndarray (D,) of int32, or mapping of such, optional
        Which column of a table each of its inputs belongs to.
    """

    inputs: np.ndarray | Mapping[str, np.ndarray]
    targets: np.ndarray
    row_weights: np.ndarray | None
    folds: Mapping[str, Any]
    evaluated: tuple[np.ndarray, np.ndarray]
    test: np.ndarray
    noise: np.ndarray | Mapping[str, np.ndarray]
    splits: tuple[Split, ...]
    columns: np.ndarray | Mapping[str, np.ndarray | None] | None = None
    target_offset: float = 0.0
    target_unit: float = 1.0
    further: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def sample_shape(self) -> Any:
        """Shape of one row's inputs, by their names where there are several."""
        if isinstance(self.inputs, Mapping):
            return {name: tuple(given.shape[1:]) for name, given in self.inputs.items()}
        return tuple(self.inputs.shape[1:])

    @property
    def modalities(self) -> dict[str, Modality]:
        """What each of several inputs holds; empty where there is one."""
        if not isinstance(self.inputs, Mapping):
            return {}
        folds = self.folds["inputs"]
        return {
            name: "image"
            if "value_range" in folds[name]
            else "table"
            if given.ndim == _TABLE_AXES
            else "sequence"
            for name, given in self.inputs.items()
        }

    def in_unit(self, predictions: np.ndarray) -> np.ndarray:
        """Return predictions in the target's own unit, probabilities as they are."""
        if self.targets.dtype.kind == "i":
            return predictions
        return predictions.astype(np.float64) * self.target_unit + self.target_offset

    def tables(self) -> dict[str, Any]:
        """Return what all lanes read, as it goes to the devices."""
        rows = len(self.targets)
        block = min(BLOCK, rows)
        blocks = np.arange(-(-rows // block) * block, dtype=np.int32) % rows
        return {
            "inputs": self.inputs,
            "targets": self.targets,
            "row_weights": self.row_weights,
            "folds": dict(self.folds),
            "evaluated": self.evaluated,
            "test": self.test,
            "noise": self.noise,
            "columns": self.columns,
            "blocks": blocks.reshape(-1, block),
            **({"further": dict(self.further)} if self.further else {}),
        }


def study_data(
    dataset: Dataset,
    encoded: AnyEncoded,
    splits: Sequence[Split],
    preprocessings: Sequence[AnyPreprocessing],
    *,
    class_weight: str | None = None,
    seed: int = 0,
) -> StudyData:
    """Lay the rows and the folds out for the device.

    Parameters
    ----------
    dataset : Dataset
    encoded : Encoded, or mapping of such
        Of the dataset's rows.
    splits : sequence of Split
    preprocessings : sequence of Preprocessing or JointPreprocessing
        One a split, fitted on its training rows.
    class_weight : {"balanced"}, optional
        Weight classes by their rarity in the fold's training part.
    seed : int
        Of the sample of training rows that the curves are measured on.
    """
    parts = [split.training for split in splits]
    folds: dict[str, Any]
    inputs: Any
    columns: Any
    noise: Any
    if isinstance(encoded, Encoded):
        alone = [one for one in preprocessings if isinstance(one, Preprocessing)]
        inputs, folds, noise, columns = _input(dataset, encoded, parts, alone)
    else:
        joint = [one for one in preprocessings if isinstance(one, JointPreprocessing)]
        found = {
            name: _input(one, encoded[name], parts, [own.inputs[name] for own in joint])
            for name, one in dataset.by_input().items()
        }
        inputs, of_inputs, noise, columns = (
            {name: one[place] for name, one in found.items()} for place in range(4)
        )
        folds = {"inputs": of_inputs}
    rows = dataset.rows
    scalings = [(p.target_shift, p.target_scale) for p in preprocessings]
    targets, of_target, offset, unit = _carried(rows.target, scalings)
    folds |= of_target
    folds["target_unit"] = np.full(len(splits), unit, np.float32)
    further = {
        name: _carried(line, [_scaling(p, name) for p in preprocessings])[:2]
        for name, line in rows.further.items()
    }
    if further:
        folds["further"] = {name: of_one for name, (_, of_one) in further.items()}
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
    return StudyData(
        inputs=inputs,
        targets=targets,
        row_weights=None if rows.weights is None else rows.weights.astype(np.float32),
        folds=folds,
        evaluated=_evaluated(sampled, [split.validation for split in splits]),
        test=_blocks([split.test for split in splits])[0],
        noise=noise,
        splits=tuple(splits),
        columns=columns,
        target_offset=offset,
        target_unit=unit,
        further={name: line for name, (line, _) in further.items()},
    )


def _input(
    dataset: Dataset,
    encoded: Encoded,
    parts: Sequence[np.ndarray],
    preprocessings: Sequence[Preprocessing],
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray, np.ndarray | None]:
    """Return one input's rows, folds, noise and columns as `StudyData` holds them."""
    records = [fold_arrays(preprocessing, encoded) for preprocessing in preprocessings]
    table = {name: np.stack([record[name] for record in records]) for name in records[0]}
    folds: dict[str, np.ndarray] = {
        name: table[name] for name in ("shift", "padding") if name in table
    }
    # The smallest of values is missing where one of them is.
    if "fill" in table and np.isnan(encoded.values.min(initial=0)):
        folds["fill"] = table["fill"]
    if "scale" in table:
        folds["factor"] = table.get("keep", np.float32(1)) / table["scale"]
    if dataset.modality == "image":
        folds["value_range"] = value_ranges(encoded.values, parts)
    noise = np.float32(ROBUSTNESS_NOISE) * np.asarray(_spread(dataset, encoded, parts), np.float32)
    columns = encoded.source.astype(np.int32) if dataset.columns else None
    return encoded.values, folds, noise, columns


def _spread(dataset: Dataset, encoded: Encoded, parts: Sequence[np.ndarray]) -> np.ndarray | float:
    """Return the standard deviations of what varies among prepared inputs."""
    if encoded.form is None:
        return varying_numbers(dataset.columns, encoded, parts) * _own_spread(encoded)
    if encoded.form.modality == "sequence":
        return varying_channels(encoded, parts) * _own_spread(encoded)
    return _deviation(encoded.values) / encoded.form.divisor


def _own_spread(encoded: Encoded) -> np.ndarray | float:
    """Return the standard deviations of numbers that the network gets as they are given.

    Whole numbers may be codes, and another code is another case, not noise: theirs are 0.
    """
    if not encoded.as_given:
        return 1.0
    lines = np.moveaxis(encoded.values, -1, 0).reshape(encoded.values.shape[-1], -1)
    found = [line[~np.isnan(line)].astype(np.float64) for line in lines]
    return np.array([0.0 if (line == np.round(line)).all() else line.std() for line in found])


def _deviation(tensor: np.ndarray) -> float:
    """Return the standard deviation of all numbers, without a copy in 64 bits of all of them."""
    rows = max(1, SPREAD_VALUES // max(1, tensor[0].size))
    parts = [tensor[first : first + rows] for first in range(0, len(tensor), rows)]
    mean = sum(part.sum(dtype=np.float64) for part in parts) / tensor.size
    return float(np.sqrt(sum(np.square(part - mean).sum() for part in parts) / tensor.size))


def value_ranges(tensor: np.ndarray, parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the least and the largest value among some rows; of bytes 0 and 255.

    Parameters
    ----------
    tensor : ndarray (N, ...)
    parts : sequence of ndarray of int
        Row numbers, such as the training rows of every fold.

    Returns
    -------
    ndarray (parts, 2) of float32
    """
    if tensor.dtype == np.uint8:
        return np.tile(np.array([0, 255], np.float32), (len(parts), 1))
    flat = tensor.reshape(len(tensor), -1)
    # By row first: a row is in many parts.
    lowest, highest = flat.min(axis=1), flat.max(axis=1)
    ranges = [[lowest[rows].min(), highest[rows].max()] for rows in parts]
    return np.array(ranges, np.float32)


def _carried(
    target: np.ndarray, scalings: Sequence[tuple[float, float]]
) -> tuple[np.ndarray, dict[str, np.ndarray], float, float]:
    """Return targets as 32 bits carry them, their folds, and the offset and the unit of that.

    Parameters
    ----------
    target : ndarray (N,)
        Class codes or values.
    scalings : sequence of (float, float)
        Shift and scale of each fold, in the target's own unit.
    """
    codes = target.dtype.kind == "i"
    # In this unit values are of the size of 1.
    offset, unit = (0.0, 1.0) if codes else (float(np.mean(target)), float(np.std(target)) or 1.0)
    shifts, scales = np.array(scalings, dtype=np.float64).reshape(-1, 2).T
    folds = {
        "target_shift": ((shifts - offset) / unit).astype(np.float32),
        "target_scale": (scales / unit).astype(np.float32),
    }
    carried = target.astype(np.int32) if codes else ((target - offset) / unit).astype(np.float32)
    return carried, folds, offset, unit


def _scaling(preprocessing: AnyPreprocessing, name: str) -> tuple[float, float]:
    """Return shift and scale of an output that does not decide."""
    fitted = next(one for one in preprocessing.outputs if one.output.name == name)
    return fitted.shift, fitted.scale


def _class_weights(codes: np.ndarray, classes: int) -> np.ndarray:
    """Weight the classes that are there so that each counts alike; 1 for those that are not."""
    present = np.unique(codes)
    weights = np.ones(classes, np.float32)
    weights[present] = compute_class_weight("balanced", classes=present, y=codes)
    return weights


def _evaluated(
    sampled: Sequence[np.ndarray], validation: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    both = [np.concatenate(parts) for parts in zip(sampled, validation, strict=True)]
    index, used = _blocks(both)
    flat = np.arange(used[0].size).reshape(used[0].shape)
    masks = [
        [(flat < len(sample)), used_rows & (flat >= len(sample))]
        for sample, used_rows in zip(sampled, used, strict=True)
    ]
    return index, np.moveaxis(np.array(masks), 1, 2)


def _blocks(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Pad row numbers to one length and lay them out in blocks; and which are no padding."""
    longest = max(1, *(len(part) for part in parts))
    block = min(BLOCK, longest)
    length = -(-longest // block) * block
    index = np.zeros((len(parts), length), np.int32)
    for row, part in zip(index, parts, strict=True):
        row[: len(part)] = part
    used = np.arange(length) < np.array([len(part) for part in parts])[:, None]
    shape = (len(parts), length // block, block)
    return index.reshape(shape), used.reshape(shape)
