"""Progress of long work, for whoever shows it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done, and steps in all. Steps are what the callee says: mostly sequences."""


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""
