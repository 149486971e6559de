"""Functions are compiled in the background, few at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from gengap.lanes.compiling import AT_ONCE, compile_in_background


@dataclass
class Counted:
    """Stands for functions that wait to be compiled, and counts how many are at once."""

    most: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def compile(self) -> str:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        threading.Event().wait(0.01)
        with self.lock:
            self.now -= 1
        return "compiled"


class Failing:
    def compile(self) -> str:
        raise ValueError("no such operation")


def test_few_are_compiled_at_once_whoever_asks() -> None:
    counted = Counted()
    asked = [compile_in_background(dict.fromkeys(range(3), counted)) for _ in range(2 * AT_ONCE)]
    assert {made.result() for some in asked for made in some.values()} == {"compiled"}
    assert counted.most <= AT_ONCE


def test_one_that_cannot_be_compiled_says_so_and_holds_up_no_other() -> None:
    failing = compile_in_background({number: Failing() for number in range(2 * AT_ONCE)})
    assert compile_in_background({"other": Counted()})["other"].result() == "compiled"
    for made in failing.values():
        with pytest.raises(ValueError, match="no such operation"):
            made.result()
