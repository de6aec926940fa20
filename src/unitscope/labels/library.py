"""Every label there is, by name."""

import difflib
from functools import cache
from types import ModuleType

from unitscope.errors import InputError
from unitscope.labels import c, generic, prose, python
from unitscope.labels.label import Label, key_of

# A module is a group. Their order is the order of asking: of two labels that agree, the first is kept.
GROUPS: dict[str, ModuleType] = {module.__name__.rsplit(".", 1)[-1]: module for module in (generic, prose, python, c)}


@cache
def catalogue() -> dict[str, Label]:
    """Every label of the library by key: each decorated function of each group."""
    return {item.key: item for group in GROUPS for item in members(group)}


def members(group: str) -> list[Label]:
    """The labels of a group, in the order in which they are written.

    Raises ``InputError`` for an unknown group and lists those there are.
    """
    if group not in GROUPS:
        raise InputError(f"no group of labels is called {group!r}; there are: {', '.join(GROUPS)}")
    return [value for value in vars(GROUPS[group]).values() if isinstance(value, Label)]


def names(group: str | None = None) -> list[str]:
    """The keys of the library, or of one of its groups (``generic``, ``prose``, ``python``, ``c``)."""
    return list(catalogue()) if group is None else [item.key for item in members(group)]


def member(name: str) -> Label:
    """The label of the library of this name or key. Raises ``InputError`` for an unknown one, with near matches."""
    known = catalogue()
    key = key_of(name)
    if key in known:
        return known[key]
    near = difflib.get_close_matches(key, known, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(
        f"no label is called {name!r}; {hint}unitscope.labels.names() has all {len(known)} names, and "
        "regex:PATTERN, words:the,a,an and path/to/file.py:function make others"
    )
