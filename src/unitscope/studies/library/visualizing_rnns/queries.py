"""Match queries on held-out text: from a phrase to the cells that are on throughout it, and to where else they are.

What LSTMVis shows (Strobelt et al. 2018, arXiv 1606.07461), with a number beside it: how many of the passages that the
cells lead to have what the phrase has, against random passages of the same lengths.
"""

import contextlib
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from unitscope import labels as library
from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError
from unitscope.evidence.ratio import share
from unitscope.matches import Matches, Phrase, match
from unitscope.matches.phrase import find_phrase
from unitscope.matches.result import Passage
from unitscope.matches.thresholds import Thresholds, thresholds
from unitscope.models.module import ModuleModel
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live
from unitscope.studies.library.visualizing_rnns.cells import states
from unitscope.studies.library.visualizing_rnns.held_out import Estimate
from unitscope.views import Field, Table, View

ASKED = ("inside-double-quotes", "inside-c-comment", "inside-c-if-head", "inside-python-string", "inside-parentheses")
"""What a phrase may be chosen for: what the paper's cells stood for, and the like in other texts."""
SHORTEST, LONGEST = 10, 100
"""Characters of a phrase that is chosen from the data; networks learnt through 100 steps."""
TRIES = 5
"""Phrases that are tried, from the longest to ever shorter ones, until one has cells of its own."""
SHIFTS = sorted(itertools.product((0, 1, 2), (0, 1, -1)), key=lambda shift: sum(map(abs, shift)))
"""Characters by which a cell may begin after the text does, and end after it: to know that a comment begins may take
more than one character, and a cell may show what was read only a step later."""
THRESHOLDS = ("deviations:1", "deviations:0.5")
"""The second where no cell is on by the first: what holds half of the time is never far from the mean."""
LEAST = 5
"""Phrases that a text must have of a kind for one to be chosen."""
COUNT, DRAWN = 50, 40
"""Passages, and random ones for each of them."""
SHOWN = 5


@dataclass(frozen=True, eq=False)
class Query:
    """A phrase, where its cells lead, and what is there."""

    network: str
    inside: str
    """What the phrase was chosen for; empty where the user chose it."""
    flanks: bool
    """Whether its cells are off at the step before it and at the step after it."""
    shift: tuple[int, int]
    """Characters by which the cells begin after the text does, and by which they end after it."""
    matches: Matches
    shares: dict[str, tuple[Estimate, float]]
    """By property: of the passages those in which it holds at every step, and of random ones of the same lengths."""

    @property
    def title(self) -> str:
        return f"{self.inside or repr(self.matches.phrase.text)}: {self.network}"

    def views(self) -> list[View]:
        """Results of the query as ``unitscope match`` shows them; titles name the phrase."""
        return [
            self._table(),
            *(replace(view, title=f"{self.title}: {view.title}") for view in self.matches.views(SHOWN)),
        ]

    def _table(self) -> Table:
        fields = [
            Field("holds throughout", "text"),
            Field("passages", "share", "in which it holds at every step"),
            Field("95 %", "text", "Wilson's interval"),
            Field("random", "share", f"the same of {DRAWN} random passages for each, of its length"),
        ]
        order = sorted(self.shares, key=lambda name: self.shares[name][1] - self.shares[name][0].mean)
        names = [self.inside] if self.inside else []
        others = [
            name for name in order if name != self.inside and any((self.shares[name][0].mean, self.shares[name][1]))
        ]
        names += others[:SHOWN]
        rows = [
            [name, here.mean, f"{here.low:.3f} to {here.high:.3f}", chance]
            for name, (here, chance) in ((name, self.shares[name]) for name in names)
        ]
        note = f"{len(self.matches.passages)} passages, of {len(self.matches.selected)} cells"
        if not self.flanks:
            note += "; none is on throughout the phrase and off beside it, so the sides were left free"
        if any(self.shift):
            begin, end = self.shift
            note += (
                f"; phrase and passages are where the cells are on, which begin {begin} characters after the text does "
                f"and end {abs(end)} characters {'before' if end < 0 else 'after'} it"
            )
        return Table(f"{self.title}: what the passages have", fields, rows, note)


def queries(
    model: ModuleModel, corpus: TextCorpus, asked: Sequence[str], phrase: str, folder: Path, seed: int = 0
) -> dict[str, Query | None]:
    """A query for the phrase, or for phrases that are chosen from the text by what they are inside of.

    Its name is what that is; None where no cell is on throughout such a phrase and off beside it.

    ``asked`` are the hypotheses that mean something on the text. The states of all layers take part. They are recorded
    into a folder inside ``folder`` that is removed again. Raises ``InputError`` for a phrase that the text does not
    have, or throughout which no cell is on.
    """
    labels = Labels.of(corpus, [name for name in asked if library.find(name).kind == "flag"])
    made: dict[str, Query | None] = {}
    with tempfile.TemporaryDirectory(dir=folder, prefix="recording-") as where:
        recording = record(Live(model, corpus), where, states(model), "float16")
        limits = {said: thresholds(recording, recording.sites, said) for said in THRESHOLDS}
        if phrase:
            place = find_phrase(recording, phrase)
            tried = {"": [(said, flanks, place, (0, 0)) for flanks in (True, False) for said in THRESHOLDS]}
        else:
            spans = {name: labels.spans(name) for name in ASKED if name in labels.totals}
            tried = {name: _tries(places) for name, places in spans.items() if len(places) >= LEAST}
        for name, tries in tried.items():
            made[name] = None
            for said, flanks, place, shift in tries:
                found = _cells_of(recording, limits[said], place, flanks)
                if found and found.passages:
                    found = replace(found, threshold=said)
                    shares = labels.shares(found.passages, shift, seed)
                    made[name] = Query(model.name, name, flanks, shift, found, shares)
                    break
    if phrase and not made[""]:
        raise InputError(f"no cell of {model.name} is on throughout {phrase!r}; give a shorter --phrase")
    return made


