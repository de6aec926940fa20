"""One vector per word: a source's activations over the characters of a word, pooled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.sentence import Sentence, Word
from unitscope.errors import InputError
from unitscope.recording.source import Source

Pool = Literal["first", "last", "mean"]
"""Which tokens of a word stand for it. A model that reads forwards has read all of a word at its last token."""


@runtime_checkable
class HasWords(Protocol):
    """A corpus whose sequences are sentences, and that knows which tokens make a word."""

    @property
    def sentences(self) -> Sequence[Sentence]: ...

    def words(self, sequence: int) -> Int[Tensor, "word 2"]:
        """First token and token after the last of each word."""
        ...

    def lengths(self, sequences: Sequence[int]) -> list[int]: ...


@dataclass(frozen=True)
class WordChunk:
    """The words of some whole sentences."""

    activations: dict[str, Float[Tensor, "word unit"]]
    sentence: Int[Tensor, " word"]
    number: Int[Tensor, " word"]
    """Which word of its sentence it is."""


def word_chunks(
    source: Source,
    corpus: HasWords,
    sites: Sequence[str],
    pool: Pool = "last",
    sequences: Sequence[int] | None = None,
) -> Iterator[WordChunk]:
    """The words of a source, few sentences at a time.

    ``corpus`` must be the one that the source read. Raises ``InputError`` if a sentence has another length in the two.
    """
    for chunks in source.chunks(sites, (), sequences):
        first = chunks[sites[0]]
        edges, sentence, number = [], [], []
        for begin, end in first.spans():
            sequence = int(first.sequence[begin])
            if corpus.lengths([sequence])[0] != end - begin:
                raise InputError(
                    f"sentence {sequence} has {end - begin} tokens in {source.name} and "
                    f"{corpus.lengths([sequence])[0]} in the treebank; give the treebank that was recorded"
                )
            ranges = corpus.words(sequence)
            edges.append(ranges + begin)
            sentence.append(torch.full((len(ranges),), sequence))
            number.append(torch.arange(len(ranges)))
        if not edges:
            continue
        where = torch.cat(edges)
        pooled = {site: pooled_over(chunks[site].activations.cpu(), where, pool) for site in sites}
        yield WordChunk(pooled, torch.cat(sentence), torch.cat(number))


def pooled_over(
    activations: Float[Tensor, "token unit"], ranges: Int[Tensor, "word 2"], pool: Pool
) -> Float[Tensor, "word unit"]:
    """The activation at the first or last token of each range, or the mean over it."""
    start, stop = ranges.T
    if pool == "first":
        return activations[start]
    if pool == "last":
        return activations[stop - 1]
    sums = torch.cat([activations.new_zeros(1, activations.shape[1]).double(), activations.double().cumsum(0)])
    mean: Tensor = (sums[stop] - sums[start]) / (stop - start)[:, None]
    return mean.to(activations.dtype)


@dataclass(frozen=True)
class WordSet:
    """Words in memory: activations by site, the words themselves, and the sentence that each belongs to."""

    activations: dict[str, Float[Tensor, "word unit"]]
    words: tuple[Word, ...]
    sentence: Int[Tensor, " word"]

    def __len__(self) -> int:
        return len(self.words)


def gather(
    source: Source,
    corpus: HasWords,
    sites: Sequence[str],
    sequences: Sequence[int],
    pool: Pool = "last",
    most: int | None = None,
) -> WordSet:
    """The words of these sentences, in their order; no sentence begins after ``most`` words.

    Memory holds a number per word and unit. Raises ``InputError`` if there is no word.
    """
    taken: list[int] = []
    count = 0
    for sequence in sequences:
        if most is not None and count >= most:
            break
        taken.append(sequence)
        count += len(corpus.sentences[sequence].words)
    parts = list(word_chunks(source, corpus, sites, pool, taken))
    if not parts:
        raise InputError(f"there are no words of {source.name} to probe; give more sentences")
    sentence = torch.cat([part.sentence for part in parts])
    number = torch.cat([part.number for part in parts])
    words = tuple(corpus.sentences[s].words[w] for s, w in zip(sentence.tolist(), number.tolist(), strict=True))
    return WordSet({site: torch.cat([part.activations[site] for part in parts]) for site in sites}, words, sentence)


def divide(
    corpus: HasWords, sequences: Sequence[int], shares: tuple[float, float, float] = (0.7, 0.1, 0.2), seed: int = 0
) -> tuple[list[int], list[int], list[int]]:
    """Sentences for training, development and test, shuffled; a document is never divided.

    With fewer than ten documents it is sentences that are divided. Raises ``InputError`` if a part would be empty.
    """
    documents: dict[str, list[int]] = {}
    for sequence in sequences:
        documents.setdefault(corpus.sentences[sequence].document, []).append(sequence)
    groups = list(documents.values()) if len(documents) >= 10 else [[sequence] for sequence in sequences]
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed)).tolist()
    whole = sum(len(corpus.sentences[s].words) for s in sequences)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    done = 0
    for place in order:
        share = done / max(whole, 1)
        part = 0 if share < shares[0] else 1 if share < shares[0] + shares[1] else 2
        parts[part].extend(groups[place])
        done += sum(len(corpus.sentences[s].words) for s in groups[place])
    if not all(parts):
        raise InputError(
            f"{len(sequences)} sentences cannot be divided for training, development and test; give more sentences"
        )
    return parts
