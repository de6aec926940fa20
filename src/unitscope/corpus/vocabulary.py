"""Which token is which symbol. Safe for white space: a symbol may be any string."""

import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from unitscope.corpus.dialect import Notes
from unitscope.errors import Remark

UNKNOWN = "<unknown>"
"""A vocabulary that holds this symbol reads every symbol it does not know as this one."""


@dataclass(frozen=True, repr=False)
class Vocabulary:
    """The symbols in the order of their ids, as strings (a byte is the Latin-1 character of its value)."""

    symbols: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Vocabulary of {len(self.symbols):,} symbols>"

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


class UnknownSymbols(Remark):
    """More than one symbol in a hundred is none that the model knows."""


def note_unknown(counts: Mapping[str, int], vocabulary: Vocabulary, name: str, notes: Notes, warn: bool = True) -> None:
    """Note how many symbols of a corpus are read as the unknown one or a stand-in; above 1 % also ``warn``.

    ``counts`` says how often each symbol occurs.
    """
    lacking = {symbol: count for symbol, count in counts.items() if symbol not in vocabulary.ids}
    note_lacking(lacking, sum(counts.values()), len(vocabulary), name, notes, warn)


def note_lacking(
    lacking: Mapping[str, int], total: int, known: int, name: str, notes: Notes, warn: bool = True
) -> None:
    """The same of symbols, or words, that were found to be unknown: how often each occurs, of so many in all."""
    if not lacking:
        return
    share = sum(lacking.values()) / total
    frequent = sorted(lacking, key=lambda symbol: -lacking[symbol])[:5]
    shown = ", ".join(repr(symbol) for symbol in frequent)
    notes.counts[f"symbols that the model does not know ({share:.2%}: {shown}{', …' if len(lacking) > 5 else ''})"] = (
        sum(lacking.values())
    )
    if warn and share > 0.01:
        composed = sum(unicodedata.normalize("NFC", symbol) != symbol or bool(unicodedata.combining(symbol))
                       for symbol in lacking if len(symbol) == 1)  # fmt: skip
        hint = "; letters and accents are apart in this text, so NFC may help" if composed else ""
        warnings.warn(
            f"{name}: {share:.1%} of the symbols are none of the {known:,} that the model knows ({shown}) "
            f"and are read as another; what is said of them is about that one{hint}",
            UnknownSymbols,
            stacklevel=3,
        )
