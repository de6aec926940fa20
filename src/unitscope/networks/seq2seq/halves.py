"""A batch of pairs as the two halves of an encoder–decoder read it."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError


@dataclass(frozen=True)
class Halves:
    """Sources and outputs, each from step 0 on and padded by itself."""

    sources: Int[Tensor, "batch place"]
    """In the encoder's numbering."""
    lengths: Int[Tensor, " batch"]
    """Symbols of each source."""
    targets: Int[Tensor, "batch step"]
    """−1 where there is none."""
    fed: Int[Tensor, "batch step"]
    """What teacher forcing feeds after each step: the target."""
    attend: Int[Tensor, "batch step"] | None
    """Places to attend to, −1 where there is none; None where no pair has any."""
    steps: Int[Tensor, " batch"]
    """Steps of each output."""

    def rows(self, numbers: Int[Tensor, " row"]) -> "Halves":
        """Some of the pairs, cut to the longest of them."""
        places, steps = int(self.lengths[numbers].max()), int(self.steps[numbers].max())
        return Halves(
            sources=self.sources[numbers, :places],
            lengths=self.lengths[numbers],
            targets=self.targets[numbers, :steps],
            fed=self.fed[numbers, :steps],
            attend=None if self.attend is None else self.attend[numbers, :steps],
            steps=self.steps[numbers],
        )


def halves(batch: Batch, sources: int, symbols: int) -> Halves:
    """Divide a batch of a ``SourceCorpus`` (no outputs) or of an ``OutputCorpus``.

    ``sources`` and ``symbols`` are how many can be read and written. Raises ``InputError`` for any other batch.
    """
    time = torch.arange(batch.tokens.shape[1], device=batch.tokens.device)
    real = time < batch.lengths[:, None]
    source = real & (batch.tokens > symbols)
    lengths = source.sum(1)
    begins = bool((source == (time < lengths[:, None])).all())
    written = bool((lengths < batch.lengths).any())
    if (
        not begins
        or int(batch.tokens.max()) > symbols + sources
        or (written and not bool((lengths == batch.context).all()))
    ):
        raise InputError(
            "an encoder–decoder reads pairs in the symbols it was trained on: give it a SourceCorpus or an "
            "OutputCorpus with the vocabulary of its folder"
        )
    steps = batch.lengths - lengths
    output = torch.arange(int(steps.max()), device=batch.tokens.device)
    place = (lengths[:, None] + output).clamp(max=batch.tokens.shape[1] - 1)  # [batch step]
    in_output = output < steps[:, None]
    targets = torch.where(in_output, batch.targets.gather(1, place), -1)
    attend = None
    if batch.attend is not None and bool((batch.attend >= 0).any()):
        attend = torch.where(in_output, batch.attend.gather(1, place), -1)
    longest = int(lengths.max())
    return Halves(
        sources=torch.where(source, batch.tokens - symbols - 1, 0)[:, :longest],
        lengths=lengths,
        targets=targets,
        fed=targets.clamp(min=0),
        attend=attend,
        steps=steps,
    )