def _tries(places: Sequence[Phrase]) -> list[tuple[str, bool, Phrase, tuple[int, int]]]:
    """Phrases from long to short, where the cells follow the text at once, and then where they do not."""
    chosen = places[:: max(1, len(places) // TRIES)][:TRIES]
    return [
        (said, True, replace(place, start=place.start + begin, stop=place.stop + end), (begin, end))
        for said in THRESHOLDS
        for begin, end in SHIFTS
        for place in chosen
    ]


def _cells_of(recording: Recording, limits: Mapping[str, Thresholds], place: Phrase, flanks: bool) -> Matches | None:
    """Passages of about the length of a phrase; None where no cell is on throughout it."""
    length = place.stop - place.start
    lengths = {"shortest": max(2, length // 2), "longest": 2 * length}
    with contextlib.suppress(InputError):
        return match(recording, place, list(limits), limits, left=flanks, right=flanks, count=COUNT, **lengths)
    return None


@dataclass(frozen=True, eq=False)
class Labels:
    """Where each of some flags holds, in a text whose sequences lie end to end."""

    first: Int[np.ndarray, " sequence"]
    """First character of each sequence, and the number of all."""
    totals: dict[str, Int[np.ndarray, " character"]]
    """Characters up to each one, it left out, at which the flag holds."""

    @classmethod
    def of(cls, corpus: TextCorpus, names: Sequence[str]) -> "Labels":
        numbers = range(len(corpus))
        first = np.concatenate([[0], np.cumsum(corpus.lengths(numbers))])
        totals = {}
        for name in names:
            holds = np.concatenate([corpus.labels(name, n).nan_to_num().numpy() > 0.5 for n in numbers])
            totals[name] = np.concatenate([[0], np.cumsum(holds)])
        return cls(first, totals)

    def spans(self, name: str) -> list[Phrase]:
        """Stretches inside which a flag holds and beside which it does not, from the longest on."""
        found = []
        for sequence, (begin, end) in enumerate(itertools.pairwise(self.first.tolist())):
            edges = np.flatnonzero(np.diff(self.totals[name][begin : end + 1], n=2)) + 1
            holds = np.diff(self.totals[name][begin : end + 1])[edges] > 0
            found += [
                Phrase(sequence, int(start), int(stop))
                for start, stop, inside in zip(edges[:-1], edges[1:], holds[:-1], strict=True)
                if inside and SHORTEST <= stop - start <= LONGEST
            ]
        return sorted(found, key=lambda phrase: phrase.start - phrase.stop)

    def throughout(
        self, name: str, start: Int[np.ndarray, "*passages"], stop: Int[np.ndarray, "*passages"]
    ) -> Bool[np.ndarray, "*passages"]:
        """Whether a flag holds at every character of some passages."""
        made: Bool[np.ndarray, "*passages"] = self.totals[name][stop] - self.totals[name][start] == stop - start
        return made

    def shares(
        self, passages: Sequence[Passage], shift: tuple[int, int], seed: int
    ) -> dict[str, tuple[Estimate, float]]:
        """By flag: the share of the passages throughout which it holds, and that of random ones of the same lengths.

        Of each passage as much is looked at as its cells follow the text with this shift.
        """
        begin, end = shift
        first = np.array([self.first[p.sequence] for p in passages], np.int64)
        start = first + np.array([max(0, p.start - begin) for p in passages], np.int64)
        length = first + np.array([p.stop - end for p in passages], np.int64) - start
        drawn = np.stack([self._places(n, np.random.default_rng([seed, at])) for at, n in enumerate(length.tolist())])
        return {
            name: (
                _share(self.throughout(name, start, start + length)),
                float(self.throughout(name, drawn, drawn + length[:, None]).mean()),
            )
            for name in self.totals
        }

    def _places(self, length: int, dice: np.random.Generator) -> Int[np.ndarray, " drawn"]:
        """Beginnings of random passages of a length, each in one sequence."""
        room = np.maximum(np.diff(self.first) - length + 1, 0)
        ends = np.cumsum(room)
        at = dice.integers(0, ends[-1], DRAWN)
        sequence = np.searchsorted(ends, at, side="right")
        places: Int[np.ndarray, " drawn"] = self.first[sequence] + at - (ends - room)[sequence]
        return places


def _share(holds: Bool[np.ndarray, " passage"]) -> Estimate:
    return Estimate(*share(holds.astype(float), np.ones(len(holds))))
