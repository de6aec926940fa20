"""Processes of this machine that read a source, each by its recipe and with one thread."""

import functools
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import torch

from unitscope.errors import InputError
from unitscope.source.recipe import open_source
from unitscope.source.source import Source

DEATHS = 3
"""Times that the workers may die before it is said: a system without memory kills them again and again."""

Task = TypeVar("Task")
Done = TypeVar("Done")


def each(work: Callable[[Task], Done], tasks: Sequence[Task], workers: int) -> Iterator[Done]:
    """What ``work`` gives for each task as it is done, in processes with one thread each.

    Tasks of workers that die are done again.

    Raises ``InputError`` if they die again and again.
    """
    left = dict(enumerate(tasks))
    context = multiprocessing.get_context("spawn")
    for _ in range(DEATHS):
        if not left:
            return
        with ProcessPoolExecutor(min(workers, len(left)), context, initializer=_alone) as pool:
            futures = {pool.submit(work, task): number for number, task in left.items()}
            try:
                for future in as_completed(futures):
                    done = future.result()
                    del left[futures[future]]
                    yield done
            except BrokenProcessPool:
                continue
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    if left:
        raise InputError(
            f"workers died {DEATHS} times, {len(left)} parts of the work are left; there may be too little memory "
            f"for {workers} of them: take fewer, and the same command goes on with what is there"
        )


def _alone() -> None:
    """One thread: workers share the cores, and threads that wait for each other cost more than they bring."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)


@functools.lru_cache(1)
def opened(recipe: str) -> Source:
    """A worker opens its source once."""
    return open_source(json.loads(recipe))
