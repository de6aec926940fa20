"""Sources whose every unit is known, because they are made of tensors."""

import dataclasses
import string
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.fold.analysis import Analysis
from unitscope.models.site import Site
from unitscope.result import Result
from unitscope.source.arrays import Arrays
from unitscope.source.chunk import Chunk

LETTERS = Vocabulary(tuple(string.ascii_lowercase))


def planted(
    values: Mapping[Site, Tensor],
    lengths: Sequence[int],
    tokens: Tensor | None = None,
    batch: int = 2,
    name: str = "planted",
    **more: Any,
) -> Arrays:
    """Given activations, ``[token unit]`` for each site; token t is the letter number t modulo 26 if none are given."""
    more = {"symbols": LETTERS, "title": name, **more}
    every = torch.arange(sum(lengths)) % len(more["symbols"]) if tokens is None else tokens
    return Arrays(values, list(lengths), every, batch_size=batch, **more)


def chunk_of(source: Arrays, site: Site, sequences: Sequence[int], labels: Sequence[str] = ()) -> Chunk:
    """These sequences of one site as one chunk; an empty one of none."""
    whole = dataclasses.replace(source, batch_size=max(1, len(sequences)))
    for chunks in whole.chunks([site.name], labels, sequences):
        return chunks[site.name]
    nothing = torch.empty(0, dtype=torch.int64)
    undefined = {name: torch.empty(0) for name in labels}
    return Chunk(torch.empty(0, site.units), nothing, nothing, nothing, undefined, source.symbols)


def one_site(
    activations: Tensor, lengths: Sequence[int] | None = None, low: float = -1.0, high: float = 1.0, **more: Any
) -> Arrays:
    """A source with the single site ``planted``, one sequence unless ``lengths`` are given."""
    site = Site("planted", activations.shape[1], low, high)
    return planted({site: activations}, lengths or [len(activations)], **more)


def fold(analysis: Analysis[Any], source: Arrays, given: Mapping[str, Result] | None = None) -> Any:
    """The result of one analysis for the first site of a source."""
    site = source.sites[0]
    state = analysis.start(site, given or {})
    for chunks in source.chunks([site.name], analysis.labels):
        analysis.update(state, chunks[site.name])
    return analysis.compute(state)
