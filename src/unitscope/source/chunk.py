"""The only thing an analysis ever sees."""

import bisect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError


@dataclass(frozen=True)
class Chunk:
    """Activations of one site over some whole sequences, laid end to end; padding and context are gone.

    Rows are ordered by sequence, then by position. A sequence is never divided between chunks, so an
    analysis of steps that follow each other needs no memory across chunks.
    """

    activations: Float[Tensor, "token unit"]
    tokens: Int[Tensor, " token"]
    sequence: Int[Tensor, " token"]
    position: Int[Tensor, " token"]
    labels: Mapping[str, Float[Tensor, " token"]]
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return self.activations.shape[0]

    def spans(self) -> list[tuple[int, int]]:
        """First row and row after the last, for each sequence."""
        if len(self) == 0:
            return []
        cuts = torch.nonzero(self.sequence[1:] != self.sequence[:-1]).squeeze(1) + 1
        edges = [0, *cuts.tolist(), len(self)]
        return list(itertools.pairwise(edges))

    def parts(self, tokens: int) -> Iterator["Chunk"]:
        """The same rows in order, as views: whole sequences, ``tokens`` rows at most unless one sequence has more."""
        spans = self.spans()
        while spans:
            first = spans[0][0]
            taken = max(1, bisect.bisect_right(spans, first + tokens, key=lambda span: span[1]))
            rows = slice(first, spans[taken - 1][1])
            spans = spans[taken:]
            yield Chunk(
                activations=self.activations[rows],
                tokens=self.tokens[rows],
                sequence=self.sequence[rows],
                position=self.position[rows],
                labels={name: values[rows] for name, values in self.labels.items()},
                vocabulary=self.vocabulary,
            )

    def check_finite(self, site: str) -> None:
        """Raises ``InputError``, naming site, unit and sequence, if an activation is NaN or infinite."""
        # The sum is not finite if any term is not. It costs a tenth of looking at each, which only an overflow needs.
        if not torch.isfinite(self.activations.sum()) and not torch.isfinite(self.activations).all():
            wrong = torch.nonzero(~torch.isfinite(self.activations))
            row, unit = wrong[0].tolist()
            raise InputError(
                f"{site}/{unit} is {float(self.activations[row, unit])} in sequence {int(self.sequence[row])}, one of "
                f"{len(wrong):,} such values in {len(self):,} tokens; the weights or the input hold values that are "
                "not finite, or the precision of the model is too narrow (bfloat16 and float32 reach further)"
            )
