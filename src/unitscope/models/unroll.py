"""LSTM and GRU as the textbook writes them, one step at a time, keeping every unit of every step.

The fused kernels of PyTorch return neither gates nor cells, so whatever reads or holds them inside a
layer runs these loops. Steps lie end to end as in ``PackedSequence``: the rows of step 0, then those
of step 1; the rows of a step are the sequences not yet ended, longest first.

What makes the loops fast: packed products, gates that are written where they are kept, and no fresh
memory within a step but what stays in the processor's cache.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.models.layout import State
from unitscope.models.product import product_with

_ROWS_AT_ONCE = 256
"""Rows from which the input's product runs at full speed; more would only leave the cache."""


@dataclass(frozen=True)
class Held:
    """Units of one stream that are kept at fixed values."""

    units: Int[Tensor, " held"]
    values: Float[Tensor, " held"]

    def apply(self, stream: Tensor) -> None:
        """Overwrite the held units, in place, in ``stream [row unit]``."""
        stream[:, self.units] = self.values.to(stream.dtype)


@dataclass(frozen=True)
class Weights:
    """One direction of one layer. Biases are zeros where the layer has none."""

    input: Float[Tensor, "gates in"]
    state: Float[Tensor, "gates out"]
    input_bias: Float[Tensor, " gates"]
    state_bias: Float[Tensor, " gates"]
    projection: Float[Tensor, "out unit"] | None = None

    @classmethod
    def of(cls, module: nn.RNNBase, suffix: str) -> "Weights":
        """The weights that a stock module keeps under a suffix: ``_l0``, ``_l1_reverse``."""
        state = getattr(module, f"weight_hh{suffix}")
        no_bias = state.new_zeros(state.shape[0])
        return cls(
            getattr(module, f"weight_ih{suffix}"),
            state,
            getattr(module, f"bias_ih{suffix}", no_bias),
            getattr(module, f"bias_hh{suffix}", no_bias),
            getattr(module, f"weight_hr{suffix}", None),
        )

    def flat(self) -> list[Tensor]:
        """In the order of PyTorch's fused kernels."""
        flat = [self.input, self.state, self.input_bias, self.state_bias]
        return flat if self.projection is None else [*flat, self.projection]

    def given(self, hidden: Held) -> "Weights":
        """Weights for which the held units always have their values, whatever the state says."""
        state = self.state.clone()
        state[:, hidden.units] = 0
        shift = self.state[:, hidden.units] @ hidden.values.to(state.dtype)
        return replace(self, state=state, state_bias=self.state_bias + shift)


@runtime_checkable
class Cell(Protocol):
    """The equations of one step, and buffers for what all steps compute."""

    @property
    def streams(self) -> Mapping[str, Float[Tensor, "row _"]]:
        """What the steps have written so far."""
        ...

    def from_input(self, x: Float[Tensor, "row in"]) -> Float[Tensor, "row gates"]:
        """The input's part of the sums in the gates."""
        ...

    def step(self, sums: Float[Tensor, "row gates"], rows: slice, state: State) -> State:
        """The state after a step, whose values go to these rows of the buffers."""
        ...


def unroll(cell: Cell, x: Float[Tensor, "row in"], sizes: Sequence[int], initial: State, reverse: bool) -> State:
    """Run the cell over all steps (``sizes`` rows each) and return each sequence's last state.

    Sequences end where a step has fewer rows than the one before; in reverse they begin there.
    """
    state = tuple(part[:0] for part in initial)
    ended: list[State] = []
    for steps in _blocks(sizes, reverse):
        start = min(rows.start for rows in steps)
        sums = cell.from_input(x[start : max(rows.stop for rows in steps)])
        for rows in steps:
            size, running = rows.stop - rows.start, state[0].shape[0]
            if size > running:
                state = tuple(torch.cat([s, s0[running:size]]) for s, s0 in zip(state, initial, strict=True))
            elif size < running:
                ended.append(tuple(part[size:] for part in state))
                state = tuple(part[:size] for part in state)
            state = cell.step(sums[rows.start - start : rows.stop - start], rows, state)
    return tuple(torch.cat(parts) for parts in zip(state, *reversed(ended), strict=True))


def _blocks(sizes: Sequence[int], reverse: bool) -> Iterator[list[slice]]:
    """The rows of each step in order of time, several steps together until they are enough for one product."""
    ends = list(accumulate(sizes))
    steps = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    block: list[slice] = []
    for rows in reversed(steps) if reverse else steps:
        block.append(rows)
        if abs(rows.stop - block[0].start) >= _ROWS_AT_ONCE or abs(block[0].stop - rows.start) >= _ROWS_AT_ONCE:
            yield block
            block = []
    if block:
        yield block


