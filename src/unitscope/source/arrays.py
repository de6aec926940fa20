"""Activations that are at hand as arrays: recorded elsewhere, or made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import CHARACTER, Annotated
from unitscope.corpus.place import DocumentText, Place
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.files.digest import Digest
from unitscope.models.site import Site
from unitscope.source.chunk import Chunk
from unitscope.source.source import BATCH, Origin, Source, batches, labels_of

NO_SYMBOLS = Vocabulary(("·",))
"""Of steps that are no symbols."""
HASHED = 1 << 24
"""Bytes that are hashed at a time."""


@dataclass(frozen=True, eq=False, repr=False)
class Arrays(Source):
    """Values ``[token unit]`` for each site, cut into sequences of the given lengths.

    Arrays may be NumPy's, memory-mapped ones too, or tensors; they are read piece by piece; float32 and float64 stay
    what they are, all other numbers become float32. Whatever is
    known beside them is optional: ``token_ids`` with their ``symbols``; ``token_labels`` by name ``[token]`` (NaN where
    undefined); ``documents`` with, for each sequence, ``place_of`` (which document, and tokens of it before). Without
    ``documents`` each sequence, such as a trial, is one piece of evidence. Where a document has a text of one character
    per token (or the label ``last-character``), labels can be asked of it.

    Raises ``InputError`` where lengths, arrays, labels and places do not fit together.
    """

    values: Mapping[Site, Tensor | np.ndarray]
    """``[token unit]``, of any kind of number."""
    sequence_lengths: Sequence[int]
    token_ids: Tensor | np.ndarray | None = None
    symbols: Vocabulary = NO_SYMBOLS
    token_labels: Mapping[str, Tensor | np.ndarray] = field(default_factory=dict)
    documents: Sequence[DocumentText] | None = None
    place_of: Sequence[Place] | None = None
    batch_size: int = BATCH
    title: str = "arrays"
    about: Mapping[str, str] = field(default_factory=dict)
    """Where the values come from, in words."""

    def __post_init__(self) -> None:
        if not self.values:
            raise InputError(f"{self.title} has no activations; give an array [token unit] for each site")
        if any(length < 0 for length in self.sequence_lengths) or self.batch_size < 1:
            raise InputError(f"{self.title}: lengths of sequences are 0 or more, and batches have at least 1")
        tokens = int(self._ends[-1])
        for site, values in self.values.items():
            if tuple(values.shape) != (tokens, site.units):
                raise InputError(
                    f"{self.title}: {site.name} has shape {list(values.shape)}, and its sequences have {tokens:,} "
                    f"tokens of {site.units} units"
                )
        per_token = {**self.token_labels, **({} if self.token_ids is None else {"token_ids": self.token_ids})}
        for name, said in per_token.items():
            if tuple(said.shape) != (tokens,):
                raise InputError(f"{self.title}: {name} has shape {list(said.shape)}, and there are {tokens:,} tokens")
        if (self.documents is None) != (self.place_of is None):
            raise InputError(f"{self.title}: give documents and the place of each sequence in them, or neither")
        if self.documents is not None and self.place_of is not None:
            if len(self.place_of) != len(self.sequence_lengths):
                raise InputError(
                    f"{self.title} has {len(self.sequence_lengths):,} sequences but {len(self.place_of):,} places"
                )
            wrong = [place for place in self.place_of if not 0 <= place.document < len(self.documents)]
            if wrong:
                raise InputError(f"{self.title} has {len(self.documents):,} documents, and no {wrong[0].document}")

    @cached_property
    def _ends(self) -> Int[np.ndarray, " edge"]:
        """Where each sequence begins, and all tokens."""
        return np.concatenate([[0], np.cumsum(np.asarray(self.sequence_lengths, dtype=np.int64))])

    @property
    def name(self) -> str:
        return self.title

    @cached_property
    def model_origin(self) -> Origin:
        made = Digest()
        for site, values in self.values.items():
            made.update(f"{site!r}\n".encode())
            rows = max(1, HASHED // (4 * max(1, site.units)))
            for first in range(0, len(values), rows):
                made.update(_bytes(values[first : first + rows]))
        return Origin(self.title, made.hexdigest(), {"activations": self.title, **self.about})

    @property
    def corpus_origin(self) -> Origin:
        """Nobody says what was read, so it has no fingerprint: whoever compares looks at the tokens."""
        size = f"{int(self._ends[-1]):,} tokens in {len(self.sequence_lengths):,} sequences"
        return Origin(self.title, "", {"corpus size": size})

    @cached_property
    def _told(self) -> str:
        """Digest of everything beside the activations."""
        made = Digest(self._ends.astype("<i8").tobytes())
        if self.token_ids is not None:
            made.update(_tensor(self.token_ids).long().numpy().tobytes())
        for name, said in self.token_labels.items():
            made.update(name.encode(errors="surrogatepass") + _tensor(said).double().numpy().tobytes())
        for place in self.place_of or ():
            made.update(f"{place.document} {place.start}\n".encode())
        for document in self.documents or ():
            made.update(f"{document.name}\n{document.digest}\n{document.whole}\n".encode(errors="surrogatepass"))
        return made.hexdigest()

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(self.values)

    @property
    def vocabulary(self) -> Vocabulary:
        return self.symbols

    @property
    def sequences(self) -> Sequence[int]:
        return range(len(self.sequence_lengths))

    @property
    def annotations(self) -> tuple[str, ...]:
        return tuple(self.token_labels)

    def _content(self) -> Sequence[str]:
        return [self._told]

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        wanted = self.sequences if sequences is None else sequences
        chosen = [self.site_named(name) for name in sites]
        for some in batches(wanted, self.batch_size):
            numbers = [int(number) for number in some]
            rows = [self._rows(number) for number in numbers]
            lengths = torch.tensor([part.stop - part.start for part in rows])
            tokens = torch.cat([torch.from_numpy(self.tokens(number)) for number in numbers])
            sequence = torch.repeat_interleave(torch.tensor(numbers), lengths)
            position = torch.cat([torch.arange(length) for length in lengths.tolist()])
            said = labels_of(self, labels, numbers)
            runs: list[slice] = []
            for part in rows:  # what lies end to end is read at once
                begin = runs.pop().start if runs and runs[-1].stop == part.start else part.start
                runs.append(slice(begin, part.stop))
            yield {
                site.name: Chunk(_read(self.values[site], runs), tokens, sequence, position, said, self.symbols)
                for site in chosen
            }

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        if name in self.token_labels:
            return _tensor(self.token_labels[name][self._rows(sequence)]).float()
        place = self.place(sequence)
        if self.document(place.document).text is None:
            known = ", ".join(self.token_labels) or "none"
            raise InputError(f"{self.title} has no label {name!r} and no text to ask it of; its labels are: {known}")
        if CHARACTER in self.token_labels:
            return self._annotated.at(name, place.document, self.labels(CHARACTER, sequence))
        return self._annotated.labels(name, place.document, place.start, place.start + self.lengths([sequence])[0])

    @cached_property
    def _annotated(self) -> Annotated:
        return Annotated(lambda number: self.document(number).text or "")

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [int(self.sequence_lengths[number]) for number in sequences]

    def tokens(self, sequence: int) -> Int[np.ndarray, " token"]:
        rows = self._rows(sequence)
        if self.token_ids is None:
            return np.full(rows.stop - rows.start, len(self.symbols) - 1)
        return _tensor(self.token_ids[rows]).long().numpy()

    def place(self, sequence: int) -> Place:
        return Place(int(sequence), 0) if self.place_of is None else self.place_of[sequence]

    def document(self, number: int) -> DocumentText:
        if self.documents is not None:
            return self.documents[number]
        made = Digest(self.tokens(number).astype("<i8").tobytes())
        # Without symbols, trials are told from each other by what was measured in them.
        if self.token_ids is None:
            for values in self.values.values():
                made.update(_bytes(values[self._rows(number)]))
        return DocumentText(f"sequence {number + 1}", made.hexdigest())

    def _rows(self, sequence: int) -> slice:
        if not 0 <= sequence < len(self.sequence_lengths):
            raise InputError(f"{self.title} has sequences 0 to {len(self.sequence_lengths) - 1}, and no {sequence}")
        return slice(int(self._ends[sequence]), int(self._ends[sequence + 1]))


def _read(values: Tensor | np.ndarray, runs: Sequence[slice]) -> Tensor:
    parts = [_floats(values[run]) for run in runs]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _bytes(values: Tensor | np.ndarray) -> memoryview:
    return _floats(values).contiguous().flatten().view(torch.uint8).numpy().data


def _floats(values: Tensor | np.ndarray) -> Tensor:
    found = _tensor(values)
    return found if found.dtype in (torch.float32, torch.float64) else found.float()


def _tensor(values: Tensor | np.ndarray) -> Tensor:
    """A piece of an array as a tensor on the processor; a piece of a file is copied, since files may be read-only."""
    if isinstance(values, Tensor):
        return values.detach().cpu()
    return torch.from_numpy(np.array(values, dtype=values.dtype.newbyteorder("="), order="C"))
