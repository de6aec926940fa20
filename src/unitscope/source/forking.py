"""Where workers come from. Loaded without torch, so that they can be made ready while this process is still loading."""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import BaseContext

PRELOADED = ("unitscope.fold.drive", "unitscope.recording.recording", "unitscope.opening.inputs")
"""What workers need, and all that it imports."""


def context() -> BaseContext:
    """Workers are forked from a process that did nothing but import what they need, so each begins at once.

    It stands as long as this process, so the next stage's workers begin at once too. Never forked from this process,
    which may have threads. Where systems have no fork, each worker imports for itself.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([*PRELOADED])
    return made


def prepare() -> None:
    """Begin to import what workers need, in the process that they will be forked from."""
    if context().get_start_method() == "forkserver":
        forkserver.ensure_running()
