"""A chart as markup for a page: text stays text, colours become the page's, nothing is inline.

matplotlib writes a style attribute on every element, which a strict content security policy
forbids, and colours that know nothing of a dark page. Here every distinct style becomes a class in
the page's one style sheet, and every colour the custom property of its role.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from html import escape
from xml.etree import ElementTree as ET

import matplotlib as mpl

from gengap.report.canvas import Chart, foreign_glyphs
from gengap.report.palette import PALETTE

__all__ = ["Styles", "svg"]

_NUMBER = re.compile(r"-?\d+\.\d+(e-?\d+)?")
_ROLE = {colour.light: role for role, colour in PALETTE.items()}
_DROPPED = ("font-family",)
_HREF = "{http://www.w3.org/1999/xlink}href"


class Styles:
    """Distinct styles of a page's charts, each a class."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def name(self, style: str) -> str:
        """Return the class of a style attribute (``"fill: #ffffff"``)."""
        declarations = []
        for declaration in style.split(";"):
            name, _, value = (part.strip() for part in declaration.partition(":"))
            if name in _DROPPED or not name:
                continue
            if value.startswith("#"):
                value = f"var(--{_ROLE[value]})"
            declarations.append(f"{name}:{value}")
        css = ";".join(declarations)
        return self._classes.setdefault(css, f"g{len(self._classes)}")

    def css(self) -> str:
        """Return the rules."""
        return "".join(f".{name}{{{css}}}" for css, name in self._classes.items())


def svg(chart: Chart, styles: Styles, *, key: str, title: str, description: str) -> str:
    """Return a chart as an ``<svg>`` element.

    Parameters
    ----------
    chart : Chart
    styles : Styles
        Collects the styles; its `css` belongs into the page.
    key : str
        Prefix of the element's ids, unique in the page.
    title, description : str
        What a screen reader says.
    """
    buffer = io.StringIO()
    settings = {"svg.fonttype": "none", "svg.hashsalt": "gengap"}
    with mpl.rc_context(settings), foreign_glyphs():
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        chart.savefig(buffer, format="svg", facecolor="none", metadata=metadata)
    text = _without_control_characters(buffer.getvalue())
    root = ET.fromstring(text)  # noqa: S314, matplotlib wrote it
    width, height = (f"{size:g}" for size in chart.px)
    ids: dict[str, str] = {}
    body = "".join(_element(child, styles, key, ids) for child in root)
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="{key}-title {key}-desc"><title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(description)}</desc>{body}</svg>'
    )


def _without_control_characters(text: str) -> str:
    """Return what XML allows: names may hold characters that it does not."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\N{REPLACEMENT CHARACTER}", text)


def _element(element: ET.Element, styles: Styles, key: str, ids: dict[str, str]) -> str:
    tag = element.tag.rpartition("}")[2]
    if tag in ("style", "metadata"):
        return ""
    if tag == "path" and _is_invisible(element):
        return ""
    attributes = _attributes(element.attrib, styles, key, ids, tag)
    inside = "".join(_element(child, styles, key, ids) for child in element)
    text = escape(element.text, quote=False) if tag == "text" and element.text else ""
    if tag in ("g", "defs") and not inside:
        return ""
    if tag == "g" and not attributes:
        return inside
    written = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{written}>{text}{inside}</{tag}>" if text or inside else f"<{tag}{written}/>"


def _is_invisible(element: ET.Element) -> bool:
    style = element.get("style", "")
    is_one_point = not re.search("[LCQ]", element.get("d", ""))
    return is_one_point or ("fill: none" in style and "stroke" not in style)


def _attributes(
    given: Mapping[str, str], styles: Styles, key: str, ids: dict[str, str], tag: str
) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in given.items():
        if name == "style":
            kept["class"] = styles.name(value)
        elif name == "id":
            if value.startswith("row-"):
                kept["data-row"] = value.removeprefix("row-")
            elif tag in ("path", "clipPath"):  # the only ones that are referred to
                kept["id"] = _identifier(value, key, ids)
        elif name == _HREF:
            kept["href"] = "#" + _identifier(value.removeprefix("#"), key, ids)
        elif name == "clip-path":
            kept[name] = f"url(#{_identifier(value[5:-1], key, ids)})"
        elif name == "transform":
            if not value.startswith("rotate(-0 "):
                kept[name] = _rounded(value)
        elif name == "d":
            kept[name] = re.sub(r" *([A-Za-z]) *", r"\1", _rounded(" ".join(value.split())))
        else:
            kept[name] = _rounded(value)
    return kept


def _identifier(found: str, key: str, ids: dict[str, str]) -> str:
    return ids.setdefault(found, f"{key}-{len(ids)}")


def _rounded(text: str) -> str:
    return _NUMBER.sub(lambda match: f"{round(float(match[0]), 2):g}", text)
