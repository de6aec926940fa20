"""Messages and repairs for damaged files."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unitscope.errors import InputError

SET_ASIDE = ".damaged"
"""Ending of what could not be read. Nobody reads it again, and it may be deleted."""


class DamageError(InputError):
    """A file is there and is not what was written, or nothing that can be read."""


class DamageWarning(UserWarning):
    """Something that was kept cannot be read and was set aside."""


def damaged(path: Path, reason: object, advice: str) -> DamageError:
    """Error for a damaged file, with the remedy."""
    return DamageError(f"{path} is damaged ({reason}); {advice}")


@contextmanager
def setting_aside(path: Path, why: type[InputError] = InputError) -> Iterator[None]:
    """Where ``path`` cannot be read: give it another name, say so in a warning, and go on without it."""
    try:
        yield
    except why as error:
        if path.exists():
            path.replace(path.with_name(path.name + SET_ASIDE))
        warnings.warn(f"{error}; it was set aside", DamageWarning, stacklevel=3)
