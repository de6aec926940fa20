"""The long parts of a question as tasks: done in this process or by several, and kept where there is a store.

A task says what its outcome follows from (``key``), so a question that was stopped, or asked with other labels of the
same text read again, takes from the store what is there. Who does a task changes nothing: the same bytes.
"""

import functools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from unitscope.asking.columns import Columns
from unitscope.asking.units import Units
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.fold.state import Packed
from unitscope.fold.store import Store
from unitscope.models.model import Model
from unitscope.source.live import Live
from unitscope.source.recipe import open_source
from unitscope.source.source import Recipe, digest
from unitscope.source.workers import each, standing

VERSION = 1
"""Of what is kept: another means that it is made again."""


@dataclass(frozen=True, eq=False)
class Desk:
    """Inputs of a task."""

    source: Units
    model: Model | None
    corpus: Corpus | None
    columns: Columns
    kept: dict[Any, Any] = field(default_factory=dict)
    """What several tasks use, by whatever names it."""

    @property
    def running(self) -> Live:
        """The network over its text. Raises ``InputError`` where there is none."""
        if self.model is None or self.corpus is None:
            raise InputError(f"{self.source.name} has no network")
        return Live(self.model, self.corpus)


@runtime_checkable
class Task(Protocol):
    """Some seconds of work. It travels to other processes, so it holds numbers and names alone."""

    def key(self, desk: Desk) -> str:
        """Digest of all that its outcome follows from."""
        ...

    def done(self, desk: Desk) -> Packed:
        """Its outcome."""
        ...


@dataclass(frozen=True)
class Crew:
    """The workers of a question, in this process or in others."""

    desk: Desk
    workers: int
    store: Store | None
    recipes: tuple[str, str]
    """By which other processes open the source, and the network and its text; empty for none."""

    def each(self, tasks: Sequence[Task], tell: Callable[[int], None]) -> Iterator[Packed]:
        """The outcome of each task in their order, one at a time. ``tell`` is called with a task's number when it is
        done."""
        store, alone = self.store, self.workers == 1
        keys = [digest(f"asking {VERSION}", task.key(self.desk)) if store else "" for task in tasks]
        if store and not alone:
            self._by_workers(store, tasks, keys, tell)
        for number, (task, key) in enumerate(zip(tasks, keys, strict=True)):
            found = store.load(key) if store else None
            if found is None and store and not alone:
                raise InputError(f"{store.where} has lost what was kept there; ask the same once more")
            if found is None:
                found = task.done(self.desk)
                if store:
                    store.save(key, found)
            if alone:
                tell(number)
            yield found

    def _by_workers(
        self, store: Store, tasks: Sequence[Task], keys: Sequence[str], tell: Callable[[int], None]
    ) -> None:
        """Have what is missing done and kept, in whatever order."""
        missing = []
        for number, (task, key) in enumerate(zip(tasks, keys, strict=True)):
            if key in store:
                tell(number)
            else:
                missing.append((number, key, task))
        chosen = {site: units.tolist() for site, units in self.desk.source.chosen.items()}
        errand = _Errand(*self.recipes, json.dumps(chosen), self.desk.columns.folder, store)
        for number in each(errand.work, missing, self.workers):
            tell(number)


@contextmanager
def crew(desk: Desk, workers: int, store: str, opened: Recipe | None) -> Iterator[Crew]:
    """``workers`` processes with one thread each, or this one. Without a store they have one for as long as they need.

    ``opened`` says how the network and the text were opened. Raises ``InputError`` for what no other process can open.
    """
    if workers < 1:
        raise InputError(f"at least 1 worker is needed, not {workers}")
    if workers == 1:
        yield Crew(desk, 1, Store(store) if store else None, ("", ""))
        return
    source = desk.source.whole
    network = ""
    if desk.model is not None and desk.model is not source.model:
        if opened is None:
            raise InputError(f"{desk.model.name} was made in this process, so no worker can open it; ask with 1 worker")
        network = json.dumps({"kind": Live.kind, "opened": opened, "batch_size": 1, "sequences": []})
    recipes = json.dumps(source.recipe()), network
    with tempfile.TemporaryDirectory(prefix="unitscope-states-") as scratch, standing():
        yield Crew(desk, workers, Store(store or scratch), recipes)


@dataclass(frozen=True)
class _Errand:
    """All that a worker has to know besides its task."""

    source: str
    network: str
    chosen: str
    columns: Path
    store: Store

    def work(self, task: tuple[int, str, Task]) -> int:
        number, key, work = task
        desk = _desk(self.source, self.network, self.chosen, self.columns)
        self.store.save(key, work.done(desk))
        return number


@functools.lru_cache(1)
def _desk(source: str, network: str, chosen: str, columns: Path) -> Desk:
    """A worker lays its desk once."""
    opened = open_source(json.loads(source))
    running = open_source(json.loads(network)) if network else opened
    units: Mapping[str, Int[np.ndarray, " unit"]] = {
        site: np.array(numbers, np.int64) for site, numbers in json.loads(chosen).items()
    }
    return Desk(Units(opened, units), running.model, running.corpus, Columns(columns))
