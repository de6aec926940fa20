"""Analyses that read a source together: folded over a part, merged in a fixed tree, computed.

``needs`` puts analyses into stages: a stage is ``given`` the results of those before it. The states of a part are a
mapping by site and key of the analysis; everything here takes and returns them, so whoever drives it (one process,
many, an engine) may keep them anywhere in between.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unitscope.errors import InputError
from unitscope.fold.analysis import Analysis, Given, state_type
from unitscope.fold.aside import Aside, size_of
from unitscope.fold.plan import Part
from unitscope.fold.resultset import ResultSet
from unitscope.fold.state import Packed, content_digest, pack, unpack
from unitscope.models.site import Site
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source, digest

VERSION = 2
"""Of the states of all analyses: another means that what is kept is made again."""
CACHED = 2**19
"""Values that all analyses see before the next ones are looked at: what a processor's cache can hold."""

States = dict[tuple[str, str], Any]
"""By name of the site and key of the analysis."""
HIGH, LARGE = 1, 128_000_000
"""States of two parts and more, and of so many bytes, wait on the disk."""


@dataclass(frozen=True)
class Stage:
    """The analyses of one depth of ``needs``, over the same sites."""

    sites: tuple[Site, ...]
    analyses: tuple[Analysis[Any], ...]

    @property
    def labels(self) -> list[str]:
        """All labels that they need."""
        return list(dict.fromkeys(name for analysis in self.analyses for name in analysis.labels))

    def at(self, site: Site) -> list[Analysis[Any]]:
        """Those that mean something at a site."""
        return [analysis for analysis in self.analyses if analysis.applies(site)]

    def start(self, given: ResultSet) -> States:
        """Empty states."""
        return {
            (site.name, analysis.key): analysis.start(site, _given(analysis, site, given))
            for site in self.sites
            for analysis in self.at(site)
        }

    def fold(self, source: Source, part: Part, given: ResultSet, tell: Callable[[int], None]) -> States:
        """The states of a part. ``tell`` is called with the sequences that were read, a few at a time.

        Raises ``InputError`` for activations that are not finite.
        """
        states = self.start(given)
        if not states:
            return states
        with torch.no_grad():
            for chunks in source.chunks([site.name for site in self.sites], self.labels, part.sequences):
                for site in self.sites:
                    chunk = chunks[site.name]
                    chunk.check_finite(site.name)
                    asked = self.at(site)
                    for analysis in asked:
                        if analysis.whole_chunks:
                            analysis.update(states[site.name, analysis.key], chunk)
                    pieced = [analysis for analysis in asked if not analysis.whole_chunks]
                    for piece in _cached(chunk) if pieced else ():
                        for analysis in pieced:
                            analysis.update(states[site.name, analysis.key], piece)
                tell(len(torch.unique_consecutive(next(iter(chunks.values())).sequence)))
        return states

    def key(self, source: Source, part: Part, given: ResultSet) -> str:
        """Digest of all that the states of a part follow from."""
        from_others = [
            content_digest(given[site.name, need.key]) for site in self.sites for a in self.at(site) for need in a.needs
        ]
        asked = [f"{site!r} {analysis!r}" for site in self.sites for analysis in self.at(site)]
        return digest(f"states {VERSION}", source.content(part.sequences), *asked, *from_others)

    def pack(self, states: States) -> Packed:
        """All states of a part in one."""
        tensors: dict[str, Tensor] = {}
        plain = []
        for number, state in enumerate(states.values()):
            packed = pack(state)
            tensors |= {f"{number}.{name}": tensor for name, tensor in packed.tensors.items()}
            plain.append(packed.plain)
        return Packed(tensors, plain)

    def unpack(self, packed: Packed) -> States:
        """The states of a part. Raises ``InputError`` for what does not hold them."""
        asked = [(site, analysis) for site in self.sites for analysis in self.at(site)]
        if not isinstance(packed.plain, list) or len(packed.plain) != len(asked):
            raise InputError("this holds no states of these analyses; fold that part again")
        by_state: list[dict[str, Tensor]] = [{} for _ in asked]
        for name, tensor in packed.tensors.items():
            number, _, place = name.partition(".")
            by_state[int(number)][place] = tensor
        return {
            (site.name, analysis.key): unpack(state_type(type(analysis)), Packed(tensors, plain))
            for (site, analysis), tensors, plain in zip(asked, by_state, packed.plain, strict=True)
        }

    def merge(self, a: States, b: States) -> States:
        """As if the part of ``b`` had followed that of ``a``."""
        return {
            (site.name, analysis.key): analysis.merge(a[site.name, analysis.key], b[site.name, analysis.key])
            for site in self.sites
            for analysis in self.at(site)
        }

    def compute(self, states: States, results: ResultSet) -> None:
        """Add what the states say."""
        for site in self.sites:
            for analysis in self.at(site):
                results.add(analysis, analysis.compute(states[site.name, analysis.key]))


@dataclass
class Tree:
    """Merges parts in the order of their numbers, always in the same tree: two neighbours, then two such pairs …

    One state waits for each power of two of the parts, the large ones of many parts on the disk.
    """

    stage: Stage
    waiting: list[tuple[int, States | Aside]] = field(default_factory=list)
    """Heights and states, the highest first."""

    def add(self, states: States) -> None:
        """The states of the next part."""
        height = 0
        while self.waiting and self.waiting[-1][0] == height:
            states = self.stage.merge(self._back(self.waiting.pop()[1]), states)
            height += 1
        self.waiting.append((height, self._aside(states) if height >= HIGH else states))

    def whole(self) -> States:
        """All of them merged."""
        states = self._back(self.waiting.pop()[1])
        while self.waiting:
            states = self.stage.merge(self._back(self.waiting.pop()[1]), states)
        return states

    def _aside(self, states: States) -> States | Aside:
        packed = self.stage.pack(states)
        return Aside(packed) if size_of(packed) >= LARGE else states

    def _back(self, waiting: States | Aside) -> States:
        return self.stage.unpack(waiting.back()) if isinstance(waiting, Aside) else waiting


def stages(sites: Sequence[Site], analyses: Iterable[Analysis[Any]]) -> list[Stage]:
    """The analyses and all that they need, those that need nothing first."""
    depth: dict[Analysis[Any], int] = {}

    def place(analysis: Analysis[Any]) -> int:
        if analysis not in depth:
            depth[analysis] = 1 + max((place(need) for need in analysis.needs), default=-1)
        return depth[analysis]

    for analysis in analyses:
        place(analysis)
    levels = range(max(depth.values(), default=-1) + 1)
    return [Stage(tuple(sites), tuple(a for a, d in depth.items() if d == level)) for level in levels]


def _given(analysis: Analysis[Any], site: Site, results: ResultSet) -> Given:
    return {need: results[site.name, need.key] for need in analysis.needs}


def _cached(chunk: Chunk) -> Iterable[Chunk]:
    """On a processor, parts that stay in its cache while every analysis reads them: several times faster."""
    if chunk.activations.device.type != "cpu":
        return [chunk]
    return chunk.parts(CACHED // max(1, chunk.activations.shape[1]))
