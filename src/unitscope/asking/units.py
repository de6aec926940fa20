"""Some units of a source: those that are asked about."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from unitscope.errors import InputError
from unitscope.models.site import Site, choose
from unitscope.source.chunk import Chunk
from unitscope.source.source import Over, Source


@dataclass(frozen=True, eq=False, repr=False)
class Units(Over):
    """The same sequences, of these units of these sites alone."""

    chosen: Mapping[str, Int[np.ndarray, " unit"]]
    """Their numbers in the whole source, by site."""

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(
            replace(site, units=len(self.chosen[site.name])) for site in self.whole.sites if site.name in self.chosen
        )

    def _content(self) -> Sequence[str]:
        numbers = [f"{site}: {units.tolist()}" for site, units in self.chosen.items()]
        return [self.whole.fingerprint, *numbers]

    def number(self, site: str, unit: int) -> int:
        """A unit's number in the whole source."""
        return int(self.chosen[site][unit])

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        chosen = {name: self.chosen[self.site_named(name).name] for name in sites}
        return self.whole.some_units(chosen, labels, self.sequences if sequences is None else sequences)


def chosen_units(source: Source, patterns: Sequence[str]) -> dict[str, Int[np.ndarray, " unit"]]:
    """The numbers of the units that patterns choose, by site; predictions only where they are named.

    A pattern is a glob of sites, with or without numbers: ``"rnn.0.hidden/0-9,17"``. Raises ``InputError`` for one that
    chooses nothing.
    """
    found: dict[str, set[int]] = {}
    for pattern in patterns:
        place, _, numbers = pattern.partition("/")
        for site in choose(source.sites, [place]):
            if site.kind == "prediction" and site.name != place:
                continue
            found.setdefault(site.name, set()).update(_numbers(numbers, site.units, pattern))
    if not found:
        raise InputError(f"no unit of {source.name} is chosen; name sites, for example {source.sites[0].name}")
    return {site.name: np.array(sorted(found[site.name]), np.int64) for site in source.sites if site.name in found}


def _numbers(text: str, units: int, pattern: str) -> set[int]:
    if not text:
        return set(range(units))
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip())
        if not match or int(match[2] or match[1]) >= units:
            raise InputError(f"{pattern!r} names no units; write SITE/0-9,17 with numbers up to {units - 1}")
        found.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    return found
