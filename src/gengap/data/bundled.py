"""The data sets that come with scikit-learn: nothing is downloaded."""

from __future__ import annotations

import pandas as pd
from sklearn import datasets

from gengap.errors import UserError, suggest

__all__ = ["read_bundled"]

_TARGETS = {
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "digits": "digit",
    "iris": "species",
    "wine": "cultivar",
}


def read_bundled(name: str) -> tuple[pd.DataFrame, str]:
    """Return one of scikit-learn's own data sets as a table, and the name of its target.

    Parameters
    ----------
    name : {"breast_cancer", "diabetes", "digits", "iris", "wine"}

    Raises
    ------
    UserError
        ``unknown-dataset``.

    Examples
    --------
    >>> table, target = read_bundled("iris")
    >>> table.shape, target
    ((150, 5), 'species')
    """
    if name not in _TARGETS:
        raise UserError(
            "unknown-dataset",
            f"scikit-learn brings no data set '{name}'",
            suggest(name, _TARGETS, noun="data sets"),
        )
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    target = bunch.target
    if name != "diabetes":
        target = pd.Series([str(word) for word in bunch.target_names])[target.to_numpy()].array
    return bunch.data.assign(**{_TARGETS[name]: target}), _TARGETS[name]
