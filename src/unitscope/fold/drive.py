"""Engines that fold the parts of a stage: this process, several of them, or one that starts processes elsewhere.

A driver decides nothing: which parts there are follows from the plan, what a part's states are called from its key, and
in which order they are merged from their numbers. So however many workers there are, whichever ends first, killed and
begun again: the same bytes. Workers open the source by its recipe, with one thread each, and leave states in a store.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from unitscope.errors import InputError
from unitscope.fold.plan import Part
from unitscope.fold.resultset import ResultSet
from unitscope.fold.stage import Stage, States, Tree
from unitscope.fold.store import Store
from unitscope.labels import known, said
from unitscope.progress import Progress, silent
from unitscope.source.source import Recipe, Source
from unitscope.source.workers import each, opened


@dataclass(frozen=True)
class Job:
    """Everything that a worker has to know, besides the number of a part."""

    recipe: Recipe
    stage: Stage
    given: ResultSet
    store: Store
    keys: tuple[str, ...]
    """Of all parts."""
    said: tuple[str, ...]
    """Labels that name files, as the user wrote them."""

    def work(self, part: Part) -> int:
        """Fold a part into the store, in the worker; returns its sequences."""
        said(self.said)
        source = opened(json.dumps(self.recipe))
        states = self.stage.fold(source, part, self.given, lambda _: None)
        self.store.save(self.keys[part.number], self.stage.pack(states))
        return len(part.sequences)


@runtime_checkable
class Driver(Protocol):
    """Starts workers somewhere, and lets each fold parts until none is left."""

    def run(self, job: Job, parts: Sequence[Part]) -> Iterator[int]:
        """Fold all of these parts, in any order; the sequences of each as it is done."""
        ...


@dataclass(frozen=True)
class Processes:
    """``workers`` processes of this machine."""

    workers: int

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"at least 1 worker is needed, not {self.workers}")

    def run(self, job: Job, parts: Sequence[Part]) -> Iterator[int]:
        yield from each(job.work, parts, self.workers)


def folded(
    stage: Stage,
    source: Source,
    parts: Sequence[Part],
    given: ResultSet,
    tell: Callable[[int], None],
    driver: Driver | None = None,
    store: Store | None = None,
) -> States:
    """The states of all parts merged, taking from the store what is there already. ``tell`` counts sequences."""
    tree = Tree(stage)
    if store is None:
        for part in parts:
            tree.add(stage.fold(source, part, given, tell))
        return tree.whole()
    keys = tuple(stage.key(source, part, given) for part in parts)
    missing = []
    for part in parts:
        if keys[part.number] in store:
            tell(len(part.sequences))
        else:
            missing.append(part)
    if driver is None:
        for part in missing:
            store.save(keys[part.number], stage.pack(stage.fold(source, part, given, tell)))
    elif missing:
        for count in driver.run(Job(source.recipe(), stage, given, store, keys, known(stage.labels)), missing):
            tell(count)
    for part in parts:
        packed = store.load(keys[part.number])
        if packed is None:
            raise InputError(f"{store.where} has lost part {part.number + 1} of {len(parts)}; run the same once more")
        tree.add(stage.unpack(packed))
    return tree.whole()


def share(
    stage: Stage,
    source: Source,
    parts: Sequence[Part],
    given: ResultSet,
    store: Store,
    number: int,
    of: int,
    progress: Progress = silent,
) -> int:
    """Fold every part that is the task's of number ``number`` (from 0) of ``of``; how many parts are still missing."""
    missing = 0
    for part in parts:
        progress("folding parts", part.number, len(parts))
        key = stage.key(source, part, given)
        if key in store:
            continue
        if part.number % of != number:
            missing += 1
            continue
        store.save(key, stage.pack(stage.fold(source, part, given, lambda _: None)))
    progress("folding parts", len(parts), len(parts))
    return missing
