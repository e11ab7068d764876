"""Blocks of training that more than one paper uses."""

import ctypes


def keep_freed_memory() -> None:
    """Lets glibc keep what tensors free: getting pages anew costs a fifth of a training step.

    For training on the CPU, once a process; under another C library it does nothing.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return  # another C library
    for parameter, value in ((-3, 2**30), (-1, 2**31 - 1)):  # mmap and trim thresholds, bytes
        mallopt(parameter, value)
