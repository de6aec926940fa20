"""Every label there is, by name."""

import difflib
from functools import cache
from types import ModuleType

from unitscope.doors import by_name
from unitscope.doors import members as behind
from unitscope.errors import InputError
from unitscope.labels.label import Label, key_of

LANGUAGE = "LANGUAGE"
"""The name by which a group says that it is about one language: what a line in it looks like (a compiled regular
expression), and the share of lines that must look like it for the group to be asked."""


@cache
def groups() -> dict[str, ModuleType]:
    """The modules with labels behind the door of labels, by name: those of one language after those of any.

    Their order is the order of asking: of two labels that agree, the first is kept.
    """
    found = dict.fromkeys(module for module, _ in behind("labels", _belongs))
    ordered = sorted(found, key=lambda module: hasattr(module, LANGUAGE))
    return by_name("labels", ((module.__name__.rsplit(".", 1)[-1], module, module) for module in ordered))


def _belongs(module: ModuleType, value: object) -> bool:
    return isinstance(value, Label) and value.function.__module__ == module.__name__


@cache
def catalogue() -> dict[str, Label]:
    """Every label of the library by key: each decorated function of each group."""
    return by_name("labels", ((item.key, groups()[group], item) for group in groups() for item in members(group)))


def members(group: str) -> list[Label]:
    """The labels of a group, in the order in which they are written.

    Raises ``InputError`` for an unknown group and lists those there are.
    """
    if group not in groups():
        raise InputError(f"no group of labels is called {group!r}; there are: {', '.join(groups())}")
    return [value for value in vars(groups()[group]).values() if _belongs(groups()[group], value)]


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
