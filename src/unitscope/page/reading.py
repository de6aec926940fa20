"""Reading a source for a page: a passage in a unit's colours, traces where there are no words, and places."""

import bisect
import weakref
from collections import OrderedDict
from functools import cached_property

import numpy as np
from jaxtyping import Float

from unitscope.corpus.annotated import CHARACTER
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source
from unitscope.view import Heatmap, Lines, Series, TokenText, View

KEPT = 4
"""Sequences of a site that stay in memory, because units are asked for one after the other."""
LOOKED_AT = 64
"""Sequences that are looked at to choose which are shown."""
TRACES, TRIALS = 4, 48
"""Sequences drawn as lines, and as rows of a raster, where there are no words."""
STEPS = 512
"""Steps of a sequence that is drawn."""
VALUES = 1 << 24
"""Values held to draw the traces of a site."""


class Reader:
    """What was read of a source lately."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._chunks: OrderedDict[tuple[str, int], Chunk] = OrderedDict()
        self._trials: dict[str, list[Float[np.ndarray, "step unit"]]] = {}
        self._lines: dict[int, list[int]] = {}

    def chunk(self, site: str, sequence: int) -> Chunk:
        """One sequence of one site."""
        key = (site, sequence)
        if key not in self._chunks:
            (chunks,) = self._source.chunks([site], (), [sequence])
            self._chunks[key] = chunks[site]
            while len(self._chunks) > KEPT:
                self._chunks.popitem(last=False)
        return self._chunks[key]

    def trials(self, site: str) -> list[Float[np.ndarray, "step unit"]]:
        """The first steps of sequences spread over the source; of the last site that was asked for."""
        if site not in self._trials:
            numbers = list(self._source.sequences)
            units = self._source.site_named(site).units
            count = min(len(numbers), max(TRACES, min(TRIALS, VALUES // (STEPS * units))))
            spread = [numbers[k * len(numbers) // count] for k in range(count)]
            found = []
            for chunks in self._source.chunks([site], (), spread):
                chunk = chunks[site]
                found += [chunk.activations[a:b][:STEPS].cpu().numpy() for a, b in chunk.spans()]
            self._trials = {site: found}
        return self._trials[site]

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
        document = self._source.document(where.document)
        if document.text is None:
            return f"{document.name}, step {where.start + position + 1:,}"
        if CHARACTER in self._source.annotations:
            character = int(self._source.labels(CHARACTER, sequence)[position])
        else:
            character = where.start + position
        if where.document not in self._lines:
            self._lines = {where.document: [i for i, c in enumerate(document.text) if c == "\n"]}
        return f"{document.name}:{bisect.bisect_left(self._lines[where.document], character) + 1}"


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
    source: Source, address: tuple[str, int], sequence: int, first: int = 0, count: int = 1_000, label: str = ""
) -> TokenText:
    """A unit's values over some tokens of a sequence, with what a label says of them."""
    site, unit = address
    chunk = reader(source).chunk(site, sequence)
    values = chunk.activations[first : first + count, unit].float().cpu().numpy()
    symbols = source.vocabulary.decode(chunk.tokens[first : first + count].tolist())
    truth = source.labels(label, sequence)[first : first + count].tolist() if label else ()
    return TokenText(
        f"{site}/{unit} on the text",
        symbols,
        values.tolist(),
        at=(sequence, first),
        place=reader(source).place(sequence, first),
        truth=truth,
        label=label,
    )


def traces(source: Source, site: str, unit: int) -> list[View]:
    """A unit where there are no words: some sequences as lines, many as rows of a raster, and their mean."""
    rows = [trial[:, unit].astype(np.float64) for trial in reader(source).trials(site)]
    longest = max(map(len, rows), default=0)
    if not longest:
        return []
    every = np.full((len(rows), longest), np.nan)
    for row, values in zip(every, rows, strict=True):
        row[: len(values)] = values
    steps = [float(step + 1) for step in range(longest)]
    shown = [Series(f"sequence {k + 1}", every[k].tolist()) for k in range(min(TRACES, len(rows)))]
    views: list[View] = [Lines(f"{site}/{unit} over time", steps, shown, "step", "activation")]
    if len(rows) > 2:
        known = np.isfinite(every).sum(0)
        mean = np.nansum(every, 0) / known
        spread = np.sqrt(np.nansum((every - mean) ** 2, 0) / known)
        band = Series("mean", mean.tolist(), (mean - spread).tolist(), (mean + spread).tolist())
        note = f"of {len(rows)} sequences; the band is one standard deviation between them on either side"
        views.append(Lines("Mean over sequences", steps, [band], "step", "activation", note))
        names, columns = [str(k + 1) for k in range(len(rows))], [f"{step:.0f}" for step in steps]
        low, high = float(np.nanquantile(every, 0.01)), float(np.nanquantile(every, 0.99))
        if high <= low:
            low, high = low - 0.5, high + 0.5
        views.append(Heatmap("Sequence by sequence", names, columns, every.tolist(), low, high, "step", "sequence"))
    return views


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
