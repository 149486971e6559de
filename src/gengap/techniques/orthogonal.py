"""Soft orthogonality: the units of a layer are drawn towards weights at right angles."""

from __future__ import annotations

from collections.abc import Mapping

from gengap.techniques.base import Hooks, PlainKeras, Strength, Technique

__all__ = ["TECHNIQUE"]

DEFINITIONS = '''
class SoftOrthogonality(keras.regularizers.Regularizer):
    """The distance of a kernel's matrix from one with orthonormal columns or rows, squared.

    `incoming` are the axes along which the weights lie that a unit takes in; `other` is a
    regularizer that the kernel had before.
    """

    def __init__(self, strength, incoming, other=None):
        self.strength = strength
        self.incoming = incoming
        self.other = other

    def __call__(self, kernel):
        others = [axis for axis in range(len(kernel.shape)) if axis not in self.incoming]
        moved = keras.ops.transpose(kernel, (*others[:-1], *self.incoming, others[-1]))
        size = 1
        for axis in self.incoming:
            size *= kernel.shape[axis]
        matrices = keras.ops.reshape(moved, (-1, size, kernel.shape[others[-1]]))
        turned = keras.ops.swapaxes(matrices, 1, 2)
        wide = size < matrices.shape[2]
        gram = keras.ops.matmul(matrices, turned) if wide else keras.ops.matmul(turned, matrices)
        apart = gram - keras.ops.eye(gram.shape[-1], dtype=gram.dtype)
        penalty = self.strength * keras.ops.sum(keras.ops.square(apart))
        return penalty if self.other is None else penalty + self.other(kernel)


def with_soft_orthogonality(network, strength, incoming):
    """Penalize kernels, by their places among the weights, that are far from orthonormal ones."""
    for place, axes in incoming.items():
        weight = network.trainable_variables[place]
        weight.regularizer = SoftOrthogonality(strength, axes, weight.regularizer)
    return network
'''


def _hooks(options: Mapping[str, str]) -> Hooks:
    import jax.numpy as jnp

    def distance(matrices):
        turned = matrices.swapaxes(1, 2)
        # Either side gives the same up to a constant: the smaller one takes less time.
        gram = matrices @ turned if matrices.shape[1] < matrices.shape[2] else turned @ matrices
        return jnp.sum(jnp.square(gram - jnp.eye(gram.shape[-1], dtype=gram.dtype)))

    def penalty(values, kernels):
        return values["strength"] * sum(map(distance, kernels.matrices()))

    return Hooks(penalty=penalty)


def _plain_keras(strengths: Mapping[str, float], options: Mapping[str, str]) -> PlainKeras:
    strength = strengths["strength"]
    return PlainKeras(
        definitions=DEFINITIONS,
        network=f"with_soft_orthogonality({{network}}, {strength!r}, {{incoming}})",
    )


TECHNIQUE = Technique(
    name="orthogonal",
    summary="Draws the units of each layer towards weights of length 1 at right angles.",
    formula="loss + strength * sum(|W^T W - I| ** 2) over the kernels as matrices W from what a "
    "unit takes in to the units, |.| the Frobenius norm; of wide ones |W W^T - I|, the same up to "
    "a constant. (OrthogonalRegularizer of Keras is another penalty: the mean cosine between "
    "units, whatever their lengths)",
    source="Bansal, Chen and Wang (2018), Can we gain more from orthogonality regularizations in "
    "training deep networks?, NeurIPS, eq. 1 (soft orthogonality)",
    family="penalty",
    strengths=(
        Strength("strength", low=0.0, high=10.0, neutral=0.0, grid=(1e-5, 1e-4, 1e-3, 1e-2)),
    ),
    hooks=_hooks,
    plain_keras=_plain_keras,
    cost=0.1,
    convolution_cost=0.02,
)
