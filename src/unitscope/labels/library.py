"""Every hypothesis there is, by name."""

import difflib
from functools import cache
from types import ModuleType

from unitscope.errors import InputError
from unitscope.labels import c, generic, prose, python
from unitscope.labels.hypothesis import Hypothesis, key_of
from unitscope.labels.own import own
from unitscope.labels.regular_expression import PREFIX, regular_expression

# A module is a group. Their order is the order of asking: of two hypotheses that agree, the first is kept.
GROUPS: dict[str, ModuleType] = {module.__name__.rsplit(".", 1)[-1]: module for module in (generic, prose, python, c)}


@cache
def catalogue() -> dict[str, Hypothesis]:
    """Every hypothesis of the library by key: each decorated function of each group."""
    return {item.key: item for group in GROUPS for item in members(group)}


def members(group: str) -> list[Hypothesis]:
    """The hypotheses of a group, in the order in which they are written.

    Raises ``InputError`` for an unknown group and lists those there are.
    """
    if group not in GROUPS:
        raise InputError(f"no group of hypotheses is called {group!r}; there are: {', '.join(GROUPS)}")
    return [value for value in vars(GROUPS[group]).values() if isinstance(value, Hypothesis)]


def names(group: str | None = None) -> list[str]:
    """The keys of the library, or of one of its groups (``generic``, ``prose``, ``python``, ``c``)."""
    return list(catalogue()) if group is None else [item.key for item in members(group)]


def find(name: str) -> Hypothesis:
    """The hypothesis of this name or key; ``regex:PATTERN`` makes one, ``path/to/file.py:function`` loads the user's.

    Raises ``InputError`` for an unknown name, with near matches and all names.
    """
    if name.startswith(PREFIX):
        return regular_expression(name)
    if ".py:" in name:
        return own(name)
    known = catalogue()
    key = key_of(name)
    if key in known:
        return known[key]
    near = difflib.get_close_matches(key, known, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(
        f"no hypothesis is called {name!r}; {hint}There are: {', '.join(known)}; "
        "also regex:PATTERN and path/to/file.py:function"
    )
