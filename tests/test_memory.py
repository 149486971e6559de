"""What memory there is, of the machine, of its control group and of the devices."""

from __future__ import annotations

import ctypes
import math
import mmap
import os
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import jax
import pytest

from gengap.memory import (
    MEMORY_SHARE,
    Room,
    available_bytes,
    free_of_group,
    free_of_machine,
    give_back_freed,
    process_bytes,
)


def test_a_process_that_grows_says_so() -> None:
    """A second study in one process plans with what is held then."""
    before = process_bytes()
    if not before:
        assert not Path("/proc/self/statm").exists()
        return
    size = 64_000_000
    # Fresh pages: an array may lie where another one was, which the process has not given back.
    with mmap.mmap(-1, size) as held:
        for start in range(0, size, mmap.PAGESIZE):
            held[start] = 1
        assert process_bytes() - before > 0.9 * size


def test_pages_are_as_large_as_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc/self/statm").exists():
        assert process_bytes() == 0
        return
    page = os.sysconf("SC_PAGE_SIZE")
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PAGE_SIZE": 16 * page}[name])
    large = process_bytes()
    monkeypatch.undo()
    assert large == pytest.approx(16 * process_bytes(), rel=0.2)


def test_what_is_free_on_the_machine(tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:       1000 kB\nMemFree:  7 kB\nMemAvailable:   300 kB\n")
    assert free_of_machine(told) == 300 * 1024
    assert free_of_machine(tmp_path / "none") == math.inf


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, math.inf),
        ({"memory.max": "max\n", "memory.current": "500\n"}, math.inf),
        ({"memory.max": "2000\n", "memory.current": "500\n"}, 1500),
        (
            {
                "memory.max": "2000\n",
                "memory.current": "1900\n",
                "memory.stat": "anon 400\ninactive_file 900\nactive_file 600\n",
            },
            1000,
        ),
        ({"memory.max": "2000\n", "memory.current": "2400\n"}, 0),
    ],
)
def test_what_a_control_group_leaves(tmp_path: Path, files: dict[str, str], free: float) -> None:
    """Its other processes take their share too; files that nobody uses make room."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert free_of_group(tmp_path) == free


def test_a_group_that_says_its_limit_only_holds_this_process(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(str(10**12))
    assert free_of_group(tmp_path) == pytest.approx(10**12 - process_bytes(), abs=1e8)


def test_only_the_devices_that_train_count(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = [
        SimpleNamespace(platform="gpu", memory_stats=lambda size=size: {"bytes_limit": size})
        for size in (10.0, 20.0, 40.0)
    ]
    monkeypatch.setattr(jax, "devices", lambda: cards)
    assert [available_bytes(count) for count in (1, 2, 3)] == [10, 30, 70]
    cards[1] = SimpleNamespace(platform="gpu", memory_stats=lambda: None)
    assert available_bytes(2) == math.inf


def test_lanes_may_take_a_share_of_what_rows_and_programs_leave() -> None:
    room = Room(free=(1000.0, 1500.0), rows=100, programs=50)
    assert room.for_lanes(1) == pytest.approx(MEMORY_SHARE * 850)
    assert room.for_lanes(2) == pytest.approx(MEMORY_SHARE * 1250)
    assert room.needed(300, devices=2) == 550
    assert Room((math.inf,), rows=100, programs=50).for_lanes(1) == math.inf


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim") if os.name == "posix" else True,
    reason="this C library keeps nothing that could be given back",
)
def test_what_a_thread_has_freed_is_given_back() -> None:
    c = ctypes.CDLL(None)
    c.malloc.restype, c.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    size, count = 10_000, 10_000

    def take_and_free() -> None:
        taken = [c.malloc(size) for _ in range(count)]
        for block in taken:
            ctypes.memset(block, 1, size)
        for block in taken[:-1]:  # the last one keeps the library from giving back by itself
            c.free(block)

    thread = Thread(target=take_and_free)
    thread.start()
    thread.join()
    before = process_bytes()
    give_back_freed()
    assert before - process_bytes() > 0.8 * size * count
