"""Every technique in every form that its options give it, found by discovery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gengap.techniques.discovery import techniques

CATALOGUE = techniques()


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
    return spelled(technique.name, {s.name: s.neutral for s in technique.strengths} | options)


def _in_step(form: str) -> bool:
    technique, options = FORMS[form]
    return technique.hooks(options).in_step


#: Forms that change a training step, those of them that draw numbers, and forms that only judge.
IN_STEP = [form for form in FORMS if _in_step(form)]
RANDOM = [form for form in IN_STEP if FORMS[form][0].random]
JUDGES = [form for form, (technique, _) in FORMS.items() if technique.judges]


def kinds(forms: Iterable[str]) -> list[tuple[str, str]]:
    """Pair every form with each kind of data that it serves."""
    return [(kind, form) for form in forms for kind in FORMS[form][0].modalities]
