"""Recurrent layers that compute with one cell: in the lanes, and source for plain programs."""

from __future__ import annotations

import inspect

import keras

__all__ = ["plain_cells_source", "with_shared_cells"]


def with_shared_cells(network, stacks):
    """Let recurrent layers compute with the cell of the first of their stack, by their names."""
    first: dict[str, keras.layers.Layer] = {}

    def change(layer):
        if layer.name not in stacks:
            return layer
        shared = first.setdefault(stacks[layer.name], layer)
        if shared is layer:
            return layer
        return keras.layers.RNN(
            shared.cell,
            return_sequences=layer.return_sequences,
            return_state=layer.return_state,
            go_backwards=layer.go_backwards,
            unroll=layer.unroll,
            zero_output_for_mask=layer.zero_output_for_mask,
            activity_regularizer=layer.activity_regularizer,
            name=layer.name,
        )

    return keras.models.clone_model(network, clone_function=change, recursive=True)


def plain_cells_source() -> str:
    """Return the source of `with_shared_cells`, for a plain Keras program."""
    return inspect.getsource(with_shared_cells)
