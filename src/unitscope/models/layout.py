"""One layout for every kind of input that a recurrent module takes, and the way back.

Batched either way round, a single sequence, a ``PackedSequence``: inside, time comes first, and the rows
of a step are the sequences that still run, longest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

State = tuple[Tensor, ...]
"""``(hidden,)`` or ``(hidden, cell)``, each ``[direction·layer batch unit]``, or ``[batch unit]`` for one of them."""

Steps = Float[Tensor, "row unit"] | Float[Tensor, "time batch unit"]
"""Rows end to end, or by step and sequence where every sequence has the same length."""


@dataclass(frozen=True)
class Layout:
    """Layout of the rows of a module's input, and its form."""

    sizes: Sequence[int]
    """Rows of each step."""
    packed: PackedSequence | None
    batch_first: bool
    batched: bool = True

    @classmethod
    def of(cls, values: Tensor | PackedSequence, batch_first: bool) -> tuple[Steps, "Layout"]:
        """A module's input or output by steps, never copied, and its layout."""
        if isinstance(values, PackedSequence):
            return values.data, cls(values.batch_sizes.tolist(), values, batch_first)
        if values.dim() == 2:
            return values, cls([1] * values.shape[0], None, batch_first, batched=False)
        by_step = values.transpose(0, 1) if batch_first else values
        steps, batch = by_step.shape[:2]
        return by_step, cls([batch] * steps, None, batch_first)

    def form(self, steps: Steps) -> Tensor | PackedSequence:
        """The steps in the form that the module's input had."""
        if self.packed is not None:
            return self.packed._replace(data=steps)
        if not self.batched:
            return steps
        by_step = self._by_step(steps)
        return by_step.transpose(0, 1) if self.batch_first else by_step

    def by_sequence(self, steps: Steps) -> Float[Tensor, "batch time unit"]:
        """The steps of each sequence in the caller's order; padding, where there is any, is zero."""
        if self.packed is not None:
            return pad_packed_sequence(self.packed._replace(data=steps), batch_first=True)[0]
        return self._by_step(steps).transpose(0, 1)

    def rows(self, values: Shaped[Tensor, "batch time ..."]) -> Shaped[Tensor, "row ..."]:
        """Values for each step of each sequence, in the caller's order, as the module's rows end to end."""
        if self.packed is not None and self.packed.sorted_indices is not None:
            values = values[self.packed.sorted_indices]
        return torch.cat([values[:size, step] for step, size in enumerate(self.sizes)])

    def _by_step(self, steps: Steps) -> Float[Tensor, "time batch unit"]:
        return steps if steps.dim() == 3 else steps.view(len(self.sizes), self.sizes[0], -1)

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

    def part(self, values: Steps, sequences: int, steps: int) -> tuple[Steps, "Layout"]:
        """The first steps of the first sequences."""
        if values.dim() == 3:
            values = values[:steps, :sequences]
            return values, Layout([values.shape[1]] * len(values), None, self.batch_first)
        by_step = [rows[:sequences] for rows in values.split_with_sizes(list(self.sizes))[:steps]]
        sizes = [len(rows) for rows in by_step]
        values = torch.cat(by_step)
        packed = None if self.packed is None else PackedSequence(values, torch.tensor(sizes))
        return values, Layout(sizes, packed, self.batch_first, self.batched)
