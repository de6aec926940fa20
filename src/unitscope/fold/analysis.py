"""The contract of an analysis: a fold over chunks.

Three lifetimes, three objects. The analysis describes (its fields are its parameters), the state
accumulates, the result is kept. Laws, tested for every analysis that is found:

- any division of the sequences, folded apart and merged, gives the whole; a sketch, the whole within the error that its
  result states
- an empty chunk changes nothing; ``compute`` can be called twice; ``merge`` leaves its inputs alone
- exchanging units exchanges the result
"""

import dataclasses
import hashlib
import inspect
import json
import typing
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, Generic, TypeVar

from unitscope.doors import by_name, members
from unitscope.errors import InputError
from unitscope.labels import said
from unitscope.models.site import Site
from unitscope.result import Result
from unitscope.source.chunk import Chunk

State = TypeVar("State")


class Analysis(ABC, Generic[State]):
    """Subclass as a frozen dataclass whose fields are the parameters, each with ``metadata={"help": …}``.

    The first line of the docstring is the title in reports, the rest explains it and names the paper.
    """

    name: ClassVar[str]
    """The name of the module: on the command line, in files, in reports."""

    def __init_subclass__(cls) -> None:
        cls.name = cls.__module__.rsplit(".", 1)[-1]

    @property
    def needs(self) -> "tuple[Analysis[Any], ...]":
        """Analyses whose results are wanted first, over the same source."""
        return ()

    asks: ClassVar[bool] = False
    """Whether it means nothing until it is told what to ask, as association is its labels."""

    whole_chunks: ClassVar[bool] = False
    """Whether it sees what a source gives at once undivided, and not in pieces that stay in the processor's cache: for
    an analysis whose cost is by the piece and not by the token."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that every chunk must carry."""
        return ()

    def applies(self, site: Site) -> bool:
        """Whether the question makes sense for the site; where it does not, there is no result."""
        return True

    @abstractmethod
    def start(self, site: Site, given: "Given") -> State:
        """An empty state, a dataclass. ``given`` holds the results of ``needs``, by the analyses themselves."""

    @abstractmethod
    def update(self, state: State, chunk: Chunk) -> None:
        """Add a chunk to the state, in place."""

    @abstractmethod
    def merge(self, a: State, b: State) -> State:
        """A new state as if ``b``'s chunks had followed ``a``'s."""

    @abstractmethod
    def compute(self, state: State) -> Result:
        """Result of the state so far. Never changes it."""

    @property
    def key(self) -> str:
        """The name, and a short hash of the parameters where they are not the defaults."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(typing.cast(Any, self))}
        if self == type(self)():
            return self.name
        digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()
        return f"{self.name}-{digest[:8]}"


Given = Mapping[Analysis[Any], Any]
"""Results at one site, by the analyses that made them: ``given[Moments()].mean``."""


@cache
def catalogue() -> dict[str, type[Analysis[Any]]]:
    """Every analysis there is, by name: those of the modules behind the door of analyses."""

    def belongs(module: ModuleType, value: Any) -> bool:
        own = isinstance(value, type) and issubclass(value, Analysis) and value.__module__ == module.__name__
        return own and not inspect.isabstract(value)

    return by_name("analyses", ((kind.name, module, kind) for module, kind in members("analyses", belongs)))


def standard() -> "list[Analysis[Any]]":
    """Every analysis that asks no question and needs no labels, with its default parameters."""
    made = [kind() for _, kind in sorted(catalogue().items())]
    return [analysis for analysis in made if not analysis.asks and not analysis.labels]


def result_type(analysis: type[Analysis[Any]]) -> type[Result]:
    """The class of an analysis's results, as its ``compute`` declares it."""
    return typing.cast(type[Result], typing.get_type_hints(analysis.compute)["return"])


def state_type(analysis: type[Analysis[Any]]) -> type:
    """The class of an analysis's states, as its ``start`` declares it."""
    return typing.cast(type, typing.get_type_hints(analysis.start)["return"])


def title(analysis: type[Analysis[Any]]) -> str:
    """The first line of an analysis's docstring."""
    return (analysis.__doc__ or analysis.name).strip().splitlines()[0].rstrip(".")


def parse(text: str) -> Analysis[Any]:
    """An analysis as written on the command line: ``histogram`` or ``histogram:bins=64,low=-1``.

    Raises ``InputError`` for an unknown analysis or parameter, listing what there is.
    """
    name, _, rest = text.partition(":")
    known = catalogue()
    if name not in known:
        raise InputError(f"no analysis is called {name!r}; there are: {', '.join(sorted(known))}")
    fields = {f.name: f for f in dataclasses.fields(typing.cast(Any, known[name]))}
    values: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        key, _, value = item.partition("=")
        if key not in fields:
            raise InputError(f"{name} has no parameter {key!r}; there are: {', '.join(fields) or 'none'}")
        try:
            kind = typing.cast(Any, fields[key].type)
            values[key] = tuple(value.split("+")) if typing.get_origin(kind) is tuple else kind(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name}:{key} cannot be {value!r}: {error}") from error
    analysis = known[name](**values)
    said(analysis.labels)
    return analysis
