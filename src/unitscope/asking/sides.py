"""All pairs of units and labels on one side of the text: read in parts, merged in their order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unitscope.analyses.association import Association, AssociationResult
from unitscope.asking.columns import BUCKET, LEVEL, TURNED, Columns
from unitscope.asking.pieces import Side
from unitscope.asking.work import Crew, Desk
from unitscope.fold.plan import Part, plan
from unitscope.fold.resultset import ResultSet
from unitscope.fold.stage import Stage, States, Tree
from unitscope.fold.state import Packed
from unitscope.progress import Progress
from unitscope.source.relabelled import Relabelled
from unitscope.source.source import Source, digest
from unitscope.source.subset import Subset

SURE = 0.95
"""Share of the correlations that a tolerance is about: the last few, of rare labels, would have nearly all read."""
Tables = dict[str, AssociationResult]
"""By site."""


def tables(results: ResultSet) -> Tables:
    """The associations among some results."""
    return {r.site: r for r in results if isinstance(r, AssociationResult)}


@dataclass(frozen=True)
class Reading:
    """One side of the text with its labels, and with those of its controls."""

    side: Side
    own: Association
    controls: tuple[tuple[str, Association], ...]
    seed: int
    within: bool

    @classmethod
    def of(
        cls, columns: Columns, side: Side, controls: Sequence[str], seed: int, within: bool, differences: bool
    ) -> "Reading":

        def association(control: str) -> Association:
            before = f"{control}: " if control else ""
            return Association(
                of=tuple(before + name for name in columns.names),
                groups=BUCKET,
                buckets=max(side.buckets, 2),
                families=columns.families,
                within=within or control == TURNED,
                differences=differences and not control,
            )

        return cls(side, association(""), tuple((name, association(name)) for name in controls), seed, within)

    def stage(self, source: Source) -> Stage:
        return Stage(source.sites, (self.own, *(analysis for _, analysis in self.controls)))

    def said(self, desk: Desk) -> Relabelled:
        """The source as it is read. What controls say is drawn once."""
        key = "said", self.side.sequences, bool(self.controls), self.seed
        if key not in desk.kept:
            controls = desk.columns.controls(self.side, self.seed) if self.controls else {}
            desk.kept[key] = Relabelled(desk.source, desk.columns.says(self.side, controls))
        found: Relabelled = desk.kept[key]
        return found

    def read(
        self, crew: Crew, tolerance: float, what: str, progress: Progress
    ) -> tuple[dict[str, ResultSet], Tables, Side]:
        """Associations of all pairs (``all``), of the shared part alone (``shared``), and of controls by their names.

        And the side as far as it was read.
        """
        source, stage, side = crew.desk.source, self.stage(crew.desk.source), self.side
        sites, done, total = source.sites, 0, len(side.sequences)

        def fold(*some: Sequence[int]) -> list[States]:
            """States of some parts of the side, all of which are read at the same time."""
            parts = [(place, part) for place, one in enumerate(some) for part in plan(Subset(source, one, what), sites)]

            def tell(number: int) -> None:
                nonlocal done
                done += len(parts[number][1].sequences)
                progress(what, done, total)

            trees = [Tree(stage) for _ in some]
            outcomes = crew.each([Folding(self, part) for _, part in parts], tell)
            for (place, _), packed in zip(parts, outcomes, strict=True):
                trees[place].add(stage.unpack(packed))
            return [tree.whole() for tree in trees]

        progress(what, 0, total)
        rounds = _rounds(side, tolerance)
        states, *others = fold(side.shared, *([] if tolerance else rounds))
        results = {name: ResultSet(source.fingerprint) for name in ("all", *dict(self.controls), "shared")}
        own = Stage(sites, (self.own,))
        own.compute(states, results["shared"])
        read = set(side.shared)
        for rest in rounds:
            if tolerance:
                known = ResultSet(source.fingerprint)
                own.compute(states, known)
                if _sure(tables(known), tolerance):
                    break
            states = stage.merge(states, others.pop(0) if others else fold(rest)[0])
            read.update(rest)
        for name, analysis in (("all", self.own), *self.controls):
            Stage(sites, (analysis,)).compute(states, results[name])
        turned = dict(self.controls).get(TURNED)
        if turned and not self.within:  # the same sums, with the level of each document
            level = replace(turned, within=False)
            same = {(site, level.key): state for (site, key), state in states.items() if key == turned.key}
            Stage(sites, (level,)).compute(same, results.setdefault(LEVEL, ResultSet(source.fingerprint)))
        progress(what, total, total)
        kept = replace(
            side,
            sequences=tuple(n for n in side.sequences if n in read),
            order=tuple(n for n in side.order if n in read),
        )
        return results, tables(results["all"]), kept


@dataclass(frozen=True)
class Folding:
    """A part of one side."""

    reading: Reading
    part: Part

    def key(self, desk: Desk) -> str:
        source, reading = desk.source, self.reading
        buckets = [reading.side.bucket[number] for number in self.part.sequences]
        others = reading.side.bucket if reading.controls else {}  # controls read other sequences too
        known = reading.stage(source).key(source, self.part, ResultSet(source.fingerprint))
        return digest(known, desk.columns.digest, repr(buckets), repr(others), str(reading.seed))

    def done(self, desk: Desk) -> Packed:
        source, stage = self.reading.said(desk), self.reading.stage(desk.source)
        return stage.pack(stage.fold(source, self.part, ResultSet(source.fingerprint), lambda _: None))


def _rounds(side: Side, tolerance: float) -> list[tuple[int, ...]]:
    """Sequences to read after the shared part: all at once, or by a third more each time."""
    shared = set(side.shared)
    if not tolerance:
        rest = tuple(number for number in side.sequences if number not in shared)
        return [rest] if rest else []
    left, taken, found = [number for number in side.order if number not in shared], len(shared), []
    while left:
        count = max(1, taken // 3)
        found.append(tuple(sorted(left[:count])))
        left, taken = left[count:], taken + count
    return found


def _sure(found: Tables, tolerance: float) -> bool:
    """Whether enough correlations have intervals as narrow as that; of constant units and labels there are none."""
    known = [np.isfinite(table.r) for table in found.values()]
    narrow = [table.r_high - table.r_low <= 2 * tolerance for table in found.values()]
    of = sum(int(part.sum()) for part in known)
    return sum(int((a & b).sum()) for a, b in zip(known, narrow, strict=True)) >= SURE * of
