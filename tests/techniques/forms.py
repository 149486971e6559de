"""Every technique in every form that its options give it, found by discovery."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import keras

from gengap.errors import UserError
from gengap.export.blanks import filled as filled_in
from gengap.networks.serving import check_parts
from gengap.networks.variants import build_variant, variant_of
from gengap.recipe import Recipe
from gengap.techniques.discovery import techniques
from lanes.cases import MODALITIES, NETWORKS, compiled

CATALOGUE = techniques()

#: Networks that most techniques are tested on, by their kinds of data.
PLAIN = ("table", "image", "sequence")


def spelled(name: str, settings: Mapping[str, object]) -> str:
    """Write a recipe of one technique."""
    inside = ", ".join(f"{key}={value}" for key, value in settings.items())
    return f"{name}({inside})" if inside else name


#: What is written -> the technique and its options.
FORMS = {
    spelled(name, options): (technique, options)
    for name, technique in CATALOGUE.items()
    for options in technique.forms()
}


def filled(form: str) -> str:
    """Return a recipe with the strongest point of the technique's grid."""
    technique, options = FORMS[form]
    return spelled(technique.name, {s.name: s.grid[-1] for s in technique.strengths} | options)


def neutral(form: str) -> str:
    """Return a recipe that must train as the baseline does."""
    technique, options = FORMS[form]
    return spelled(technique.name, {s.name: s.idle for s in technique.strengths} | options)


#: Forms that change a training step, those of them that draw numbers, and forms that only judge.
IN_STEP = [form for form, (technique, options) in FORMS.items() if technique.hooks(options).in_step]
RANDOM = [form for form in IN_STEP if FORMS[form][0].random]
JUDGES = [form for form, (technique, _) in FORMS.items() if technique.judges]


@functools.cache
def serves(kind: str, form: str) -> bool:
    """Tell whether a form is made for a network, and is not refused for lack of what it acts on."""
    technique, options = FORMS[form]
    if MODALITIES[kind] not in technique.modalities:
        return False
    model = compiled(NETWORKS[kind](), keras.optimizers.Adam(0.01))
    recipe = Recipe.parse(filled(form))
    try:
        technique.check(model, options)
        check_parts(recipe, build_variant(model, variant_of(recipe, model)))
    except UserError:
        return False
    return True


def served(form: str) -> tuple[str, ...]:
    """Return the networks that a form serves: plain ones, or else those with rarer parts."""
    plain = tuple(kind for kind in PLAIN if serves(kind, form))
    return plain or tuple(kind for kind in NETWORKS if serves(kind, form))


def kinds(forms: Iterable[str]) -> list[tuple[str, str]]:
    """Pair every form with each network that it serves."""
    return [(kind, form) for form in forms for kind in served(form)]


def plainly(
    recipe: str, what: str, given: Any, *, model: keras.Model | None = None, **names: int
) -> Any:
    """Evaluate what a technique makes of an optimizer, a loss or a network in plain Keras.

    Parameters
    ----------
    recipe : str
        Of one technique, its strengths given.
    what : {"optimizer", "loss", "network"}
    given : object
        What it wraps; returned as it is where the technique leaves it alone.
    model : keras.Model, optional
        The network, where the expression says something about its parts.
    **names : int
        What the expression may name, such as the steps of an epoch.
    """
    parsed = Recipe.parse(recipe)
    (name,) = parsed.names
    plain = CATALOGUE[name].plain_keras(parsed.values()[name], parsed.options()[name])
    expression = getattr(plain, what)
    if expression is None:
        return given
    scope: dict[str, Any] = {"keras": keras, "jax": jax, what: given, **names}
    exec("".join((*plain.shared_definitions, plain.definitions)), scope)
    written = filled_in(expression, model, **{what: what})
    return eval(written, scope)
