"""The part of a program that builds and compiles a network."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from gengap.data.row_form import RowForm
from gengap.export.blanks import filled
from gengap.export.expressions import NotPlainError, expression, literal, short_numbers
from gengap.export.layout import statement
from gengap.export.outputs_source import OutputsSource
from gengap.export.refusal import refusal
from gengap.networks.compiling import decay_exclusions, is_keras_own, loss_weights_of, losses_of
from gengap.networks.existing import layer_paths
from gengap.networks.shapes import input_names
from gengap.techniques.base import PlainKeras

__all__ = ["OF_DATA", "NetworkSource", "network_source"]

#: What a technique's expressions may name of the data: see `gengap.techniques.plain_keras`.
OF_DATA = ("steps", "columns", "value_range")


@dataclass(frozen=True)
class NetworkSource:
    """Source text of a network.

    Attributes
    ----------
    imports : tuple of str
        Statements, for custom layers.
    function : str
        ``build_network``, with what it needs before it.
    arguments : tuple of str
        Of that function: ``width``, of the inputs where there is one, and what else of `OF_DATA`
        it needs.
    constants : str
        What stands at the end of the program: the configuration of a network that is not a plain
        sequence of layers; else empty.
    """

    imports: tuple[str, ...]
    function: str
    arguments: tuple[str, ...] = ("width",)
    constants: str = ""


def network_source(
    model: keras.Model,
    fragments: Sequence[PlainKeras],
    metric: str | None = None,
    *,
    form: RowForm | None = None,
    outputs: OutputsSource | None = None,
) -> NetworkSource:
    """Write the function that builds and compiles a network.

    Parameters
    ----------
    model : keras.Model
        With the recipe's layers and regularizers in it; compiled as the user compiled it.
    fragments : sequence of PlainKeras
        What the recipe's techniques change about optimizer and loss.
    metric : str, optional
        Expression of a metric.
    form : RowForm, optional
        Of images and sequences, as the network takes them.
    outputs : OutputsSource, optional
        Where there are several; the metric is of the one that decides.

    Raises
    ------
    UserError
        ``no-plain-source``, where the network cannot be written down.
    """
    _refuse_frozen(model)
    try:
        written = _sequential(model)
    except NotPlainError:
        written = _from_configuration(model)
    lines, imports, constants = written
    losses = [_loss(loss) for loss in losses_of(model)]
    needed = tuple(dict.fromkeys(line for _, imports in losses for line in imports))
    compiled = _compile(model, fragments, [loss for loss, _ in losses], metric, form, outputs)
    body = [*lines, *compiled]
    texts = [text for f in fragments for text in (*f.shared_definitions, f.definitions)]
    changes = [change for f in fragments for change in (f.network, f.optimizer, f.loss) if change]
    needs = {name for name in OF_DATA for text in changes if re.search(rf"\b{name}\b", text)}
    # A graph with several inputs has their sizes in its configuration.
    width = () if input_names(model) else ("width",)
    arguments = (*width, *(name for name in OF_DATA if name in needs))
    head = f"def build_network({', '.join(arguments)}):"
    function = "\n".join([head, '    """Build and compile the network."""', *body])
    parts = [*dict.fromkeys(text.strip("\n") for text in texts if text), function]
    return NetworkSource((*imports, *needed), "\n\n\n".join(parts), arguments, constants)


def _sequential(model: keras.Model) -> tuple[list[str], tuple[str, ...], str]:
    """Return the lines that make a plain sequence of layers, a line a layer."""
    if type(model) is not keras.Sequential:
        raise NotPlainError("not a Sequential network")
    layers = ", ".join([_input(model), *_layer_expressions(model)])
    return [statement("network = ", f"keras.Sequential([{layers}])", 1)], (), ""


def _input(model: keras.Model) -> str:
    given = model.inputs[0]
    shape = tuple(given.shape[1:])
    text = "(width,)" if len(shape) == 1 else literal(shape)
    dtype = "" if given.dtype == keras.config.floatx() else f", dtype={literal(given.dtype)}"
    return f"keras.Input({text}{dtype})"


def _layer_expressions(model: keras.Sequential) -> Iterator[str]:
    for layer in model.layers:
        if isinstance(layer, keras.Sequential):
            yield f"keras.Sequential([{', '.join(_layer_expressions(layer))}])"
        else:
            yield expression(layer, _adapted(layer))


def _adapted(layer: keras.layers.Layer) -> dict[str, object]:
    """Return the statistics of a normalization that was adapted to data."""
    if not isinstance(layer, keras.layers.Normalization) or layer.input_mean is not None:
        return {}
    mean, variance = layer.mean, layer.variance
    return {
        "mean": keras.ops.convert_to_numpy(mean).reshape(-1).tolist(),
        "variance": keras.ops.convert_to_numpy(variance).reshape(-1).tolist(),
    }


def _from_configuration(model: keras.Model) -> tuple[list[str], tuple[str, ...], str]:
    """Return the lines that make any other network, the imports, and its configuration."""
    custom = {type(layer) for layer, _ in layer_paths(model) if not is_keras_own(layer)}
    names = sorted(kind.__name__ for kind in custom)
    imports = tuple(sorted(_import(kind) for kind in custom))
    try:
        configuration = json.loads(model.to_json())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise refusal(f"it has no configuration ({str(error).splitlines()[0]})") from error
    configuration.pop("compile_config", None)
    for layer, _ in layer_paths(model):
        _write_adapted(configuration, layer)
    text = json.dumps(short_numbers(configuration), indent=1)
    lines = []
    if '"__lambda__"' in text:
        lines = [
            "    # A Lambda layer of your own network comes as code.",
            "    keras.config.enable_unsafe_deserialization()",
        ]
    objects = ", ".join(f'"{name}": {name}' for name in names)
    arguments = f"NETWORK, custom_objects={{{objects}}}" if names else "NETWORK"
    lines.append(statement("network = ", f"keras.models.model_from_json({arguments})", 1))
    # As the program will make it; the code in it is that of the live network.
    made = keras.saving.deserialize_keras_object(
        json.loads(text), {kind.__name__: kind for kind in custom}, safe_mode=False
    )
    lines += _set_by_hand(model, made)
    return lines, imports, f'NETWORK = r"""\n{text}\n"""'


def _set_by_hand(model: keras.Model, made: keras.Model) -> Iterator[str]:
    """Write down what acts on weights and does not come with the configuration of their layer."""
    pairs = zip(model.trainable_variables, made.trainable_variables, strict=True)
    for place, (given, found) in enumerate(pairs):
        for name in ("regularizer", "constraint"):
            wanted = getattr(given, name)
            if wanted is not None and _config_of(wanted) != _config_of(getattr(found, name)):
                where = f"network.trainable_variables[{place}].{name} = "
                yield statement(where, expression(wanted), 1)


def _config_of(value: Any) -> Any:
    return value.get_config() if hasattr(value, "get_config") else value


def _write_adapted(configuration: object, layer: keras.layers.Layer) -> None:
    """Put an adapted normalization's statistics into the configuration, where it stands by name."""
    adapted = _adapted(layer)
    if not adapted:
        return
    if isinstance(configuration, dict):
        inner = configuration.get("config", {})
        if configuration.get("class_name") == "Normalization" and inner.get("name") == layer.name:
            inner.update(adapted)
        for value in configuration.values():
            _write_adapted(value, layer)
    elif isinstance(configuration, list):
        for value in configuration:
            _write_adapted(value, layer)


