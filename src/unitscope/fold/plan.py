"""Which sequences are folded together: parts that depend on the plan and on nothing else.

Not on the number of workers, their order or their speed: so one process, many, and a run that was killed and goes on
give the same bytes. Parts are whole batches of the source, as many as have ``WORK`` values together; a corpus that
grows at its end keeps all parts but the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from unitscope.errors import InputError
from unitscope.models.site import Site
from unitscope.source.source import Source

WORK = 2**26
"""Values (tokens times units) of a part, or those of one batch where it has more: some seconds of one processor core
for the standard analyses, so that workers end at about the same time."""


@dataclass(frozen=True)
class Part:
    """Some sequences that follow each other in the source."""

    number: int
    sequences: tuple[int, ...]


def plan(source: Source, sites: Sequence[Site], work: int = WORK) -> tuple[Part, ...]:
    """The parts of a source in which these sites are folded. Raises ``InputError`` for a source without sequences."""
    numbers = source.sequences
    if not len(numbers):
        raise InputError(f"{source.name} has no sequences to analyse")
    units = max(1, sum(site.units for site in sites))
    parts: list[Part] = []
    taken: list[int] = []
    values = 0
    for first in range(0, len(numbers), source.batch_size):
        batch = [int(number) for number in numbers[first : first + source.batch_size]]
        taken += batch
        values += sum(source.lengths(batch)) * units
        if values >= work:
            parts.append(Part(len(parts), tuple(taken)))
            taken, values = [], 0
    if taken:
        parts.append(Part(len(parts), tuple(taken)))
    return tuple(parts)
