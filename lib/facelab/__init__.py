"""facelab: eight face papers as notebooks, each number beside the paper's own.

The data flows one way: `faces` or `data` -> `experiment` (trains a model of `papers/<paper>`) ->
`metrics` and `judges` -> `labbook` -> `results/` and `figures/`.
"""

__version__ = "0.1.0"


class FacelabError(Exception):
    """A problem the user can put right. The command line prints its message without a traceback."""
