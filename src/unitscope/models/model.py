"""The contract of a model: what can be read, and how to run it."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.models.check.check import Check
from unitscope.models.edit import Bound, Edit
from unitscope.models.site import Site


@runtime_checkable
class Model(Protocol):
    """An adapter over an unmodified ``torch.nn.Module``.

    Two sites exist wherever the module predicts the next token: ``output.loss`` (one unit, nats)
    and ``output.log_prob`` (one unit per symbol).
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the architecture and every weight."""
        ...

    @property
    def device(self) -> torch.device: ...

    @property
    def checked(self) -> Check | None:
        """Findings from running the model; None where it did not have to run."""
        ...

    def sites(self) -> tuple[Site, ...]:
        """Everything that can be read, in the order of computation."""
        ...

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[Edit | Bound] = ()) -> dict[str, Tensor]:
        """Activations of the named sites, each ``[batch time unit]``; reading never changes the outputs.

        Values at padding steps are unspecified. Raises ``InputError`` for a site that does not exist, and for an
        edit that needs labels or other sequences and is not yet bound to them.
        """
        ...

    def untrained(self, seed: int) -> "Model":
        """A twin: the same architecture with fresh weights. The control of every finding."""
        ...

    def describe(self) -> dict[str, str]:
        """Architecture and size, for provenance."""
        ...
