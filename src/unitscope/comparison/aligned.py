"""Sources that read the same corpus, a few sequences at a time, row by row.

Units of two networks can only be set against each other where both read the same tokens. So what was read is compared
before anything is run, and every block of rows again.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from unitscope.errors import InputError
from unitscope.progress import Progress, silent
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source

TOKENS = 2**15
"""Rows that are held at once, unless one sequence has more."""


def aligned(
    sources: Sequence[Source],
    sites: Sequence[Sequence[str]],
    sequences: Sequence[int] | None = None,
    progress: Progress = silent,
) -> Iterator[list[dict[str, Chunk]]]:
    """For each few sequences that all sources have, a mapping ``site → chunk`` for every source.

    ``sites`` are those that are read of each source. Row t is the same token of the corpus in every chunk. Memory
    holds these few sequences. Raises ``InputError``, saying what differs, for sources of different corpora, and for
    sources without a common sequence.
    """
    known = check_same_corpus(sources)
    common = shared_sequences(sources) if sequences is None else list(sequences)
    done, size = 0, 16
    while done < len(common):
        numbers = common[done : done + size]
        block = [_joined(source.chunks(read, (), numbers)) for source, read in zip(sources, sites, strict=True)]
        _check_rows(sources, block, known)
        yield block
        done += len(numbers)
        size = max(1, TOKENS * len(numbers) // max(1, len(next(iter(block[0].values())))))
        progress("comparing", done, len(common))


def shared_sequences(sources: Sequence[Source]) -> list[int]:
    """The numbers of the sequences that every source has, in the first one's order. Raises ``InputError`` for none."""
    rest = [set(source.sequences) for source in sources[1:]]
    common = [number for number in sources[0].sequences if all(number in numbers for numbers in rest)]
    if not common:
        raise InputError(
            f"{' and '.join(source.name for source in sources)} have no sequence in common; record the same ones"
        )
    return common


def check_same_corpus(sources: Sequence[Source]) -> bool:
    """Whether all say what they read. Raises ``InputError``, naming what differs, where two read different corpora."""
    first = sources[0].corpus_origin
    for source in sources[1:]:
        other = source.corpus_origin
        if not first.fingerprint or not other.fingerprint or first.fingerprint == other.fingerprint:
            continue
        here, there = first.description, other.description
        keys = [key for key in {**here, **there} if here.get(key) != there.get(key)]
        parts = [f"{key}: {here.get(key, 'none')} against {there.get(key, 'none')}" for key in keys]
        what = "; ".join(parts) or "the content, the vocabulary or the division into sequences"
        raise InputError(
            f"{sources[0].name} and {source.name} read different corpora ({what}); "
            "only what read the same can be compared"
        )
    return all(source.corpus_origin.fingerprint for source in sources)


def _joined(parts: Iterator[dict[str, Chunk]]) -> dict[str, Chunk]:
    """The chunks of a few sequences as one. A source divides them as it likes."""
    every = list(parts)
    if len(every) == 1:
        return every[0]
    return {site: _concatenated([part[site] for part in every]) for site in every[0]}


def _concatenated(chunks: Sequence[Chunk]) -> Chunk:
    names: dict[str, Any] = {
        name: torch.cat([getattr(chunk, name) for chunk in chunks])
        for name in ("activations", "tokens", "sequence", "position")
    }
    return Chunk(**names, labels={}, vocabulary=chunks[0].vocabulary)


def _check_rows(sources: Sequence[Source], block: Sequence[dict[str, Chunk]], known: bool) -> None:
    """Tokens are compared only where a source does not say what it read: a decoder may read what it wrote itself."""
    first = next(iter(block[0].values()))
    for source, chunks in zip(sources, block, strict=True):
        for site, chunk in chunks.items():
            chunk.check_finite(f"{source.name}, {site}")
        chunk = next(iter(chunks.values()))
        if not torch.equal(chunk.sequence.cpu(), first.sequence.cpu()):
            raise InputError(
                f"{sources[0].name} and {source.name} have sequences of different lengths around number "
                f"{int(first.sequence[0])}; only what read the same can be compared"
            )
        if not known and not torch.equal(chunk.tokens.cpu(), first.tokens.cpu()):
            row = int(torch.nonzero(chunk.tokens.cpu() != first.tokens.cpu())[0])
            raise InputError(
                f"{sources[0].name} and {source.name} read different tokens: token {int(first.position[row])} of "
                f"sequence {int(first.sequence[row])} differs; only what read the same can be compared"
            )
