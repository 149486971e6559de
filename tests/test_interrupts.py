"""A first interrupt waits for a good moment, a second one does not; handlers come back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from gengap import interrupts as module
from gengap.interrupts import Interrupts, deferred_interrupts, is_interrupt_waiting


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[Callable[[], list[Any]]]:
    """Let handlers be Python's own, whatever the suite inherited, and return what tells them."""
    before = {signum: signal.getsignal(signum) for signum in module.SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield lambda: [signal.getsignal(signum) for signum in module.SIGNALS]
    for signum, handler in before.items():
        signal.signal(signum, handler)


def deferred(
    work: Callable[[Interrupts], None], tell: Callable[[float, float], object] = lambda *_: None
) -> None:
    """Do some work that an interrupt ends, sooner or later."""
    with deferred_interrupts(tell) as interrupts:
        work(interrupts)


class TestFirst:
    def test_it_waits_for_the_end_of_the_block(self) -> None:
        done = []

        def work(interrupts: Interrupts) -> None:
            assert not interrupts.pending
            assert not is_interrupt_waiting()
            interrupt()
            done.append((interrupts.pending, is_interrupt_waiting()))

        with pytest.raises(KeyboardInterrupt):
            deferred(work)
        assert done == [(True, True)]
        assert not is_interrupt_waiting()

    def test_without_one_nothing_is_raised_or_told(self) -> None:
        told: list[Any] = []
        looks = count()
        deferred(
            lambda interrupts: interrupts.wait(lambda: next(looks) > 2),
            lambda *seconds: told.append(seconds),
        )
        assert next(looks) == 4
        assert not told

    def test_it_is_told_once_as_soon_as_something_is_waited_for(self) -> None:
        told: list[tuple[float, float]] = []
        looks = count()

        def ready() -> bool:
            if (look := next(looks)) == 2:
                assert not told
                interrupt()
            return look == 5

        def work(interrupts: Interrupts) -> None:
            interrupts.wait(ready, expected=0.01)
            interrupts.wait(lambda: True, expected=7.0)

        with pytest.raises(KeyboardInterrupt):
            deferred(work, lambda *seconds: told.append(seconds))
        assert next(looks) == 6
        ((passed, expected),) = told
        assert expected == 0.01
        assert passed > 0

    def test_another_error_goes_first(self) -> None:
        def work(interrupts: Interrupts) -> None:
            interrupt()
            raise OSError("full")

        with pytest.raises(OSError, match="full"):
            deferred(work)

    def test_what_is_sent_twice_before_anybody_was_told_is_one(self) -> None:
        done = []

        def work(interrupts: Interrupts) -> None:
            interrupt()
            interrupt()
            done.append("went on")

        with pytest.raises(KeyboardInterrupt):
            deferred(work)
        assert done


class TestSecond:
    def test_it_ends_at_once_when_the_first_was_told(self) -> None:
        def ready() -> bool:
            interrupt()
            return False

        with pytest.raises(KeyboardInterrupt):
            deferred(lambda interrupts: interrupts.wait(ready))

    def test_it_ends_at_once_some_time_after_the_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As where what runs heeds no interrupt."""
        monkeypatch.setattr(module, "SAME_SECONDS", 0.0)

        def work(interrupts: Interrupts) -> None:
            while True:
                interrupt()

        with pytest.raises(KeyboardInterrupt):
            deferred(work)

    def test_one_that_was_lost_ends_the_next_wait(self) -> None:
        done = []

        def work(interrupts: Interrupts) -> None:
            interrupt()
            interrupts.heed()
            with pytest.raises(KeyboardInterrupt):
                interrupt()
            done.append("lost")
            interrupts.wait(lambda: True)
            done.append("forgotten")

        with pytest.raises(KeyboardInterrupt):
            deferred(work)
        assert done == ["lost"]


class TestHandlers:
    @pytest.mark.parametrize("ending", [None, interrupt, {}.popitem])
    def test_they_come_back(self, handlers: Callable[[], list[Any]], ending: Any) -> None:
        before = handlers()
        try:
            with deferred_interrupts() as interrupts:
                assert handlers() == [interrupts, signal.SIG_DFL]
                if ending is not None:
                    ending()
        except (KeyboardInterrupt, KeyError):
            assert ending is not None
        assert handlers() == before

    def test_the_users_own_is_called_at_once(self, handlers: Callable[[], list[Any]]) -> None:
        called = []

        def own(signum: int, frame: Any) -> None:
            called.append(signum)

        signal.signal(signal.SIGINT, own)
        with deferred_interrupts() as interrupts:
            interrupt()
            assert called == [signal.SIGINT]
            assert not interrupts.pending
        assert handlers()[0] is own

    def test_what_is_ignored_stays_ignored(self, handlers: Callable[[], list[Any]]) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with deferred_interrupts() as interrupts:
            interrupt()
            assert not interrupts.pending
        assert handlers()[0] is signal.SIG_IGN

    def test_one_that_is_set_meanwhile_stays(self, handlers: Callable[[], list[Any]]) -> None:
        def own(signum: int, frame: Any) -> None:
            """Take no notice."""

        with deferred_interrupts():
            signal.signal(signal.SIGINT, own)
        assert handlers()[0] is own

    def test_what_asks_to_end_waits_where_it_interrupts(
        self, handlers: Callable[[], list[Any]]
    ) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        done = []

        def work(interrupts: Interrupts) -> None:
            signal.raise_signal(signal.SIGTERM)
            done.append(interrupts.pending)

        with pytest.raises(KeyboardInterrupt):
            deferred(work)
        assert done == [True]
        assert handlers() == [signal.default_int_handler] * 2

    def test_off_the_main_thread_nothing_is_put_off(
        self, handlers: Callable[[], list[Any]]
    ) -> None:
        found: list[Any] = []

        def work() -> None:
            with deferred_interrupts() as interrupts:
                found.extend([handlers(), type(interrupts), interrupts.pending])
                interrupts.wait(lambda: True)

        before = handlers()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert found == [before, Interrupts, False]
        with pytest.raises(KeyboardInterrupt):
            interrupt()
