"""The lookup-table task: apply tables one after the other, and write every intermediate result.

``011 t2 t2 .`` → ``011 111 100``. Each table is a bijection of the bit strings. Liška, Kruszewski & Baroni 2018
("Memorize or generalize?", arXiv 1802.06467); with places to attend to, Hupkes et al. 2018 (arXiv 1805.09657).
"""

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from unitscope.corpus.pairs import Pair
from unitscope.errors import InputError

END = "."

PUBLISHED: Mapping[str, tuple[int, ...]] = {
    name: tuple(int(digit) for digit in octal)
    for name, octal in {
        "t1": "61523074",
        "t2": "51276304",
        "t3": "75243016",
        "t4": "04257163",
        "t5": "10645237",
        "t6": "32576014",
        "t7": "36041752",
        "t8": "24601357",
    }.items()
}
"""The eight tables of the published samples: what 000, 001, … 111 become."""


def draw_tables(count: int = 8, bits: int = 3, seed: int = 0) -> dict[str, tuple[int, ...]]:
    """So many random bijections of the strings of ``bits`` bits."""
    draw = random.Random(seed)
    return {f"t{number + 1}": tuple(draw.sample(range(2**bits), 2**bits)) for number in range(count)}


@dataclass(frozen=True)
class LookupTables:
    """The task: its tables, and how its compositions are divided.

    The last ``held_tables`` tables are trained only alone; of the pairs of the others, ``held_compositions`` are held
    out with all inputs, and each of the rest misses ``held_inputs`` inputs, ``validation`` of which in all choose the
    network. Raises ``InputError`` for tables that are no bijections, and where nothing is left to train on.
    """

    tables: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: PUBLISHED)
    held_tables: int = 2
    held_compositions: int = 8
    held_inputs: int = 2
    validation: int = 16
    end: bool = True
    """Whether sources end with a full stop."""

    def __post_init__(self) -> None:
        inputs = {len(table) for table in self.tables.values()}
        size = max(inputs, default=0)
        if len(inputs) != 1 or size & (size - 1) or size < 2:
            raise InputError("lookup tables have one entry for each string of some bits, as many in each table")
        for name, table in self.tables.items():
            if sorted(table) != list(range(size)):
                raise InputError(f"the lookup table {name} is no bijection of {size} strings")
        trained = (len(self.tables) - self.held_tables) ** 2 - self.held_compositions
        if trained < 1 or self.held_inputs >= size or self.validation > trained * self.held_inputs:
            raise InputError("so much is held out of the lookup tables that too little is left to train on")

    @property
    def strings(self) -> list[str]:
        """The bit strings, in the order of their numbers."""
        (size,) = {len(table) for table in self.tables.values()}
        return [f"{number:0{size.bit_length() - 1}b}" for number in range(size)]

    def pair(self, start: int, names: Sequence[str]) -> Pair:
        """A string by its number and the tables that are applied to it, left to right; attention is the diagonal."""
        states = list(itertools.accumulate(names, lambda state, name: self.tables[name][state], initial=start))
        strings = self.strings
        source = (strings[start], *names, *([END] if self.end else []))
        return Pair(source, tuple(strings[state] for state in states), tuple(range(len(states))))

    def pairs(self, compositions: Iterable[Sequence[str]]) -> list[Pair]:
        """Some compositions of tables, each on every string."""
        return [self.pair(start, names) for names in compositions for start in range(len(self.strings))]

    def splits(self, seed: int = 0) -> dict[str, list[Pair]]:
        """Train, validation and the four held-out sets. With the published tables 232, 16, 40, 64, 192 and 32 pairs."""
        draw = random.Random(seed)
        old, new = self._old(), self._new()
        compositions = list(itertools.product(old, repeat=2))
        draw.shuffle(compositions)
        held, trained = compositions[: self.held_compositions], compositions[self.held_compositions :]
        train, dropped = self.pairs([name] for name in self.tables), []
        for names in trained:
            starts = draw.sample(range(len(self.strings)), len(self.strings))
            dropped += [self.pair(start, names) for start in starts[: self.held_inputs]]
            train += [self.pair(start, names) for start in starts[self.held_inputs :]]
        draw.shuffle(dropped)
        draw.shuffle(train)
        mixed = [
            names for names in itertools.product(self.tables, repeat=2) if len({*names} & {*new}) and {*names} & {*old}
        ]
        return {
            "train": train,
            "validation": dropped[: self.validation],
            "heldout_inputs": dropped[self.validation :],
            "heldout_compositions": self.pairs(held),
            "heldout_tables": self.pairs(mixed),
            "new_compositions": self.pairs(itertools.product(new, repeat=2)),
        }

    def longer(self, count: int, most: int | None = None, seed: int = 0) -> dict[str, list[Pair]]:
        """Compositions of ``count`` tables, each set drawn down to ``most`` pairs.

        ``seen`` uses tables that were trained in compositions, ``new`` those that were not, ``incremental`` both.
        """
        old, new = self._old(), self._new()
        mixed = [
            names for names in itertools.product(self.tables, repeat=count) if {*names} & {*old} and {*names} & {*new}
        ]
        sets = {
            "seen": self.pairs(itertools.product(old, repeat=count)),
            "incremental": self.pairs(mixed),
            "new": self.pairs(itertools.product(new, repeat=count)),
        }
        draw = random.Random(seed)
        return {
            name: pairs if most is None or len(pairs) <= most else draw.sample(pairs, most)
            for name, pairs in sets.items()
        }

    def _old(self) -> list[str]:
        return list(self.tables)[: len(self.tables) - self.held_tables]

    def _new(self) -> list[str]:
        return list(self.tables)[len(self.tables) - self.held_tables :]
