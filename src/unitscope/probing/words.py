"""One vector per word, edge, span or sentence: a source's activations over its tokens, pooled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.sentence import ROOT, Sentence, Word
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.source.source import Source

Pool = Literal["first", "last", "mean"]
"""Which tokens of a word stand for it. A model that reads forwards has read all of a word at its last token."""
Level = Literal["word", "edge", "span", "sentence"]
"""What is probed: words; a word and its head side by side; constituents or entities; sentences."""
SPAN = "span"
"""The label that spans have: NP, PER …"""
PARTS = ("train", "dev", "test")


@runtime_checkable
class HasWords(Protocol):
    """A corpus whose sequences are sentences, and that knows which tokens make a word."""

    @property
    def sentences(self) -> Sequence[Sentence]: ...

    @property
    def vocabulary(self) -> Vocabulary: ...

    def words(self, sequence: int) -> Int[Tensor, "word 2"]:
        """First token and token after the last of each word."""
        ...

    def batch(self, sequences: Sequence[int]) -> Batch: ...


def items(sentence: Sentence, level: Level) -> list[tuple[Word, tuple[tuple[int, int], ...]]]:
    """Items to probe in a sentence, each as a word, with the ranges of words that it consists of.

    An edge has the form and labels of the dependent, and two ranges, the dependent and its head; the root has none. A
    span has its text, and its label as ``span``. A sentence has its own labels.
    """
    words = sentence.words
    if level == "word":
        return [(word, ((place, place + 1),)) for place, word in enumerate(words)]
    if level == "edge":
        return [
            (word, ((place, place + 1), (word.head, word.head + 1)))
            for place, word in enumerate(words)
            if word.head is not None and word.head != ROOT
        ]
    if level == "span":
        return [
            (
                Word(
                    " ".join(word.form for word in words[span.start : span.stop]),
                    words[span.start].start,
                    words[span.stop - 1].stop,
                    {SPAN: span.label},
                ),
                ((span.start, span.stop),),
            )
            for span in sentence.spans
        ]
    return [(Word(sentence.text, 0, len(sentence.text), sentence.labels), ((0, len(words)),))] if words else []


@dataclass(frozen=True)
class WordChunk:
    """The words (or edges, spans …) of some whole sentences."""

    activations: dict[str, Float[Tensor, "word unit"]]
    sentence: Int[Tensor, " word"]
    words: tuple[Word, ...]


def word_chunks(
    source: Source,
    corpus: HasWords,
    sites: Sequence[str],
    pool: Pool = "last",
    sequences: Sequence[int] | None = None,
    level: Level = "word",
) -> Iterator[WordChunk]:
    """The words of a source, few sentences at a time; of an edge the dependent's units stand before the head's.

    ``corpus`` must be the one that the source read. Raises ``InputError`` naming the sentence and the token where they
    differ.
    """
    for chunks in source.chunks(sites, (), sequences):
        first = chunks[sites[0]]
        edges: list[list[tuple[int, int]]] = []
        sentence: list[int] = []
        words: list[Word] = []
        for begin, end in first.spans():
            sequence = int(first.sequence[begin])
            _check_aligned(source, corpus, sequence, first.tokens[begin:end].cpu())
            tokens = corpus.words(sequence).tolist()
            for word, ranges in items(corpus.sentences[sequence], level):
                edges.append([_tokens(tokens[a:b], end - begin, begin) for a, b in ranges])
                sentence.append(sequence)
                words.append(word)
        if not edges:
            continue
        where = torch.tensor(edges)  # [word piece 2]
        pooled = {}
        for site in sites:
            values = chunks[site].activations.cpu()
            pooled[site] = torch.cat([pooled_over(values, piece, pool) for piece in where.unbind(1)], 1)
        yield WordChunk(pooled, torch.tensor(sentence), tuple(words))


def _tokens(words: Sequence[Sequence[int]], count: int, begin: int) -> tuple[int, int]:
    """First token and token after the last of some words; a word without a token has the one where it would stand."""
    start = min(min(a for a, _ in words), count - 1)
    return begin + start, begin + max(max(b for _, b in words), start + 1)


def _check_aligned(source: Source, corpus: HasWords, sequence: int, tokens: Int[Tensor, " token"]) -> None:
    if sequence >= len(corpus.sentences):
        raise InputError(
            f"{source.name} has a sequence {sequence} and the treebank {len(corpus.sentences)} sentences; "
            "give the treebank that was recorded"
        )
    batch = corpus.batch([sequence])
    own = batch.tokens[0, int(batch.context[0]) : int(batch.lengths[0])].cpu()
    where = corpus.sentences[sequence].where
    if len(own) != len(tokens):
        raise InputError(
            f"sentence {sequence} ({where}) has {len(tokens)} tokens in {source.name} and {len(own)} in the treebank; "
            "give the treebank that was recorded"
        )
    if not torch.equal(own, tokens):
        place = int(torch.nonzero(own != tokens)[0])
        names = corpus.vocabulary.decode([int(tokens[place]), int(own[place])])
        raise InputError(
            f"sentence {sequence} ({where}): token {place} is {names[0]!r} in {source.name} and {names[1]!r} in the "
            "treebank; give the treebank that was recorded"
        )


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
    """Words (or edges, spans …) in memory: activations by site, and the sentence that each belongs to."""

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
    level: Level = "word",
) -> WordSet:
    """The words of these sentences, in their order; no sentence begins after ``most`` words.

    Memory holds a number per word and unit. Raises ``InputError`` if there is no word, and for activations that are not
    finite, saying where.
    """
    taken: list[int] = []
    count = 0
    for sequence in sequences:
        if most is not None and count >= most:
            break
        taken.append(sequence)
        count += len(items(corpus.sentences[sequence], level))
    parts = list(word_chunks(source, corpus, sites, pool, taken, level))
    if not parts:
        raise InputError(f"there are no {level}s of {source.name} to probe; give more sentences")
    sentence = torch.cat([part.sentence for part in parts])
    words = tuple(word for part in parts for word in part.words)
    values = {site: torch.cat([part.activations[site].float() for part in parts]) for site in sites}
    for site, found in values.items():
        if not bool(torch.isfinite(found).all()):
            row, unit = (int(index) for index in torch.nonzero(~torch.isfinite(found))[0])
            raise InputError(
                f"{site}/{unit} is {float(found[row, unit])} at {words[row].form!r} "
                f"({corpus.sentences[int(sentence[row])].where}); probes need finite activations"
            )
    return WordSet(values, words, sentence)


FEW = 10
"""Documents from which on they are not divided."""


def how_divided(corpus: HasWords, sequences: Sequence[int]) -> str:
    """Description of the division by ``divide`` of these sentences."""
    documents = {corpus.sentences[sequence].document for sequence in sequences}
    if any(corpus.sentences[sequence].part for sequence in sequences):
        return f"the parts are those of the file; {len(documents):,} documents"
    if len(documents) >= FEW:
        return f"{len(documents):,} documents, none of which is divided"
    of = "one document" if len(documents) == 1 else f"{len(documents)} documents"
    return (
        f"{len(sequences):,} sentences of {of} are divided, so held-out words have neighbours in training; what is "
        "read there holds within this text"
    )


def divide(
    corpus: HasWords, sequences: Sequence[int], shares: tuple[float, float, float] = (0.7, 0.1, 0.2), seed: int = 0
) -> tuple[list[int], list[int], list[int]]:
    """Sentences for training, development and test, shuffled; a document is never divided.

    Where sentences say to which part they belong, that counts. With fewer than ten documents it is sentences that are
    divided. Raises ``InputError`` if a part would be empty.
    """
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    mixed = torch.Generator().manual_seed(seed)
    if any(corpus.sentences[sequence].part for sequence in sequences):
        for place in torch.randperm(len(sequences), generator=mixed).tolist():
            said = corpus.sentences[sequences[place]].part
            if said not in PARTS:
                raise InputError(f"{corpus.sentences[sequences[place]].where} is in the part {said!r}, not {PARTS}")
            parts[PARTS.index(said)].append(sequences[place])
    else:
        documents: dict[str, list[int]] = {}
        for sequence in sequences:
            documents.setdefault(corpus.sentences[sequence].document, []).append(sequence)
        groups = list(documents.values()) if len(documents) >= FEW else [[sequence] for sequence in sequences]
        order = torch.randperm(len(groups), generator=mixed).tolist()
        whole = sum(len(corpus.sentences[s].words) for s in sequences)
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
