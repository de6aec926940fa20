"""Many analyses in one pass over a source."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from unitscope.errors import InputError
from unitscope.fold.analysis import Analysis, standard
from unitscope.fold.resultset import ResultSet
from unitscope.models.site import choose
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source

Progress = Callable[[int, int], None]
"""Called with sequences done and sequences in all."""

CACHED = 2**19
"""Values that all analyses see before the next ones are looked at: what a processor's cache can hold."""


def analyze(
    source: Source,
    analyses: Sequence[Analysis[Any]] | None = None,
    sites: Iterable[str] = ("*",),
    progress: Progress | None = None,
) -> ResultSet:
    """Fold every analysis (all that ask no question, if none is given) over every chosen site; return all results.

    Analyses of one depth of ``needs`` share one read of the source. ``sites`` are glob patterns. An analysis
    that does not apply to a site has no result there.
    Raises ``InputError`` for a pattern without a site, an empty source, or activations that are not finite.
    """
    chosen = choose(source.sites, sites)
    if not len(source.sequences):
        raise InputError(f"{source.name} has no sequences to analyse")
    results = ResultSet(source.fingerprint)
    layers = _by_depth(standard() if analyses is None else analyses)
    total = len(layers) * len(source.sequences)
    for depth, layer in enumerate(layers):
        folds = {site.name: [analysis for analysis in layer if analysis.applies(site)] for site in chosen}
        states = {
            (site.name, analysis.key): analysis.start(
                site, {need.name: results[site.name, need.key] for need in analysis.needs}
            )
            for site in chosen
            for analysis in folds[site.name]
        }
        labels = list(dict.fromkeys(name for analysis in layer for name in analysis.labels))
        done = 0
        for chunks in source.chunks([site.name for site in chosen], labels):
            for site in chosen:
                chunk = chunks[site.name]
                chunk.check_finite(site.name)
                for part in _cached(chunk):
                    for analysis in folds[site.name]:
                        analysis.update(states[site.name, analysis.key], part)
            done += len(torch.unique_consecutive(chunk.sequence))
            if progress:
                progress(depth * len(source.sequences) + done, total)
        for site in chosen:
            for analysis in folds[site.name]:
                results.add(analysis, analysis.compute(states[site.name, analysis.key]))
    return results


def _cached(chunk: Chunk) -> Iterable[Chunk]:
    """On a processor, parts that stay in its cache while every analysis reads them: several times faster."""
    if chunk.activations.device.type != "cpu":
        return [chunk]
    return chunk.parts(CACHED // max(1, chunk.activations.shape[1]))


def _by_depth(analyses: Sequence[Analysis[Any]]) -> list[list[Analysis[Any]]]:
    """The analyses and all that they need, those that need nothing first."""
    depth: dict[Analysis[Any], int] = {}

    def place(analysis: Analysis[Any]) -> int:
        if analysis not in depth:
            depth[analysis] = 1 + max((place(need) for need in analysis.needs), default=-1)
        return depth[analysis]

    for analysis in analyses:
        place(analysis)
    return [[a for a, d in depth.items() if d == level] for level in range(max(depth.values(), default=-1) + 1)]
