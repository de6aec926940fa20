"""One door for each kind of thing that others may add: analyses, labels, corpora, models, parts of pages.

A door is a group of Python entry points, and each entry point names a *package*, whose modules are the members. What
ships with unitscope enters by the same doors (``[project.entry-points]`` in its ``pyproject.toml``), so a new analysis
is one file, and a package of somebody else's needs two lines in its own ``pyproject.toml``::

    [project.entry-points."unitscope.analyses"]
    mine = "my_package.analyses"

Modules are imported when a door is first opened, and never before. Two members of one name are refused.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, TypeVar

from unitscope.errors import InputError

DOORS = ("analyses", "labels", "corpora", "models", "parts")
OWN = "unitscope"
"""The entry point of what ships, in every group."""

Key = TypeVar("Key")
Member = TypeVar("Member")


@cache
def modules(door: str) -> tuple[ModuleType, ...]:
    """Every module behind a door, imported: our own first, then those of other packages, each in the order of names.

    Raises ``InputError`` for a package that cannot be imported, and names it.
    """
    if door not in DOORS:
        raise ValueError(f"there is no door {door!r}; there are: {', '.join(DOORS)}")
    points = sorted(entry_points(group=f"unitscope.{door}"), key=lambda point: (point.name != OWN, point.name))
    if not any(point.name == OWN for point in points):
        raise InputError("unitscope is not installed as it is now: run `pip install -e .` (or `make env`) again")
    return tuple(module for point in points for module in _behind(point))


def members(door: str, belongs: Callable[[ModuleType, Any], bool]) -> Iterator[tuple[ModuleType, Any]]:
    """Members of a door with their modules. ``belongs`` separates members from other objects of a module."""
    for module in modules(door):
        for value in vars(module).values():
            if belongs(module, value):
                yield module, value


def by_name(door: str, named: Iterable[tuple[Key, ModuleType, Member]]) -> dict[Key, Member]:
    """Members by name. Raises ``InputError`` where two have the same."""
    found: dict[Key, Member] = {}
    places: dict[Key, str] = {}
    for name, module, member in named:
        if name in found:
            raise InputError(
                f"two of the {door} are called {name!s}, in {places[name]} and in {module.__name__}; rename one, or "
                "uninstall its package"
            )
        found[name], places[name] = member, module.__name__
    return found


def _behind(point: EntryPoint) -> Iterator[ModuleType]:
    try:
        package = point.load()
        for info in pkgutil.iter_modules(getattr(package, "__path__", ())):
            yield importlib.import_module(f"{package.__name__}.{info.name}")
    except InputError:
        raise
    except Exception as error:  # whatever a package of somebody else's does while it is imported
        origin = point.dist.name if point.dist else point.value
        raise InputError(
            f"the package {origin} offers {point.group}, but {point.value} cannot be imported: "
            f"{type(error).__name__}: {error}; mend or uninstall it"
        ) from error
    if not hasattr(package, "__path__"):
        raise InputError(f"{point.group} = {point.value!r} is no package; name the package that holds the modules")
