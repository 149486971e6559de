"""Where the hidden layers of a network are, found by watching it compute.

A hidden site is one call of a layer that holds kernels, with the normalizations and nonlinearities
that directly follow it; the chain that makes the network's output is none. What is watched is an
abstract evaluation (`jax.eval_shape`) in inference mode: which layer takes which value is told by
the identity of the traced values, so that Sequential, Functional, nested and subclassed networks
are read alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from gengap.networks.graphs import output_layers
from gengap.networks.tracing import patched, restarting, watched_pass

__all__ = [
    "Site",
    "at_sites",
    "count_calls",
    "hidden_sites",
    "incoming_axes",
    "incoming_axes_of",
    "is_hidden_kind",
    "kernels",
    "patched",
]

_HIDDEN_NAMES = (
    "Dense",
    "EinsumDense",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "RNN",
    "Bidirectional",
    "MultiHeadAttention",
    "GroupQueryAttention",
)
_CHAIN_NAMES = (
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "UnitNormalization",
    "Activation",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "Softmax",
    "Identity",
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "ActivityRegularization",
)
_HIDDEN = tuple(getattr(keras.layers, name) for name in _HIDDEN_NAMES)
_CHAIN = tuple(getattr(keras.layers, name) for name in _CHAIN_NAMES)
_PASSIVE = (keras.layers.Embedding, keras.Model)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
#: Axes for which Keras drops whole channels.
_MOST_AXES = 3
_TRANSPOSED = tuple(
    getattr(keras.layers, name) for name in _HIDDEN_NAMES if name.endswith("Transpose")
)


@dataclass(frozen=True, eq=False)
class Site:
    """A hidden layer of a network.

    Attributes
    ----------
    layers : tuple of keras.layers.Layer
        The layer with the kernel, then the normalizations and nonlinearities that follow it.
    calls : tuple of int
        The how-manieth call of each of these layers in one pass this is, from 0: a layer that is
        shared is called several times.
    input_shape, output_shape : tuple of int
        Of one row: what it takes in, and what it makes.
    """

    layers: tuple[keras.layers.Layer, ...]
    calls: tuple[int, ...]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]

    @property
    def kernel_layer(self) -> keras.layers.Layer:
        """The layer with the kernel."""
        return self.layers[0]

    @property
    def end(self) -> keras.layers.Layer:
        """The layer whose output is the hidden layer's output."""
        return self.layers[-1]

    @property
    def axes(self) -> int:
        """How many axes its output has between rows and channels."""
        return len(self.output_shape) - 1

    @property
    def has_channels(self) -> bool:
        """Whether its output has channels at several positions or time steps."""
        return 1 <= self.axes <= _MOST_AXES


@dataclass
class _Chain:
    layers: list[keras.layers.Layer]
    calls: list[int]
    taken: tuple[int, ...]
    value: Any

    def site(self) -> Site:
        shape = tuple(self.value.shape[1:])
        return Site(tuple(self.layers), tuple(self.calls), self.taken, shape)


def is_hidden_kind(layer: keras.layers.Layer) -> bool:
    """Tell whether a layer counts as one that holds kernels.

    Keras' own dense, convolutional, recurrent and attention layers do, wrappers of them, and any
    custom layer with a trainable variable of its own of two or more axes.
    """
    if isinstance(layer, _PASSIVE):
        return False
    if isinstance(layer, _HIDDEN):
        return True
    if isinstance(layer, keras.layers.Wrapper):
        return is_hidden_kind(layer.layer)
    if type(layer).__module__.startswith("keras."):
        return False
    return any(len(variable.shape) >= 2 for variable in layer._trainable_variables)


