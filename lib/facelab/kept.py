"""`kept`: what several trainings start from is worked out once, and then read from the cache.

    @kept
    def framed(factors, expression, *, margin): ...

joblib keeps the results; here are the key of the code, and that a process which asks while another
works it out waits for it.
"""

import functools
import shutil
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import filelock
import joblib

from facelab.paths import cache_dir
from facelab.provenance import reached_fingerprint

P = ParamSpec("P")
T = TypeVar("T")


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """Keeps what a function returns in the cache folder, by its arguments and its code.

    The code is that of the function and all that it leads to in this library, as it was when this
    process first called it. Results of other code are removed when newer code comes to its first.

    Args:
        function: of a module, and a function of its arguments only, which joblib can hash.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @functools.cache
    def code() -> str:
        return reached_fingerprint(name)

    @functools.wraps(function)
    def found(*args: P.args, **kwargs: P.kwargs) -> T:
        home = cache_dir() / "kept" / name / code()
        if not home.is_dir():
            for older in home.parent.glob("*"):
                shutil.rmtree(older, ignore_errors=True)
            home.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(home / f"{joblib.hash((args, kwargs))}.lock"):
            return joblib.Memory(home, verbose=0).cache(function)(*args, **kwargs)

    return found
