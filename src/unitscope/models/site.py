"""A named stream of unit values inside a model."""

import fnmatch
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unitscope.errors import InputError


@dataclass(frozen=True)
class Site:
    """Where units live. ``name`` is a module path plus the stream, for example ``rnn.0.forget_gate``."""

    name: str
    units: int
    low: float = -math.inf
    """Smallest value the units can take."""
    high: float = math.inf
    """Largest value the units can take."""
    alias: str = ""
    """Another name that patterns match: TransformerLens's, where it has one."""

    @property
    def stream(self) -> str:
        """The last part of the name: ``hidden``, ``cell``, ``forget_gate`` …"""
        return self.name.rsplit(".", 1)[-1]

    @property
    def is_gate(self) -> bool:
        """A sigmoid gate: its values lie in (0, 1) and can saturate."""
        return self.low == 0 and self.high == 1


def choose(sites: Sequence[Site], patterns: Iterable[str]) -> tuple[Site, ...]:
    """The sites whose names or aliases match any of the glob patterns, in the model's order.

    Raises ``InputError``, listing what there is, when a pattern matches nothing.
    """
    wanted: set[str] = set()
    for pattern in patterns:
        hits = {
            site.name
            for site in sites
            if fnmatch.fnmatchcase(site.name, pattern) or (site.alias and fnmatch.fnmatchcase(site.alias, pattern))
        }
        if not hits:
            known = ", ".join(site.name for site in sites)
            raise InputError(f"no site matches {pattern!r}; there are: {known}")
        wanted |= hits
    return tuple(site for site in sites if site.name in wanted)
