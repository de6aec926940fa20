"""From a phrase to units, and from units to the passages where they are on together.

What LSTMVis does by brushing (Strobelt et al. 2018, arXiv 1606.07461), as a function: a unit is selected if it is on at
every step of the phrase; the passages are those where selected units are on throughout, ranked by the largest
intersection with the selection, then the smallest union, then the longest. LSTMVis looks for runs of steps on which
so many units are on, be they the same or not, among the first 500,000 steps, and stops at 1,000 candidates. Here the
units of a passage are on from its first step to its last, and all steps of the recording are searched.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int, Integer

from unitscope.errors import InputError
from unitscope.matches.passages import Passages, best, inside, passages, stretches, throughout, within
from unitscope.matches.phrase import Phrase, find_phrase
from unitscope.matches.result import AFTER, BEFORE, Matches, Passage, Selected
from unitscope.matches.thresholds import Thresholds, thresholds
from unitscope.models.site import Site, choose
from unitscope.recording.activations import BLOCK, Pages
from unitscope.recording.recording import Recording


def match(
    recording: Recording,
    phrase: Phrase | str,
    sites: Sequence[str] = ("*.hidden",),
    threshold: float | str | Mapping[str, Thresholds] = "deviations:1",
    *,
    left: bool = False,
    right: bool = False,
    count: int = 50,
    shortest: int = 2,
    longest: int | None = None,
    candidates: int = 1000,
    occurrence: int = 0,
) -> Matches:
    """Passages of a recording where the units that are on throughout a phrase are on together again.

    ``phrase`` is a place or a text, of which ``occurrence`` says which one. The units of all ``sites`` (glob patterns)
    take part, on either side of ``threshold`` (see ``thresholds``, whose outcome may be given too). With ``left`` or
    ``right`` a unit takes part in the phrase, and in a passage, only if it is not on at the step before or after.

    The ``count`` best passages of ``shortest`` to ``longest`` steps are returned; of those that overlap, the best
    one. Intersections are exact over all steps. The union with what else is on is measured on the ``candidates`` of
    the largest intersection, longest first; ``Matches.exact`` says whether that left out any that might rank
    among the best.

    Memory holds one count per step of the recording and, of one shard, the steps that can match.
    Raises ``InputError`` for a phrase or sites that are not in the recording, and where no unit is on.
    """
    lengths = _lengths(count, shortest, longest, candidates)
    if isinstance(phrase, str):
        phrase = find_phrase(recording, phrase, occurrence)
    phrase.check(recording)
    chosen = choose(recording.sites, sites)
    limits = threshold if isinstance(threshold, Mapping) else thresholds(recording, chosen, threshold)
    said = "given" if isinstance(threshold, Mapping) else str(threshold)
    search = _Search(recording, chosen, limits, left, right)
    selected = search.select(phrase)
    if not selected:
        raise InputError(
            f"no unit of {', '.join(site.name for site in chosen)} is on throughout the phrase"
            + (", and off beside it" if left or right else "")
            + f", at the threshold {said}; choose a lower one, a shorter phrase or more sites"
        )
    itself = _Place(phrase.sequence, phrase.start, phrase.stop, len(selected), len(selected))
    found, exact = search.best(selected, search.span(phrase), lengths, count, candidates)
    return Matches(recording.name, said, search.passage(itself, selected), selected, found, exact)


def match_elsewhere(
    recording: Recording,
    phrase: Passage,
    selected: Sequence[Selected],
    limits: Mapping[str, Thresholds],
    *,
    said: str = "given",
    count: int = 50,
    shortest: int = 2,
    longest: int | None = None,
    candidates: int = 1000,
) -> Matches:
    """The same for a phrase that does not stand in the recording: its conditions come from elsewhere.

    ``limits`` are the thresholds of all units of the sites that take part. Raises ``InputError`` for no conditions.
    """
    lengths = _lengths(count, shortest, longest, candidates)
    if not selected:
        raise InputError("no unit is on throughout the phrase; choose a lower threshold or more sites")
    chosen = [recording.site_named(name) for name in limits]
    found, exact = _Search(recording, chosen, limits, False, False).best(selected, None, lengths, count, candidates)
    return Matches(recording.name, said, phrase, list(selected), found, exact)


def _lengths(count: int, shortest: int, longest: int | None, candidates: int) -> tuple[int, int]:
    longest = longest or NO_END
    if min(count, shortest, candidates) < 1 or longest < shortest:
        raise InputError(
            f"{count} passages of {shortest} to {longest} steps among {candidates} candidates cannot be looked for; "
            "each is at least 1, and the longest not shorter than the shortest"
        )
    return shortest, longest


NO_END = 1 << 62
"""Longer than any sequence."""


@dataclass(frozen=True)
class _Place:
    sequence: int
    start: int
    stop: int
    intersection: int
    union: int


class _Search:
    """A recording as one row of steps: sequences lie in it end to end, as in its shards."""

    def __init__(
        self, recording: Recording, sites: Sequence[Site], limits: Mapping[str, Thresholds], left: bool, right: bool
    ) -> None:
        self.recording = recording
        self.sites = sites
        self.limits = limits
        self.left, self.right = left, right
        plan = recording.plan
        self.first = np.concatenate([[0], np.cumsum(plan.tokens)])  # first step of each sequence, and the total
        self.begins = np.zeros(self.first[-1], bool)
        self.begins[self.first[:-1][plan.tokens > 0]] = True
        self.shards = np.unique(plan.shard)
        edges = np.searchsorted(plan.shard, self.shards)
        self.shard_first = np.append(self.first[edges], self.first[-1])
        """First step of each shard, and the total."""
        self._open: tuple[int, dict[str, Pages]] = (-1, {})

    def span(self, phrase: Phrase) -> tuple[int, int]:
        """Its first step in the row of all steps, and the one after its last."""
        begin = int(self.first[self.recording.plan.find(phrase.sequence)])
        return begin + phrase.start, begin + phrase.stop

    def best(
        self,
        selected: Sequence[Selected],
        taken: tuple[int, int] | None,
        lengths: tuple[int, int],
        count: int,
        candidates: int,
    ) -> tuple[list[Passage], bool]:
        """The best passages in order, none of them where the phrase itself is, and whether all were ranked."""
        found, complete = self.find(selected, taken, lengths, count, max(count, candidates))
        # Unions decide among equal intersections only, and each is as much reading as there are units.
        least = found.score[min(count, len(found)) - 1] if len(found) else 0
        ranked = self.rank(found.take(found.score >= least), selected)[:count]
        exact = complete or ranked[-1].intersection > int(found.score[-1])
        return [self.passage(place, selected) for place in ranked], exact

    def select(self, phrase: Phrase) -> list[Selected]:
        """The conditions that hold throughout the phrase."""
        start, stop = self.span(phrase)
        selected = []
        for site, (above, below) in zip(self.sites, self._throughout(start, stop), strict=True):
            limit = self.limits[site.name]
            for sign, on, edge in ((1, above, limit.high), (-1, below, limit.low)):
                selected += [Selected(site.name, u, sign, float(edge[u])) for u in np.flatnonzero(on).tolist()]
        return selected

    def find(
        self,
        selected: Sequence[Selected],
        taken: tuple[int, int] | None,
        lengths: tuple[int, int],
        wanted: int,
        pool: int,
    ) -> tuple[Passages, bool]:
        """The passages with the largest intersections that do not overlap, and whether none that counts was left out.

        From all conditions downwards, until no passage with fewer can be among the ``wanted`` best.
        """
        counts = self.count(selected, lengths[0])
        shards = itertools.pairwise(self.shard_first.tolist())
        of_count = np.sum([np.bincount(counts[a:b], minlength=len(selected) + 1) for a, b in shards], axis=0)
        steps = np.cumsum(of_count[::-1])[::-1]  # with so many conditions or more
        least = len(selected)
        while True:
            found = self._passages(selected, counts, least, lengths)
            chosen, complete = best(found, len(counts), pool, taken)
            if least == 1 or int((chosen.score >= least).sum()) >= wanted:
                return chosen, complete
            # Twice as many steps each time, so that looking again costs no more than looking once.
            lower = np.flatnonzero(steps[1:least] >= 2 * steps[least]) + 1
            least = int(lower[-1]) if len(lower) else 1

    def count(self, selected: Sequence[Selected], shortest: int = 1) -> Integer[np.ndarray, " step"]:
        """Of each step, the most conditions that hold throughout ``shortest`` steps among which it is.

        One byte per step unless there are more than 255. No passage has a step with fewer than it has itself.
        """
        counts = np.zeros(self.first[-1], np.uint8 if len(selected) < 256 else np.uint16)
        for number, (begin, end) in enumerate(itertools.pairwise(self.shard_first.tolist())):
            here = counts[begin:end]
            for site, pages in self._pages(number).items():
                pages.blocks.expect([condition.unit for condition in selected if condition.site == site])
            for condition in selected:
                here += throughout(self._holds(number, condition), shortest)
            here[~inside(self.begins[begin:end], shortest)] = 0
            here[:] = within(here, shortest)
        return counts

    def rank(self, found: Passages, selected: Sequence[Selected]) -> list[_Place]:
        """The passages with their unions, in order."""
        ranked = []
        order = np.argsort(found.start, kind="stable").tolist()  # shard by shard
        for row in order:
            start, stop, score = int(found.start[row]), int(found.stop[row]), int(found.score[row])
            sequence = int(np.searchsorted(self.first, start, side="right")) - 1
            begin = int(self.first[sequence])
            on = sum(int(above.sum() + below.sum()) for above, below in self._throughout(start, stop))
            union = len(selected) + on - score
            number = int(self.recording.plan.sequence[sequence])
            ranked.append(_Place(number, start - begin, stop - begin, score, union))
        return sorted(ranked, key=lambda p: (-p.intersection, p.union, p.start - p.stop, p.sequence, p.start))

    def passage(self, place: _Place, selected: Sequence[Selected]) -> Passage:
        """A passage with the text around it, and how much of the selection is on at each step."""
        row = self.recording.plan.find(place.sequence)
        begin, end = int(self.first[row]), int(self.first[row + 1])
        first, last = max(begin, begin + place.start - BEFORE), min(end, begin + place.stop + AFTER)
        shard = int(np.searchsorted(self.shard_first, begin, side="right")) - 1
        offset = int(self.shard_first[shard])
        rows = slice(first - offset, last - offset)
        on = np.stack([self._holds(shard, condition, rows) for condition in selected])  # [condition step]
        inside = slice(begin + place.start - first, begin + place.stop - first)
        tokens = self.recording.tokens(place.sequence)[first - begin : last - begin]
        return Passage(
            **asdict(place),
            tokens=self.recording.vocabulary.decode(tokens.tolist()),
            share=on.mean(0).tolist(),
            before=inside.start,
            units=np.flatnonzero(on[:, inside].all(1)).tolist(),
        )

    def _passages(
        self, selected: Sequence[Selected], counts: Integer[np.ndarray, " step"], least: int, lengths: tuple[int, int]
    ) -> Passages:
        """All passages of ``least`` conditions or more, shard by shard."""
        parts = []
        for number, (begin, end) in enumerate(itertools.pairwise(self.shard_first.tolist())):
            begins = self.begins[begin:end]
            found = stretches(counts[begin:end], begins, least, lengths[0])
            if not len(found):
                continue

            def holds(steps: Int[np.ndarray, " step"], shard: int = number) -> Bool[np.ndarray, "condition step"]:
                return np.stack([self._holds(shard, condition, steps) for condition in selected])

            part = passages(holds, found, begins, len(selected), least, lengths, self.left, self.right)
            parts.append(Passages(part.start + begin, part.stop + begin, part.score).take(part.score > 0))
        return Passages.joined(parts)

    def _holds(
        self, shard: int, condition: Selected, rows: slice | Int[np.ndarray, " step"] = slice(None)
    ) -> Bool[np.ndarray, " step"]:
        """Whether a condition holds at some steps of a shard (all if not said), reading only that unit's bytes."""
        block, row = divmod(condition.unit, BLOCK)
        pages = self._pages(shard)[condition.site]
        values = pages.values(block, slice(row, row + 1), 0, pages.blocks.tokens)[0, rows].float().numpy()
        found: np.ndarray = values >= condition.threshold if condition.sign > 0 else values <= condition.threshold
        return found

    def _throughout(self, start: int, stop: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each site, which units are above, and which below, from a step to before another."""
        shard = int(np.searchsorted(self.shard_first, start, side="right")) - 1
        offset = int(self.shard_first[shard])
        before = self.left and not self.begins[start]
        after = self.right and stop < len(self.begins) and not self.begins[stop]
        rows = (int(start - before - offset), int(stop + after - offset))
        made = []
        for site in self.sites:
            pages, numbers = self._pages(shard)[site.name], range(-(-site.units // BLOCK))
            values = torch.cat([pages.values(n, slice(None), *rows) for n in numbers]).float().numpy()
            limit = self.limits[site.name]
            sides = []
            for on in (values >= limit.high[:, None], values <= limit.low[:, None]):  # each [unit step]
                all_on = on[:, before : on.shape[1] - after].all(1)
                sides.append(all_on & ~(before & on[:, 0]) & ~(after & on[:, -1]))
            made.append((sides[0], sides[1]))
        return made

    def _pages(self, shard: int) -> dict[str, Pages]:
        """A shard's sites, mapped into memory; those of one shard at a time."""
        if self._open[0] != shard:
            number = int(self.shards[shard])
            self._open = shard, {site.name: self.recording.pages(number, site) for site in self.sites}
        return self._open[1]
