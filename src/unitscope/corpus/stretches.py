"""Which tokens of which documents a part of a text is, and where its windows lie."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unitscope.corpus.documents import Entries
from unitscope.corpus.splits import Split

Stretch = tuple[int, int, int]
"""A document, its first token that is read, and the token after the last."""


@dataclass(frozen=True)
class _Run:
    """Documents that follow each other: of the first its beginning may be left out, of the last its end."""

    begin: int
    """The first, by its place among the documents of the part."""
    first: int
    """The first token of it."""
    last: int
    """The token after the last, in the last document."""


class Stretches(Sequence[Stretch]):
    """Stretches in the order of the text, cut into windows of ``length`` tokens. Of each a number is held."""

    def __init__(self, entries: Entries, split: Split, length: int) -> None:
        self._entries = entries
        self._length = length
        everything = split.kind != "documents" or split.part == "all"
        self._chosen: Sequence[int] | np.ndarray = range(len(entries)) if everything else np.array(
            [number for number, entry in enumerate(entries) if split.holds(entry.name)], np.int32
        )  # fmt: skip
        edges = np.zeros(len(self._chosen) + 1, np.int64)  # the text is all documents end to end
        np.cumsum(entries.tokens if everything else entries.tokens[self._chosen], out=edges[1:])
        spans = split.spans(int(edges[-1]))
        self.tokens = sum(after - first for first, after in spans)
        self._runs: list[_Run] = []
        self._starts = [0]  # the number of the first stretch of each run
        windows = [np.zeros(1, np.uint32)]
        for first, after in spans:
            begin = int(np.searchsorted(edges, first, side="right")) - 1
            end = int(np.searchsorted(edges, after, side="left"))
            self._runs.append(_Run(begin, first - int(edges[begin]), after - int(edges[end - 1])))
            self._starts.append(self._starts[-1] + end - begin)
            sizes = np.minimum(after, edges[begin + 1 : end + 1]) - np.maximum(first, edges[begin:end])
            windows.append((-(-sizes // length)).astype(np.uint32))
        self._firsts = np.concatenate(windows).cumsum(dtype=np.int64)

    @property
    def windows(self) -> int:
        """Number of windows of all stretches."""
        return int(self._firsts[-1])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, number: int) -> Stretch:  # type: ignore[override]
        at = range(len(self))[number]
        place = bisect_right(self._starts, at) - 1
        run, inside = self._runs[place], at - self._starts[place]
        document = int(self._chosen[run.begin + inside])
        is_last = at + 1 == self._starts[place + 1]
        return document, 0 if inside else run.first, run.last if is_last else self._entries.size(document)

    def window(self, number: int) -> Stretch:
        """A window by its number, counted over all stretches."""
        place = int(np.searchsorted(self._firsts, number, side="right")) - 1
        document, first, after = self[place]
        start = first + (number - int(self._firsts[place])) * self._length
        return document, start, min(start + self._length, after)
