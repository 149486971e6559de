"""The preprocessing of several inputs: each has one of its own, and they share the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from gengap.data.dataset import Dataset, OneInput, Task
from gengap.data.encoding import Encoded
from gengap.data.fitted_outputs import FittedOutput
from gengap.data.preprocess_file import inputs_from_json, inputs_to_json
from gengap.data.preprocessing import Preprocessing, fit_preprocessing
from gengap.data.several import check_inputs, check_same_length

__all__ = ["AnyEncoded", "AnyPreprocessing", "JointPreprocessing", "fit", "read_preprocessing"]

#: Encoded rows of one input, or of each of several by its name.
AnyEncoded: TypeAlias = Encoded | Mapping[str, Encoded]


@dataclass(frozen=True, eq=False)
class JointPreprocessing:
    """What prepares each of several inputs, fitted on the training rows of a fold.

    Attributes
    ----------
    inputs : mapping of str to Preprocessing
        In the order of the network's inputs.
    """

    inputs: Mapping[str, Preprocessing]

    @property
    def _any(self) -> Preprocessing:
        return next(iter(self.inputs.values()))

    @property
    def target_name(self) -> str:
        """Name of the target."""
        return self._any.target_name

    @property
    def task(self) -> Task:
        """What is predicted: classes or values."""
        return self._any.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of their codes; empty for regression."""
        return self._any.classes

    @property
    def target_shift(self) -> float:
        """Mean of the target; 0 for classification."""
        return self._any.target_shift

    @property
    def target_scale(self) -> float:
        """Standard deviation of the target; 1 for classification."""
        return self._any.target_scale

    @property
    def outputs(self) -> tuple[FittedOutput, ...]:
        """Every one of several outputs, in the order of the network's; empty where there is one."""
        return self._any.outputs

    def parse(self, rows: Any) -> tuple[dict[str, OneInput], tuple[str, ...]]:
        """Read rows as they come, as those of the training were read.

        Parameters
        ----------
        rows : mapping, or sequence in the order of the inputs
            Of what `Preprocessing.parse` takes.

        Returns
        -------
        features : dict
            What `transform_features` takes.
        notes : tuple of str

        Raises
        ------
        UserError
            ``missing-inputs``; ``length-mismatch``; what reading one of them raises.
        """
        named = check_inputs(rows, tuple(self.inputs), "rows of several inputs")
        features: dict[str, OneInput] = {}
        notes: tuple[str, ...] = ()
        for name, one in self.inputs.items():
            features[name], found = one.parse(named[name])
            notes += tuple(f"input '{name}': {note}" for note in found)
        check_same_length(features)
        return features, notes

    def transform(self, rows: Any) -> dict[str, np.ndarray]:
        """Prepare rows as they come for the network.

        Parameters
        ----------
        rows : mapping, or sequence in the order of the inputs
            Each as `Preprocessing.transform` takes it.

        Returns
        -------
        dict of str to ndarray
            What the network takes, by the names of its inputs.
        """
        return self.transform_features(self.parse(rows)[0])

    def transform_features(self, features: Mapping[str, OneInput]) -> dict[str, np.ndarray]:
        """Prepare rows that were read already.

        Parameters
        ----------
        features : mapping
            As in `gengap.data.dataset.Part.features`.

        Raises
        ------
        UserError
            ``missing-inputs``, ``not-read``.
        """
        named = check_inputs(features, tuple(self.inputs), "rows of several inputs")
        return {name: one.transform_features(named[name]) for name, one in self.inputs.items()}

    def to_json(self) -> str:
        """Return the text of preprocess.json (docs/preprocess.md says what it holds)."""
        return inputs_to_json(self.inputs)


#: Of one input, or of several.
AnyPreprocessing: TypeAlias = Preprocessing | JointPreprocessing


def fit(dataset: Dataset, encoded: AnyEncoded, rows: np.ndarray) -> AnyPreprocessing:
    """Fit what prepares rows for a network, whether it has one input or several.

    Parameters
    ----------
    dataset : Dataset
    encoded : Encoded, or mapping of such
    rows : ndarray of int
        Training rows of a fold.
    """
    if isinstance(encoded, Encoded):
        return fit_preprocessing(dataset, encoded, rows)
    return JointPreprocessing(
        {
            name: fit_preprocessing(one, encoded[name], rows)
            for name, one in dataset.by_input().items()
        }
    )


def read_preprocessing(text: str) -> AnyPreprocessing:
    """Read preprocess.json of either version.

    Raises
    ------
    UserError
        ``not-preprocessing``.
    """
    inputs = inputs_from_json(text)
    if inputs is None:
        return Preprocessing.from_json(text)
    return JointPreprocessing({name: Preprocessing(**one) for name, one in inputs.items()})
