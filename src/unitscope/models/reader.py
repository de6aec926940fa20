"""Which kinds of module have units that can be read, and by what.

A reader of a kind of module is a class behind the door of models, made as ``Reader(path, module)``, that says which
kinds it reads: ``reads: ClassVar[tuple[type, ...]]``, classes of modules or protocols. A new kind is one more file.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from types import ModuleType
from typing import Any, Protocol, cast, runtime_checkable

from torch import Tensor, nn

from unitscope.doors import by_name, members
from unitscope.models.edit import Bound
from unitscope.models.site import Site
from unitscope.models.survey import Survey


@runtime_checkable
class Reader(Protocol):
    """Reads and edits the units inside one module of a model."""

    def sites(self) -> tuple[Site, ...]:
        """Sites that can be read, in the order of computation."""
        ...

    def reading(
        self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound], steps: int
    ) -> AbstractContextManager[None]:
        """While open, each call of the module adds its streams, ``[batch time unit]``, to the lists by site name.

        ``steps`` are those of the batch. Names and edits of other modules are passed over. Afterwards the module is as
        it was.
        """
        ...


@runtime_checkable
class Extra(Protocol):
    """Makes readers of what no single module gives, for a module and its untrained baseline alike."""

    @property
    def fingerprint(self) -> str:
        """Identity: a hash of the weights, or empty where there are none."""
        ...

    def readers(self, module: nn.Module, aliases: Mapping[str, str], seen: Survey) -> Sequence[Reader]:
        """``aliases`` are other names of sites; ``seen`` are two runs of the module."""
        ...


@cache
def kinds() -> dict[type[Any], Callable[[str, Any], Reader]]:
    """Every kind of module that has a reader, and the reader."""

    def belongs(module: ModuleType, value: Any) -> bool:
        own = isinstance(value, type) and value.__module__ == module.__name__
        return own and bool(getattr(value, "reads", ())) and hasattr(value, "reading")

    found = members("models", belongs)
    return by_name("models", ((kind, module, cast(Any, made)) for module, made in found for kind in made.reads))


def readers(module: nn.Module) -> dict[str, Reader]:
    """By path, a reader for every module inside that has one.

    One whose class has a ``forward`` of its own has one too: whether that calls the stock one is seen when it runs.
    """
    return {
        path: make(path, child)
        for path, child in module.named_modules()
        for kind, make in kinds().items()
        if isinstance(child, kind)
    }
