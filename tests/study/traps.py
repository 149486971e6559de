"""Places of a training where a test wants to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gengap.lanes.compiled import Compiled


def while_training(do: Callable[[], None]) -> None:
    """Let this process do something whenever it has begun to compute a chunk of epochs."""
    advance_of = Compiled.advance.func

    def trapped(compiled: Compiled) -> Callable[..., Any]:
        def advance(*given: Any) -> Any:
            computing = advance_of(compiled)(*given)
            do()
            return computing

        return advance

    Compiled.advance = property(trapped)
