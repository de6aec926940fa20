"""LSTM and GRU as the textbook writes them, one step at a time, keeping every unit of every step.

The fused kernels of PyTorch return neither gates nor cells, so whatever reads or holds them inside a
layer runs these loops. Steps lie end to end as in ``PackedSequence``: the rows of step 0, then those
of step 1; the rows of a step are the sequences not yet ended, longest first.

What makes the loops fast: the input's product is one multiplication for all steps, its result is the
buffer in which the gates are written, and nothing else is allocated within a step than the state's
product.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.models.layout import State
from unitscope.models.product import product_with


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
    """The equations of one step over buffers for all steps."""

    @property
    def streams(self) -> Mapping[str, Float[Tensor, "row _"]]:
        """What the steps have written so far."""
        ...

    def step(self, rows: slice, state: State) -> State:
        """The state after the step whose buffer rows are ``rows``."""
        ...


def unroll(cell: Cell, sizes: Sequence[int], initial: State, reverse: bool) -> State:
    """Run the cell over all steps (``sizes`` rows each) and return each sequence's last state.

    Sequences end where a step has fewer rows than the one before; in reverse they begin there.
    """
    first = [0]
    for size in sizes:
        first.append(first[-1] + size)
    state = tuple(part[:0] for part in initial)
    ended: list[State] = []
    for t in reversed(range(len(sizes))) if reverse else range(len(sizes)):
        running = state[0].shape[0]
        if sizes[t] > running:
            state = tuple(torch.cat([s, s0[running : sizes[t]]]) for s, s0 in zip(state, initial, strict=True))
        elif sizes[t] < running:
            ended.append(tuple(part[sizes[t] :] for part in state))
            state = tuple(part[: sizes[t]] for part in state)
        state = cell.step(slice(first[t], first[t + 1]), state)
    return tuple(torch.cat(parts) for parts in zip(state, *reversed(ended), strict=True))


class LSTMCell:
    """Hochreiter & Schmidhuber 1997 with forget gates, and projections of the output (Sak et al. 2014).

    i, f, o = σ(W x + U h + b), g = tanh(…); c = f⊙c + i⊙g; h = o⊙tanh(c), or its projection.
    """

    def __init__(self, x: Float[Tensor, "row in"], weights: Weights, held: Mapping[str, Held]) -> None:
        units = weights.state.shape[0] // 4
        self._units = units
        self._held = held
        self._projection = weights.projection
        # PyTorch's order is i, f, g, o. With i, f, o, g all sigmoids are one block.
        order = [0, 1, 3, 2]
        bias = (weights.input_bias + weights.state_bias).view(4, units)[order].flatten()
        self._gates = F.linear(x, _permuted(weights.input, order), bias)  # [row 4·unit]
        self._times_state = product_with(_permuted(weights.state, order))
        self._cell = x.new_empty(x.shape[0], units)
        self._hidden = x.new_empty(x.shape[0], weights.state.shape[1])

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

    def step(self, rows: slice, state: State) -> State:
        h, c = state
        gates, units = self._gates[rows], self._units
        raw = self._times_state(h, gates)
        torch.sigmoid(raw[:, : 3 * units], out=gates[:, : 3 * units])
        torch.tanh(raw[:, 3 * units :], out=gates[:, 3 * units :])
        i, f, o, g = gates.split(units, dim=1)
        _hold(self._held, input_gate=i, forget_gate=f, output_gate=o, cell_gate=g)

        c = torch.mul(f, c, out=self._cell[rows]).addcmul_(i, g)
        _hold(self._held, cell=c)

        squashed = torch.tanh(c, out=raw[:, :units])
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

    def __init__(self, x: Float[Tensor, "row in"], weights: Weights, held: Mapping[str, Held]) -> None:
        self._units = weights.state.shape[1]
        self._held = held
        self._gates = F.linear(x, weights.input, weights.input_bias)  # [row 3·unit]
        self._times_state = product_with(weights.state)
        self._state_bias = weights.state_bias
        self._hidden = x.new_empty(x.shape[0], self._units)

    @property
    def streams(self) -> Mapping[str, Float[Tensor, "row _"]]:
        r, z, n = self._gates.split(self._units, dim=1)
        return {"hidden": self._hidden, "reset_gate": r, "update_gate": z, "new_gate": n}

    def step(self, rows: slice, state: State) -> State:
        (h,) = state
        gates, units = self._gates[rows], self._units
        raw = self._times_state(h, self._state_bias.expand_as(gates))
        gates[:, : 2 * units].add_(raw[:, : 2 * units]).sigmoid_()
        r, z, n = gates.split(units, dim=1)
        _hold(self._held, reset_gate=r, update_gate=z)

        n.addcmul_(r, raw[:, 2 * units :]).tanh_()
        _hold(self._held, new_gate=n)

        h = torch.lerp(n, h, z, out=self._hidden[rows])
        _hold(self._held, hidden=h)
        return (h,)


def _hold(held: Mapping[str, Held], **streams: Tensor) -> None:
    for name in streams.keys() & held.keys():
        held[name].apply(streams[name])


def _permuted(weight: Tensor, order: Sequence[int]) -> Tensor:
    """The blocks of rows in another order."""
    return weight.unflatten(0, (len(order), -1))[order].flatten(0, 1)