def hidden_sites(model: keras.Model, sample_shape: Any) -> tuple[Site, ...]:
    """Find the hidden layers of a built network, in the order in which they are computed.

    Parameters
    ----------
    model : keras.Model
        Built.
    sample_shape : sequence of int, or mapping of such
        Shape of one sample, without the batch axis.

    Returns
    -------
    tuple of Site
        The layer that makes the output is not among them: the chain whose value *is* the output,
        or, where the output is computed without a layer, the last one called. Of several outputs
        none of the layers that make one is.

    Examples
    --------
    >>> import keras
    >>> layers = [keras.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2)]
    >>> [site.kernel_layer.units for site in hidden_sites(keras.Sequential(layers), (3,))]
    [8]
    """
    chains: list[_Chain] = []
    depth = [0]
    seen: dict[int, int] = {}

    def watch(layer: keras.layers.Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        hidden = is_hidden_kind(layer)

        def watched(*args: Any, **kwargs: Any) -> Any:
            if depth[0]:
                return call(*args, **kwargs)
            number = seen.get(id(layer), 0)
            seen[id(layer)] = number + 1
            depth[0] += 1
            try:
                value = call(*args, **kwargs)
            finally:
                depth[0] -= 1
            taken = args[0] if args else next(iter(kwargs.values()), None)
            result = keras.tree.flatten(value)[0]
            if hidden:
                chains.append(_Chain([layer], [number], _row_shape(taken), result))
            else:
                for chain in chains:
                    if taken is chain.value and result is not taken:
                        chain.layers.append(layer)
                        chain.calls.append(number)
                        chain.value = result
                        break
            return value

        return watched

    watched_layers = [
        layer for layer in _every_layer(model) if is_hidden_kind(layer) or isinstance(layer, _CHAIN)
    ]
    outputs = watched_pass(model, sample_shape, watched_layers, watch)
    making = output_layers(model)
    last = [
        chain
        for chain in chains
        if any(chain.value is output for output in outputs)
        or any(chain.layers[-1] is layer for layer in making)
    ]
    last = last or chains[-1:]
    return tuple(chain.site() for chain in chains if not any(chain is other for other in last))


@contextmanager
def at_sites(
    model: keras.Model, sites: Sequence[Site], change: Callable[[int, Any], Any]
) -> Iterator[None]:
    """Let `change` replace the output of every site while the network is traced.

    Parameters
    ----------
    model : keras.Model
    sites : sequence of Site
        Of this network (`hidden_sites`).
    change : callable
        ``(index of the site, output) -> output``.

    Notes
    -----
    The calls of the layers are patched on the instances, and unpatched at the end; nothing that is
    saved or traced afterwards is touched. A layer that is called several times in one pass is
    changed at the calls that are sites.
    """
    index_of = {(id(site.end), site.calls[-1]): index for index, site in enumerate(sites)}
    counts: dict[int, int] = {}

    def patch(layer: keras.layers.Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        def patched(*args: Any, **kwargs: Any) -> Any:
            number = counts.get(id(layer), 0)
            counts[id(layer)] = number + 1
            value = call(*args, **kwargs)
            index = index_of.get((id(layer), number))
            if index is None:
                return value
            if isinstance(value, list | tuple):
                return type(value)([change(index, value[0]), *value[1:]])
            return change(index, value)

        return patched

    ends = {id(site.end): site.end for site in sites}
    with patched([model], restarting(counts)), patched(list(ends.values()), patch):
        yield


def count_calls(model: keras.Model, layers: Sequence[keras.layers.Layer], sample_shape: Any) -> int:
    """Count how often one pass calls the given layers, together."""
    count = [0]

    def watch(layer: keras.layers.Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            return call(*args, **kwargs)

        return watched

    watched_pass(model, sample_shape, layers, watch)
    return count[0]


def kernels(model: keras.Model) -> tuple[bool, ...]:
    """Tell which of ``model.trainable_variables`` are kernels, in their order.

    In Keras' layers a kernel is what is named so (``kernel``, ``recurrent_kernel``,
    ``depthwise_kernel``, ...), not biases, scales, offsets, slopes and embeddings. In a custom
    layer it is every trainable variable of two or more axes.

    Examples
    --------
    >>> import keras
    >>> kernels(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
    (True, False)
    """
    owners: dict[int, bool] = {}
    for layer in model._flatten_layers(include_self=True, recursive=True):
        custom = not type(layer).__module__.startswith("keras.")
        for variable in layer._trainable_variables:
            named = variable.name.endswith("kernel")
            owners.setdefault(id(variable), named or (custom and len(variable.shape) >= 2))
    return tuple(owners[id(variable)] for variable in model.trainable_variables)


def incoming_axes(model: keras.Model) -> tuple[tuple[int, ...], ...]:
    """Tell along which axes of each kernel the weights lie that a unit takes in.

    Returns
    -------
    tuple of (tuple of int)
        In the order of ``model.trainable_variables``; empty for what is no kernel.

    Examples
    --------
    >>> import keras
    >>> incoming_axes(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
    ((0,), ())
    """
    found: dict[int, tuple[int, ...]] = {}
    for layer in model._flatten_layers(include_self=True, recursive=True):
        for variable in layer._trainable_variables:
            found.setdefault(id(variable), incoming_axes_of(layer, variable))
    return tuple(
        found[id(variable)] if kernel else ()
        for variable, kernel in zip(model.trainable_variables, kernels(model), strict=True)
    )


def incoming_axes_of(layer: keras.layers.Layer, kernel: keras.Variable) -> tuple[int, ...]:
    """Tell along which axes of a layer's kernel the weights lie that a unit takes in.

    That is all but the last; of a depthwise convolution, whose channels are units of their own, all
    but the last two; of a transposed one, which has its units before its inputs, all but the last
    but one.
    """
    last = len(kernel.shape) - 1
    outgoing = {last}
    if isinstance(layer, _DEPTHWISE) or kernel.name == "depthwise_kernel":
        outgoing = {last - 1, last}
    elif isinstance(layer, _TRANSPOSED):
        outgoing = {last - 1}
    return tuple(axis for axis in range(last + 1) if axis not in outgoing)


def _row_shape(taken: Any) -> tuple[int, ...]:
    """Return the shape of a row of what a layer takes in, the first where it takes several."""
    first = next(iter(keras.tree.flatten(taken)), None)
    return tuple(getattr(first, "shape", ())[1:])


def _every_layer(model: keras.Model) -> list[keras.layers.Layer]:
    unique = {
        id(layer): layer for layer in model._flatten_layers(include_self=False, recursive=True)
    }
    return list(unique.values())
