"""Activations of the chosen units and labels of the same tokens, side by side."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.concepts.pairs import Hypotheses
from unitscope.errors import InputError
from unitscope.source.chunk import Chunk
from unitscope.source.source import Source


@runtime_checkable
class Table(Protocol):
    """Labels of tokens: ``Questions``, or the same shifted."""

    @property
    def hypotheses(self) -> Hypotheses: ...

    def labels(self, sequences: Sequence[int]) -> Float[Tensor, "token hypothesis"]:
        """The labels of sequences laid end to end; NaN where undefined."""
        ...


def blocks(
    source: Source, questions: Table | None, numbers: Sequence[int], units: Mapping[str, Int[np.ndarray, " unit"]]
) -> Iterator[tuple[str, Float[Tensor, "token unit"], Float[Tensor, "token hypothesis"]]]:
    """Site, activations and labels of some sequences, piece by piece; no labels where nothing is asked.

    Raises ``InputError`` for a site whose steps are not the tokens, and for activations that are not finite.
    """
    for chunks in source.chunks(list(units), (), numbers):
        said: dict[tuple[int, ...], Tensor] = {}
        for name, chunk in chunks.items():
            if not len(chunk):
                continue
            chunk.check_finite(name)
            sequences = tuple(torch.unique_consecutive(chunk.sequence).tolist())
            if sequences not in said:
                y = questions.labels(sequences) if questions else torch.empty(len(chunk), 0)
                said[sequences] = y.to(chunk.activations.device)
            y = said[sequences]
            if len(y) != len(chunk):
                raise InputError(
                    f"{name} has {len(chunk)} steps where the text has {len(y)} tokens, so labels of tokens do not "
                    "apply; ask it by concepts of whole texts (align), or choose sites with a step for each token"
                )
            yield name, of_units(chunk, units[name]), y


def of_units(chunk: Chunk, numbers: Int[np.ndarray, " unit"]) -> Float[Tensor, "token unit"]:
    """The activations of some units, a copy only where these are not all."""
    x = chunk.activations.float()
    return x if len(numbers) == x.shape[1] else x[:, torch.from_numpy(numbers).to(x.device)]
