"""Reading a source for a page: a passage in a unit's colours, trials where there are no words, and places."""

import re
import weakref
from collections import OrderedDict
from dataclasses import replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from unitscope.corpus.annotated import CHARACTER
from unitscope.errors import InputError
from unitscope.labels.library import names
from unitscope.page.trials import STEPS, Trials, spread, trials_of
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source
from unitscope.views import TokenText

KEPT = 4
"""Sequences of a site that stay in memory, because units are asked for one after the other."""
LOOKED_AT = 64
"""Sequences that are looked at to choose which are shown."""
DOCUMENTS = 256
"""Whose lines are remembered: the examples of one unit lie in many."""
ENOUGH = 400
"""Tokens of a passage that is filled with several sequences, where they are short."""
BORDER = "¶"
"""What stands between sequences that share a passage."""


class Reader:
    """Recently read parts of a source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._chunks: OrderedDict[tuple[str, int], Chunk] = OrderedDict()
        self._trials: dict[str, Float[np.ndarray, "sequence step unit"]] = {}
        self._known: Trials | None = None
        self._stretch: dict[tuple[str, int], tuple[list[str], np.ndarray]] = {}
        self._lines: dict[int, tuple[str, np.ndarray | None]] = {}
        """Of a document its name, and where its lines end; None where it has no text."""

    def chunk(self, site: str, sequence: int) -> Chunk:
        """One sequence of one site."""
        key = (site, sequence)
        if key not in self._chunks:
            (chunks,) = self._source.chunks([site], (), [sequence])
            self._chunks[key] = chunks[site]
            while len(self._chunks) > KEPT:
                self._chunks.popitem(last=False)
        return self._chunks[key]

    def trials(self, site: str) -> Float[np.ndarray, "sequence step unit"]:
        """The first steps of sequences spread over the source, NaN behind each; of the last site that was asked for."""
        if site not in self._trials:
            units = self._source.site_named(site).units
            numbers = spread(self._source, units)
            rows = [
                chunks[site].activations[a:b][:STEPS].float().cpu().numpy()
                for chunks in self._source.chunks([site], (), numbers)
                for a, b in chunks[site].spans()
            ]
            every = np.full((len(rows), max(map(len, rows), default=0), units), np.nan, np.float32)
            for row, values in zip(every, rows, strict=True):
                row[: len(values)] = values
            self._trials = {site: every}
        return self._trials[site]

    def known(self, site: str) -> Trials:
        """Values beside the activations of the same sequences."""
        numbers = tuple(spread(self._source, self._source.site_named(site).units))
        if self._known is None or self._known.numbers != numbers:
            self._known = trials_of(self._source, numbers)
        return self._known

    def stretch(self, site: str, sequence: int) -> tuple[list[str], Float[np.ndarray, "token unit"]]:
        """The tokens of a sequence, and of those behind it until there are enough, with NaN at their borders."""
        if (site, sequence) not in self._stretch:
            source = self._source
            at = source.sequences.index(sequence)
            numbers, tokens = [], 0
            for number in source.sequences[at : at + ENOUGH]:
                numbers.append(int(number))
                tokens += source.lengths([number])[0] + 1
                if tokens >= ENOUGH:
                    break
            symbols: list[str] = []
            values: list[np.ndarray] = []
            border = np.full((1, source.site_named(site).units), np.nan, np.float32)
            for chunks in source.chunks([site], (), numbers):
                chunk = chunks[site]
                for a, b in chunk.spans():
                    symbols += [BORDER] * bool(symbols) + source.vocabulary.decode(chunk.tokens[a:b].tolist())
                    values += [border] * bool(values) + [chunk.activations[a:b].float().cpu().numpy()]
            self._stretch = {(site, sequence): (symbols, np.concatenate(values))}
        return self._stretch[site, sequence]

    @cached_property
    def has_words(self) -> bool:
        """Whether tokens are symbols that can be read. Steps of a series and of an array all have the last one."""
        nothing = len(self._source.vocabulary) - 1
        return any(bool((self._source.tokens(n) != nothing).any()) for n in self._source.sequences[:LOOKED_AT])

    @cached_property
    def telling(self) -> int:
        """A sequence that shows much: of the first, the one with the most different symbols."""
        source = self._source
        return max(source.sequences[:LOOKED_AT], key=lambda number: len(np.unique(source.tokens(number))))

    def place(self, sequence: int, position: int) -> str:
        """Where a token stands: a document and, in a text of lines, the line."""
        where = self._source.place(sequence)
        if where.document not in self._lines:
            if len(self._lines) >= DOCUMENTS:
                self._lines.pop(next(iter(self._lines)))
            document = self._source.document(where.document)
            ends = None if document.text is None else [one.start() for one in re.finditer("\n", document.text)]
            self._lines[where.document] = document.name, None if ends is None else np.array(ends, np.int64)
        name, lines = self._lines[where.document]
        if lines is None:
            return f"{name}, step {where.start + position + 1:,}"
        if CHARACTER in self._source.annotations:
            character = int(self._source.labels(CHARACTER, sequence)[position])
        else:
            character = where.start + position
        return f"{name}:{int(np.searchsorted(lines, character)) + 1}"


_READERS: "weakref.WeakKeyDictionary[Source, Reader]" = weakref.WeakKeyDictionary()


def reader(source: Source) -> Reader:
    """The reader of a source, which goes when the source goes."""
    if source not in _READERS:
        _READERS[source] = Reader(weakref.proxy(source))
    return _READERS[source]


def has_words(source: Source) -> bool:
    """Whether its tokens are symbols that can be read."""
    return reader(source).has_words


def passage(
    source: Source,
    address: tuple[str, int],
    sequence: int,
    first: int = 0,
    count: int = 1_000,
) -> TokenText:
    """A unit's values over some tokens of a sequence."""
    site, unit = address
    chunk = reader(source).chunk(site, sequence)
    values = chunk.activations[first : first + count, unit].float().cpu().numpy()
    symbols = source.vocabulary.decode(chunk.tokens[first : first + count].tolist())
    return TokenText(
        f"{site}/{unit} on the text",
        symbols,
        values.tolist(),
        at=(sequence, first),
        place=reader(source).place(sequence, first),
    )


