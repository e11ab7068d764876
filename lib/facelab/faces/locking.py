"""One process at a time for work whose result is a file, also after a process died at it."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STALE_SECONDS = 3600.0  # a lock from another machine that is this old was left behind


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Holds the lock file `path` during the block; waits while another process holds it.

    A lock whose process is gone (same machine), or that is an hour old, is taken over.
    """
    mine = f"{socket.gethostname()} {os.getpid()}"
    while True:
        try:
            with open(path, "x") as file:
                file.write(mine)
            break
        except FileExistsError:
            if _abandoned(path):
                path.unlink(missing_ok=True)
            else:
                time.sleep(0.2)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _abandoned(path: Path) -> bool:
    """Whether the process that made the lock can no longer be at work."""
    try:
        age = time.time() - path.stat().st_mtime
        host, _, process = path.read_text().partition(" ")
    except FileNotFoundError:
        return False  # just released
    if age > STALE_SECONDS:
        return True
    if host != socket.gethostname() or not process.isdigit():
        return age > 10 and not host  # never written: its maker died between two lines
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # alive, and somebody else's
    return False