def _import(kind: Any) -> str:
    module, name = kind.__module__, kind.__name__
    if module == "__main__":
        raise refusal(f"{name} is defined in the program that calls gengap, not in a module")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError:
        found = None
    if found is not kind:
        raise refusal(f"{name} cannot be imported from {module}")
    return f"from {module} import {name}"


def _compile(
    model: keras.Model,
    fragments: Sequence[PlainKeras],
    losses: Sequence[str],
    metric: str | None,
    form: RowForm | None,
    outputs: OutputsSource | None,
) -> Iterator[str]:
    if not is_keras_own(model.optimizer):
        raise refusal(f"{type(model.optimizer).__name__} is not an optimizer of Keras")
    optimizer = expression(model.optimizer)
    places, pattern = decay_exclusions(model.optimizer, model.trainable_variables)
    if places or pattern:
        yield statement("optimizer = ", optimizer, 1)
        weights = ", ".join(f"network.trainable_variables[{place}]" for place in places)
        arguments = [f"var_list=[{weights}]"] * bool(places)
        arguments += [f"var_names=[{literal(pattern)}]"] * bool(pattern)
        yield statement("", f"optimizer.exclude_from_weight_decay({', '.join(arguments)})", 1)
        optimizer = "optimizer"
    for fragment in fragments:
        if fragment.network:
            yield statement("network = ", filled(fragment.network, model, network="network"), 1)
    # What changes batches comes after all other changes of the network.
    if form and any("with_batches(" in (fragment.network or "") for fragment in fragments):
        if form.padding is not None:
            yield "    network.padding = PADDING"
        if form.modality == "image" and len(form.shape) == 2:
            yield "    network.flat = True"
    for fragment in fragments:
        if fragment.optimizer:
            optimizer = filled(fragment.optimizer, model, optimizer=optimizer)
        if fragment.loss:
            # What changes a loss acts on those of classes.
            acting = [True] if outputs is None else outputs.has_classes
            losses = [
                filled(fragment.loss, model, loss=loss) if acts else loss
                for loss, acts in zip(losses, acting, strict=True)
            ]
    loss, metrics = losses[0], f", metrics=[{metric}]" if metric else ""
    if outputs is not None:
        loss = outputs.packed(losses)
        counts = loss_weights_of(model)
        if counts is not None:
            loss += f", loss_weights={outputs.packed([literal(one) for one in counts])}"
        metrics = f", metrics={{{literal(outputs.key)}: [{metric}]}}" if metric else ""
    yield statement("", f"network.compile(optimizer={optimizer}, loss={loss}{metrics})", 1)
    yield "    return network"


def _loss(loss: Any) -> tuple[str, tuple[str, ...]]:
    """Return a loss as an expression, and the imports that it needs."""
    if inspect.isfunction(loss) and not is_keras_own(loss):
        return loss.__name__, (_import(loss),)
    try:
        return expression(loss), ()
    except NotPlainError as error:
        raise refusal(f"its loss is not one of Keras ({error})") from error


def _refuse_frozen(model: keras.Model) -> None:
    frozen = [
        layer.name
        for layer, _ in layer_paths(model)
        if layer.weights
        and not layer.trainable
        and not isinstance(layer, keras.layers.Normalization)
    ]
    if frozen:
        raise refusal(f"its layers {', '.join(frozen[:5])} are frozen with weights of their own")
