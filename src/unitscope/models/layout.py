"""One layout for every kind of input that a recurrent module takes, and the way back.

Batched either way round, a single sequence, a ``PackedSequence``: inside, steps lie end to end, and the
rows of a step are the sequences that still run, longest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

State = tuple[Tensor, ...]
"""``(hidden,)`` or ``(hidden, cell)``, each ``[direction·layer batch unit]``, or ``[batch unit]`` for one of them."""


@dataclass(frozen=True)
class Layout:
    """How the rows of a module's input lie, and which form it had."""

    sizes: Sequence[int]
    """Rows of each step."""
    packed: PackedSequence | None
    batch_first: bool
    batched: bool = True

    @classmethod
    def of(cls, values: Tensor | PackedSequence, batch_first: bool) -> tuple[Float[Tensor, "row unit"], "Layout"]:
        """The rows of a module's input or output, and their layout."""
        if isinstance(values, PackedSequence):
            return values.data, cls(values.batch_sizes.tolist(), values, batch_first)
        if values.dim() == 2:
            return values, cls([1] * values.shape[0], None, batch_first, batched=False)
        by_step = values.transpose(0, 1) if batch_first else values  # [time batch unit]
        steps, batch = by_step.shape[:2]
        return by_step.flatten(0, 1), cls([batch] * steps, None, batch_first)

    def form(self, rows: Float[Tensor, "row unit"]) -> Tensor | PackedSequence:
        """The rows in the form that the module's input had."""
        if self.packed is not None:
            return self.packed._replace(data=rows)
        if not self.batched:
            return rows
        by_step: Tensor = rows.unflatten(0, (len(self.sizes), self.sizes[0]))
        return by_step.transpose(0, 1) if self.batch_first else by_step

    def by_sequence(self, rows: Float[Tensor, "row unit"]) -> Float[Tensor, "batch time unit"]:
        """The rows of each sequence in the caller's order; padding, where there is any, is zero."""
        if self.packed is not None:
            return pad_packed_sequence(self.packed._replace(data=rows), batch_first=True)[0]
        by_step: Tensor = rows.unflatten(0, (len(self.sizes), self.sizes[0]))
        return by_step.transpose(0, 1)

    def given_state(self, state: State) -> State:
        """A state as the caller gave it, with a batch axis and in the order of the rows."""
        if not self.batched:
            return tuple(part.unsqueeze(1) for part in state)
        return self._reordered(state, None if self.packed is None else self.packed.sorted_indices)

    def last_state(self, state: State) -> State:
        """The last state as the caller expects it."""
        if not self.batched:
            return tuple(part.squeeze(1) for part in state)
        return self._reordered(state, None if self.packed is None else self.packed.unsorted_indices)

    def _reordered(self, state: State, order: Tensor | None) -> State:
        return state if order is None else tuple(part.index_select(1, order) for part in state)

    def part(self, sequences: int, steps: int) -> tuple[Tensor, "Layout"]:
        """Row numbers of the first steps of the first sequences, and the layout that they have."""
        first = torch.tensor(self.sizes).cumsum(0) - torch.tensor(self.sizes)
        sizes = [min(size, sequences) for size in self.sizes[:steps]]
        rows = torch.cat([start + torch.arange(size) for start, size in zip(first.tolist(), sizes, strict=False)])
        packed = None
        if self.packed is not None:
            packed = PackedSequence(rows, torch.tensor(sizes))
        return rows, Layout(sizes, packed, self.batch_first)
