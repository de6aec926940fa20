"""Input of a model: a few sequences, padded to one length."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Sequences that are run together.

    The first ``context`` tokens of a row are there so that the model has read something before the
    first token that counts; they belong to the sequence before and are never recorded.
    """

    tokens: Int[Tensor, "batch time"] | Float[Tensor, "batch time channel"]
    """Symbols of a vocabulary, or for a series the values of its channels."""
    targets: Int[Tensor, "batch time"] | Float[Tensor, "batch time"]
    """What the model should predict at each step: a symbol, -1 where there is none; or a value, NaN where none."""
    context: Int[Tensor, " batch"]
    """Leading tokens of each row that are read but not counted."""
    lengths: Int[Tensor, " batch"]
    """Tokens of each row without padding, context included."""
    sequence: Int[Tensor, " batch"]
    """The number of each row's sequence in its corpus."""
    attend: Int[Tensor, "batch time"] | None = None
    """Where pairs say it: the place in its source that each step of an output should attend to, -1 where none."""
    after: int = 0
    """Tokens after the end of each row that are read and not counted, such as a special token at the end of a text."""

    @property
    def is_read(self) -> Bool[Tensor, "batch time"]:
        """True at the steps that are no padding."""
        return torch.arange(self.tokens.shape[1], device=self.tokens.device) < self.lengths[:, None] + self.after

    @property
    def has_target(self) -> Bool[Tensor, "batch time"]:
        """True at the steps where the model should predict something."""
        return ~self.targets.isnan() if self.targets.is_floating_point() else self.targets >= 0

    @property
    def counted(self) -> Bool[Tensor, "batch time"]:
        """True at the steps that belong to the sequence: neither context nor padding."""
        step = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        return (step >= self.context[:, None]) & (step < self.lengths[:, None])

    def to(self, device: torch.device | str) -> "Batch":
        return Batch(
            tokens=self.tokens.to(device),
            targets=self.targets.to(device),
            context=self.context.to(device),
            lengths=self.lengths.to(device),
            sequence=self.sequence.to(device),
            attend=None if self.attend is None else self.attend.to(device),
            after=self.after,
        )
