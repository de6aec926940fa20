"""Labels of one's own over any source: arrays, columns of a table, functions of what was read.

    source = with_labels(
        Live(model, corpus), {"stress": stress, "speaker": speakers, "loud": lambda frames: frames[:, 0] > 0}
    )
    record(source, "run")  # which keeps them

Whatever reads the text, pairs, series or tokens, a recording of it too, has them beside its own.
"""

import hashlib
import itertools
import zlib
from base64 import b85decode, b85encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.shapes import labels_of
from unitscope.errors import InputError
from unitscope.source.chunk import Chunk
from unitscope.source.source import Over, Recipe, Source

Function = Callable[[np.ndarray], Any]
"""From what a model reads of one sequence, symbols ``[token]`` or frames ``[step channel]``, to a value for each."""


def with_labels(source: Source, labels: Mapping[str, Any]) -> Source:
    """The source with more labels, by name.

    A label has a value for each token of all sequences, end to end, padded ``[sequence time]`` or a list for each
    sequence; or a value for each sequence; numbers as they are, of words a flag ``name=word`` each. Or it is a function
    of what is read of one sequence: the strings of its tokens, or of a series its frames ``[step channel]``.
    Raises ``InputError`` where a label does not fit, and for a name that the source has already.
    """
    numbers = list(source.sequences)
    sizes = np.array(source.lengths(numbers), np.int64)
    told = {name: value for name, value in labels.items() if not callable(value)}
    made = {name: _asked(source, name, value, numbers) for name, value in labels.items() if callable(value)}
    columns = labels_of({**told, **made}, sizes)
    if double := [name for name in columns if name in source.annotations]:
        raise InputError(f"{source.name} has a label {double[0]!r} already; call yours otherwise")
    given = {name: torch.from_numpy(np.array(column, np.float32)) for name, column in columns.items()}
    return WithLabels(source, given, _edges(source))


def _edges(source: Source) -> dict[int, tuple[int, int]]:
    ends = np.cumsum(source.lengths(source.sequences)).tolist()
    return dict(zip(source.sequences, itertools.pairwise([0, *ends]), strict=True))


def _asked(source: Source, name: str, function: Function, numbers: Sequence[int]) -> list[np.ndarray]:
    found = []
    for number in numbers:
        length = source.lengths([number])[0]
        said = np.asarray(function(_read(source, number)))
        if said.shape != (length,):
            raise InputError(f"the function of {name} gave {list(said.shape)} values for a sequence of {length} steps")
        found.append(said if said.dtype.kind not in "b" else said.astype(np.float32))
    return found


def _read(source: Source, number: int) -> np.ndarray:
    """Tokens of a sequence as the model reads them."""
    if source.corpus is not None:
        batch = source.corpus.batch([number])
        if batch.tokens.ndim == 3:
            return batch.tokens[0, int(batch.context[0]) : int(batch.lengths[0])].cpu().numpy()
    return np.array(source.vocabulary.decode(source.tokens(number).tolist()))


@dataclass(frozen=True, eq=False, repr=False)
class WithLabels(Over):
    """A source with labels that somebody gave, a value for each token of all its sequences end to end."""

    kind = "with labels"
    given: Mapping[str, Float[Tensor, " token"]]
    edges: Mapping[int, tuple[int, int]]
    """Of each sequence: its first token among all, and the one after its last."""

    @property
    def annotations(self) -> tuple[str, ...]:
        return (*self.whole.annotations, *self.given)

    @cached_property
    def _told(self) -> str:
        made = hashlib.sha256()
        for name, values in self.given.items():
            made.update(f"{name}\n".encode(errors="surrogatepass") + values.numpy().tobytes())
        return made.hexdigest()

    def _content(self) -> Sequence[str]:
        return [self.whole.fingerprint, self._told]

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        if name not in self.given:
            return self.whole.labels(name, sequence)
        if sequence not in self.edges:
            raise InputError(f"{self.name} has no sequence {sequence}")
        first, after = self.edges[sequence]
        return self.given[name][first:after]

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        others = [name for name in labels if name not in self.given]
        own = [name for name in labels if name in self.given]
        for chunks in self.whole.chunks(sites, others, self.sequences if sequences is None else sequences):
            if not own:
                yield chunks
                continue
            first = next(iter(chunks.values()))
            numbers = torch.unique_consecutive(first.sequence).tolist()
            device = first.activations.device
            said = {name: torch.cat([self.labels(name, n) for n in numbers]).to(device) for name in own}
            yield {site: replace(chunk, labels={**chunk.labels, **said}) for site, chunk in chunks.items()}

    def recipe(self) -> Recipe:
        packed = {name: b85encode(zlib.compress(values.numpy().tobytes())).decode()
                  for name, values in self.given.items()}  # fmt: skip
        return {"kind": self.kind, "whole": self.whole.recipe(), "given": packed}

    @classmethod
    def opened_by(cls, recipe: Recipe, opener: Callable[[Recipe], Source]) -> Source:
        whole = opener(recipe["whole"])
        given = {name: torch.from_numpy(np.frombuffer(bytearray(zlib.decompress(b85decode(packed))), np.float32))
                 for name, packed in recipe["given"].items()}  # fmt: skip
        return cls(whole, given, _edges(whole))

    def describe(self) -> dict[str, str]:
        return {**self.whole.describe(), "labels given": ", ".join(self.given)}
