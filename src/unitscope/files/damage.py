"""What to say, and do, about a file that is not what it should be."""

from pathlib import Path

from unitscope.errors import InputError


class DamageError(InputError):
    """A file is there and is not what was written, or nothing that can be read."""


def damaged(path: Path, reason: object, advice: str) -> DamageError:
    """What is wrong with a file, and what to do about it."""
    return DamageError(f"{path} is damaged ({reason}); {advice}")
