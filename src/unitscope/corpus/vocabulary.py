"""Which token is which symbol. Safe for white space: a symbol may be any string."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

UNKNOWN = "<unknown>"
"""A vocabulary that holds this symbol reads every symbol it does not know as this one."""


@dataclass(frozen=True)
class Vocabulary:
    """The symbols in the order of their ids, as strings (a byte is the Latin-1 character of its value)."""

    symbols: tuple[str, ...]

    @classmethod
    def of(cls, symbols: Iterable[str]) -> "Vocabulary":
        """The distinct symbols, sorted."""
        return cls(tuple(sorted(set(symbols))))

    @cached_property
    def ids(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    @property
    def unknown(self) -> int | None:
        """The id that stands for symbols outside the vocabulary, where there is one."""
        return self.ids.get(UNKNOWN)

    def __len__(self) -> int:
        return len(self.symbols)

    def decode(self, ids: Sequence[int]) -> list[str]:
        """The symbol of each id."""
        return [self.symbols[i] for i in ids]
