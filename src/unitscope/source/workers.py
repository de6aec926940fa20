"""Processes of this machine that read a source, each by its recipe and with one thread."""

import functools
import json
import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import torch

from unitscope.errors import InputError, Remark
from unitscope.source import forking
from unitscope.source.recipe import open_source
from unitscope.source.source import Source

DEATHS = 3
"""Times that the workers may die before it is said: a system without memory kills them again and again."""

Task = TypeVar("Task")
Done = TypeVar("Done")


def each(work: Callable[[Task], Done], tasks: Sequence[Task], workers: int) -> Iterator[Done]:
    """Results of ``work`` for each task as it is done, in processes with one thread each.

    Tasks of workers that die are done again.

    Raises ``InputError`` if they die again and again.
    """
    left = dict(enumerate(tasks))
    for _ in range(DEATHS):
        if not left:
            return
        with _pool(workers, len(left)) as pool:
            futures = {pool.submit(work, task): number for number, task in left.items()}
            try:
                for future in as_completed(futures):
                    done = future.result()
                    del left[futures[future]]
                    yield done
            except BrokenProcessPool:
                _STANDING.pop(workers, None)
            except BaseException:
                _STANDING.pop(workers, None)
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    if left:
        raise InputError(
            f"workers died {DEATHS} times, {len(left)} parts of the work are left; there may be too little memory "
            f"for {workers} of them: take fewer, and the same command goes on with what is there"
        )


_STANDING: dict[int, ProcessPoolExecutor] = {}
"""By their number, workers that wait for the next work."""
_STAND = ContextVar("stand", default=False)


@contextmanager
def standing() -> Iterator[None]:
    """While open, workers stay for the next work, and what they have opened serves again."""
    outer = _STAND.get()
    token = _STAND.set(True)
    try:
        yield
    finally:
        _STAND.reset(token)
        while _STANDING and not outer:
            _STANDING.popitem()[1].shutdown(cancel_futures=True)


@contextmanager
def _pool(workers: int, tasks: int) -> Iterator[ProcessPoolExecutor]:
    if _STAND.get():
        if workers not in _STANDING:
            _STANDING[workers] = ProcessPoolExecutor(workers, forking.context(), initializer=_alone)
        yield _STANDING[workers]
    else:
        with ProcessPoolExecutor(min(workers, tasks), forking.context(), initializer=_alone) as pool:
            yield pool


def _alone() -> None:
    """One thread: workers share the cores, and threads that wait for each other cost more than they bring."""
    warnings.simplefilter("ignore", Remark)  # made where the work was given
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@functools.lru_cache(1)
def opened(recipe: str) -> Source:
    """A worker opens its source once."""
    return open_source(json.loads(recipe))
