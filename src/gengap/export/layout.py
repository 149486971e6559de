"""Lay Python expressions out over lines as the common formatters do."""

from __future__ import annotations

import ast

__all__ = ["WIDTH", "statement"]

#: Characters of a line.
WIDTH = 100
_STEP = "    "


def statement(prefix: str, expression: str, indent: int = 0, suffix: str = "") -> str:
    """Write a statement that ends in an expression, over several lines where one is too short.

    Parameters
    ----------
    prefix : str
        What goes before the expression, such as ``"return "``.
    expression : str
        On one line.
    indent : int
        Levels of indentation.
    suffix : str
        What goes behind it.

    Examples
    --------
    >>> print(statement("network = ", "keras.Sequential([" + "keras.layers.Dense(64), " * 4 + "])"))
    network = keras.Sequential(
        [
            keras.layers.Dense(64),
            keras.layers.Dense(64),
            keras.layers.Dense(64),
            keras.layers.Dense(64),
        ]
    )
    """
    node = ast.parse(expression, mode="eval").body
    return (
        _STEP * indent
        + prefix
        + _render(node, expression, indent, len(prefix), len(suffix))
        + suffix
    )


def _render(node: ast.expr, text: str, indent: int, before: int, behind: int) -> str:
    flat = ast.get_source_segment(text, node) or ""
    if len(_STEP) * indent + before + len(flat) + behind <= WIDTH:
        return flat
    parts = _parts(node, text)
    if parts is None:
        return flat
    opening, items, closing = parts
    inner = _STEP * (indent + 1)
    flat_items = ", ".join(label + (ast.get_source_segment(text, n) or "") for label, n in items)
    # One line for all of them, as formatters do before they give each a line of its own.
    if len(inner) + len(flat_items) <= WIDTH and not _is_collection(node):
        return f"{opening}\n{inner}{flat_items}\n{_STEP * indent}{closing}"
    lone = len(items) == 1 and not _is_collection(node)
    lines = [
        inner + label + _render(n, text, indent + 1, len(label), 0 if lone else 1)
        for label, n in items
    ]
    end = "" if lone else ","
    return opening + "\n" + ",\n".join(lines) + end + f"\n{_STEP * indent}{closing}"


def _is_collection(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple | ast.Dict | ast.Set)


def _parts(node: ast.expr, text: str) -> tuple[str, list[tuple[str, ast.expr]], str] | None:
    """Return what opens, the labelled parts, and what closes; None for what has no parts."""
    if isinstance(node, ast.Call) and (node.args or node.keywords):
        function = ast.get_source_segment(text, node.func) or ""
        items = [("", argument) for argument in node.args]
        items += [(f"{k.arg}=" if k.arg else "**", k.value) for k in node.keywords]
        return f"{function}(", items, ")"
    if isinstance(node, ast.List) and node.elts:
        return "[", [("", element) for element in node.elts], "]"
    if isinstance(node, ast.Tuple) and node.elts:
        return "(", [("", element) for element in node.elts], ")"
    if isinstance(node, ast.Dict) and node.keys:
        keys = [f"{ast.get_source_segment(text, k)}: " if k else "**" for k in node.keys]
        return "{", list(zip(keys, node.values, strict=True)), "}"
    return None
