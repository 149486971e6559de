"""The error for what no plain program can do."""

from __future__ import annotations

from gengap.errors import UserError

__all__ = ["NO_SOURCE", "refusal"]

#: Its code.
NO_SOURCE = "no-plain-source"


def refusal(reason: str) -> UserError:
    """Return the error, with its reason."""
    return UserError(
        NO_SOURCE,
        f"no plain Keras program can be written for this study: {reason}",
        "model.keras holds the trained network itself",
    )