class LSTMCell:
    """Hochreiter & Schmidhuber 1997 with forget gates, and projections of the output (Sak et al. 2014).

    i, f, o = σ(W x + U h + b), g = tanh(…); c = f⊙c + i⊙g; h = o⊙tanh(c), or its projection.
    """

    def __init__(self, rows: int, weights: Weights, held: Mapping[str, Held]) -> None:
        units = weights.state.shape[0] // 4
        self._units = units
        self._held = held
        self._projection = weights.projection
        # PyTorch's order is i, f, g, o. With i, f, o, g all sigmoids are one block.
        order = [0, 1, 3, 2]
        self._times_input = product_with(_permuted(weights.input, order))
        self._times_state = product_with(_permuted(weights.state, order))
        self._bias = _permuted(weights.input_bias + weights.state_bias, order)
        self._gates = _buffer(rows, 4 * units, weights.state)
        self._cell = _buffer(rows, units, weights.state)
        self._hidden = _buffer(rows, weights.state.shape[1], weights.state)

    @property
    def streams(self) -> Mapping[str, Float[Tensor, "row _"]]:
        i, f, o, g = self._gates.split(self._units, dim=1)
        return {
            "hidden": self._hidden,
            "cell": self._cell,
            "input_gate": i,
            "forget_gate": f,
            "cell_gate": g,
            "output_gate": o,
        }

    def from_input(self, x: Float[Tensor, "row in"]) -> Float[Tensor, "row gates"]:
        return self._times_input(x, self._bias)

    def step(self, sums: Float[Tensor, "row gates"], rows: slice, state: State) -> State:
        h, c = state
        gates, units = self._gates[rows], self._units
        sums = self._times_state(h, sums)
        torch.sigmoid(sums[:, : 3 * units], out=gates[:, : 3 * units])
        torch.tanh(sums[:, 3 * units :], out=gates[:, 3 * units :])
        i, f, o, g = gates.split(units, dim=1)
        _hold(self._held, input_gate=i, forget_gate=f, output_gate=o, cell_gate=g)

        c = torch.mul(f, c, out=self._cell[rows]).addcmul_(i, g)
        _hold(self._held, cell=c)

        squashed = torch.tanh(c)
        if self._projection is None:
            h = torch.mul(o, squashed, out=self._hidden[rows])
        else:
            h = torch.mm(squashed.mul_(o), self._projection.t(), out=self._hidden[rows])
        _hold(self._held, hidden=h)
        return h, c


class GRUCell:
    """Cho et al. 2014 as ``nn.GRU`` has it: z = 1 keeps the old state, r acts after the product.

    r, z = σ(W x + b + U h + b'); n = tanh(W x + b + r⊙(U h + b')); h = (1 − z)⊙n + z⊙h.
    """

    def __init__(self, rows: int, weights: Weights, held: Mapping[str, Held]) -> None:
        self._units = weights.state.shape[1]
        self._held = held
        self._times_input = product_with(weights.input)
        self._times_state = product_with(weights.state)
        self._input_bias = weights.input_bias
        self._state_bias = weights.state_bias
        self._gates = _buffer(rows, 3 * self._units, weights.state)
        self._hidden = _buffer(rows, self._units, weights.state)

    @property
    def streams(self) -> Mapping[str, Float[Tensor, "row _"]]:
        r, z, n = self._gates.split(self._units, dim=1)
        return {"hidden": self._hidden, "reset_gate": r, "update_gate": z, "new_gate": n}

    def from_input(self, x: Float[Tensor, "row in"]) -> Float[Tensor, "row gates"]:
        return self._times_input(x, self._input_bias)

    def step(self, sums: Float[Tensor, "row gates"], rows: slice, state: State) -> State:
        (h,) = state
        gates, units = self._gates[rows], self._units
        from_state = self._times_state(h, self._state_bias)
        torch.add(sums[:, : 2 * units], from_state[:, : 2 * units], out=gates[:, : 2 * units]).sigmoid_()
        r, z, n = gates.split(units, dim=1)
        _hold(self._held, reset_gate=r, update_gate=z)

        torch.addcmul(sums[:, 2 * units :], r, from_state[:, 2 * units :], out=n).tanh_()
        _hold(self._held, new_gate=n)

        h = torch.lerp(n, h, z, out=self._hidden[rows])
        _hold(self._held, hidden=h)
        return (h,)


def _hold(held: Mapping[str, Held], **streams: Tensor) -> None:
    for name in streams.keys() & held.keys():
        held[name].apply(streams[name])


def _permuted(weight: Tensor, order: Sequence[int]) -> Tensor:
    """The blocks of rows in another order."""
    blocks: Tensor = weight.unflatten(0, (len(order), -1))
    return blocks[list(order)].flatten(0, 1)


def _buffer(rows: int, units: int, like: Tensor) -> Tensor:
    """Uninitialised memory. NumPy asks the kernel for huge pages, PyTorch does not.

    Touching fresh memory in small pages would take as long as a quarter of the whole computation.
    """
    if like.device.type == "cpu" and like.dtype in (torch.float32, torch.float64):
        return torch.from_numpy(np.empty((rows, units), dtype=str(like.dtype).removeprefix("torch.")))
    return like.new_empty(rows, units)
