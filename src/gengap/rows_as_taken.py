"""The rows of a study as its network takes them: encoded, in the units that it expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gengap.data.dataset import Column, Dataset
from gengap.data.encoding import Encoded, encode
from gengap.data.joint import AnyEncoded
from gengap.data.row_form import form_of_dataset
from gengap.networks.codes import check_codes, looks_up
from gengap.networks.inputs import form_taken, mask_value, rescales, takes_codes

if TYPE_CHECKING:
    import keras

__all__ = ["check_rows_as_taken", "encoded_rows", "rows_as_taken", "widened_columns"]


def encoded_rows(dataset: Dataset) -> Encoded:
    """Encode the rows of one input, as they are read."""
    encoded = encode(dataset.columns, dataset.rows.alone)
    if encoded.form is None:
        return encoded
    return replace(encoded, form=form_of_dataset(dataset))


def widened_columns(columns: Sequence[Column], encoded: Encoded) -> tuple[str, ...]:
    """Name the columns that take more than one encoded column."""
    places = [
        place
        for place, level in zip(encoded.source, encoded.levels, strict=True)
        if level is not None
    ]
    return tuple(columns[place].name for place in dict.fromkeys(places))


def rows_as_taken(
    dataset: Dataset, encoded: Mapping[str, Encoded], network: keras.Model
) -> tuple[AnyEncoded, tuple[str, ...]]:
    """Return the rows as the network takes them, and what the user may want to know of that.

    Parameters
    ----------
    dataset : Dataset
        Its inputs in the order of the network.
    encoded : mapping of Encoded
        Its rows as they are read, by the names of the inputs; that of a single one is empty.
    network : keras.Model
    """
    inputs = dataset.by_input()
    if not inputs:
        return _as_taken(dataset, encoded[""], network)
    taken: dict[str, Encoded] = {}
    notes: tuple[str, ...] = ()
    for name, one in inputs.items():
        taken[name], found = _as_taken(one, encoded[name], network, name)
        notes += tuple(f"input '{name}': {note}" for note in found)
    return taken, notes


def check_rows_as_taken(
    dataset: Dataset, encoded: Mapping[str, Encoded], network: keras.Model
) -> None:
    """Refuse codes that the network cannot look up, of the test part, too.

    Raises
    ------
    UserError
        ``code-out-of-range``.
    """
    if not looks_up(network):
        return
    check_codes(network, {name: one.values for name, one in encoded.items()})
    if dataset.test is not None:
        tested = replace(dataset, rows=dataset.test, test=None)
        read = {
            name: encoded_rows(one) for name, one in (tested.by_input() or {"": tested}).items()
        }
        taken, _ = rows_as_taken(tested, read, network)
        parts = taken if isinstance(taken, Mapping) else {"": taken}
        values = {name: one.values for name, one in parts.items()}
        check_codes(network, values, where="the test part: ")


def _as_taken(
    dataset: Dataset, encoded: Encoded, network: keras.Model, name: str | None = None
) -> tuple[Encoded, tuple[str, ...]]:
    form = encoded.form
    if (form is None or form.modality == "sequence") and rescales(network, name):
        encoded = encode(dataset.columns, dataset.rows.alone, as_given=True)
        codes = takes_codes(network, name)
        what = "takes whole numbers as codes" if codes else "scales numbers itself"
        notes: tuple[str, ...] = (f"the network {what}, and gets them as they are given",)
        if form is None:
            return encoded, notes
        taken, found = _as_taken_tensor(replace(encoded, form=form), network, name)
        return taken, notes + found
    return (encoded, ()) if form is None else _as_taken_tensor(encoded, network, name)


def _as_taken_tensor(
    encoded: Encoded, network: keras.Model, name: str | None
) -> tuple[Encoded, tuple[str, ...]]:
    assert encoded.form is not None
    form = form_taken(encoded.form, network, name)
    notes: tuple[str, ...] = ()
    if form.divisor != encoded.form.divisor:
        notes = ("the network scales pixels itself, and gets them as they are, from 0 to 255",)
    if form.padding is not None and mask_value(network, name) is None:
        notes = (
            "the network has no Masking layer: it takes the steps after a row's last one for real "
            "ones that hold zeros",
        )
    values = encoded.values.reshape(len(encoded.values), *form.shape)
    return replace(encoded, form=form, values=values), notes