def filled(source: Source, address: tuple[str, int], sequence: int, count: int) -> TokenText:
    """A passage from the beginning of a sequence. Where sequences are short, such as single words, the next ones follow
    until there are ``ENOUGH`` tokens, with their borders."""
    site, unit = address
    tokens, values = reader(source).stretch(site, sequence)
    shown = passage(source, address, sequence, 0, count)
    if len(tokens) <= len(shown.tokens):
        return shown
    said = values[:, unit].tolist()
    return replace(shown, tokens=tokens, values=said, note=f"{BORDER} stands between sequences")


def truth_of(source: Source, label: str, sequence: int, first: int, count: int) -> list[float]:
    """Values of a label for some tokens; empty where the source does not have it.

    A recording may come from anybody, so only labels of the library and its own annotations are asked: never a function
    of a file that it names.
    """
    if label not in source.annotations and label not in names():
        return []
    try:
        found: list[float] = source.labels(label, sequence)[first : first + count].tolist()
    except InputError:
        return []
    return found


def telling(source: Source) -> int:
    """A sequence that shows much."""
    return reader(source).telling


def turning(source: Source, label: str, width: int) -> tuple[int, int]:
    """Sequence and first token of a stretch in which a label changes most often, the earliest of the first ones."""
    best, where, changes = int(source.sequences[0]), 0, -1
    for number in source.sequences[:LOOKED_AT]:
        values = source.labels(label, number).nan_to_num().numpy()
        high = (values > np.median(values)).astype(float)
        steps = np.concatenate([[0.0], np.abs(np.diff(high))])
        window = np.convolve(steps, np.ones(min(width, len(steps))), "valid")
        if window.size and window.max() > changes:
            best, where, changes = int(number), int(window.argmax()), int(window.max())
    return best, where
