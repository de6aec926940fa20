"""A label of the user's: a function in a file of their own, named ``path/to/file.py:function``.

Naming it is the explicit request to run that file, as ``python file.py`` would be. Nothing else in
unitscope executes what it reads.
"""

import importlib.util
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
from jaxtyping import Shaped

from unitscope.errors import InputError
from unitscope.labels.label import Kind, Label

# Says whether the function answers with booleans or numbers, and shows its errors before hours of work.
_TRIAL = "He said: \"It is (nearly) 9.\"\n\n\tif (x[1] > 0) { return 'y'; }\n"


def own(name: str) -> Label:
    """The function ``path/to/file.py:function`` as a label: a flag if it returns booleans, else a number.

    The function takes a text and returns one value per character, as an array or a list. Its file is
    run once, and again when it has changed.

    Raises ``InputError`` for a missing file or function, and for one that fails or returns anything else.
    """
    return of_function(name, defined(name))


def defined(name: str) -> Callable[..., Any]:
    """The function of that name, from a file of the user's, which is run.

    Raises ``InputError`` for a missing file or function.
    """
    place, _, function_name = name.rpartition(":")
    path = Path(place).expanduser()
    if not path.is_file():
        raise InputError(f"{name}: there is no file {place!r}; write path/to/file.py:function")
    found = vars(_run(path.resolve(), path.stat().st_mtime_ns)).get(function_name)
    if not callable(found):
        raise InputError(f"{name}: {place} defines no function {function_name!r}; define it, or correct the name")
    return cast(Callable[..., Any], found)


def of_function(name: str, function: Callable[[str], Any]) -> Label:
    """A function as a label of that name. Raises ``InputError`` as ``own`` does."""
    called = function.function if isinstance(function, Label) else function

    def guarded(text: str) -> Shaped[np.ndarray, "..."]:
        try:
            return np.asarray(called(text))
        except (Exception, SystemExit) as error:
            raise InputError(
                f"{name} failed on a text of {len(text)} characters: {type(error).__name__}: {error}"
            ) from error

    kind: Kind = "flag" if guarded(_TRIAL).dtype == np.bool_ else "number"
    help = function.help if isinstance(function, Label) else (function.__doc__ or "").split("\n\n")[0]
    sentence = " ".join(help.split()) or f"The function {name}."
    label = Label(key=name, name=name, kind=kind, help=sentence, function=guarded)
    label(_TRIAL)
    return label


@lru_cache
def _run(path: Path, modified: int) -> ModuleType:
    """Run a file as a module. ``modified`` is here so that a changed file runs again."""
    spec = importlib.util.spec_from_file_location(f"unitscope_own_{path.stem}_{modified}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is no Python file; write path/to/file.py:function")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up here.
    sys.modules[module.__name__] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise InputError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    return module
