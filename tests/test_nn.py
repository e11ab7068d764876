"""Shared blocks: freed memory stays with the process where the C library can do it."""

import ctypes

from facelab import nn


def test_freed_memory_is_asked_for_once_per_threshold(monkeypatch):
    calls = []

    class Library:
        def mallopt(self, parameter, value):
            calls.append((parameter, value))

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    nn.keep_freed_memory()
    assert [parameter for parameter, _ in calls] == [-3, -1]  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
    assert all(2**29 < value < 2**31 for _, value in calls)  # as a C int


def test_other_c_libraries_are_left_alone(monkeypatch):
    def missing(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", missing)
    nn.keep_freed_memory()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())  # has no mallopt
    nn.keep_freed_memory()
