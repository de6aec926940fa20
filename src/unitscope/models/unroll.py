"""RNN, LSTM and GRU as the textbook writes them, one step at a time, keeping every unit of every step.

The fused kernels of PyTorch return neither gates nor cells, so whatever reads or holds them inside a
layer runs these loops. Steps lie end to end as in ``PackedSequence``: the rows of step 0, then those
of step 1; the rows of a step are the sequences not yet ended, longest first.

What makes the loops fast: one packed product for input and state with the squashing in it, steps small
enough to stay in the processor's cache, and only what is asked for written to memory.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.models.dense import dense, tanh
from unitscope.models.edit import Bound
from unitscope.models.layout import State

_SEQUENCES_AT_ONCE = 128
"""Sequences that run together; with more, what a step computes no longer stays in the processor's cache."""


Held = Mapping[str, Sequence[Bound]]
"""Edits by stream, those told by step as rows end to end; they act one after the other."""
NOTHING: Held = {}
"""No edits."""


@dataclass(frozen=True)
class Weights:
    """One direction of one layer. Biases are zeros where the layer has none."""

    input: Float[Tensor, "gates in"]
    state: Float[Tensor, "gates out"]
    input_bias: Float[Tensor, " gates"]
    state_bias: Float[Tensor, " gates"]
    projection: Float[Tensor, "out unit"] | None = None

    @classmethod
    def of(cls, module: nn.RNNBase | nn.RNNCellBase, suffix: str) -> "Weights":
        """The weights that a stock module keeps under a suffix: ``_l0``, ``_l1_reverse``; a cell under none."""
        state = getattr(module, f"weight_hh{suffix}")
        no_bias = None if module.bias else state.new_zeros(state.shape[0])
        return cls(
            getattr(module, f"weight_ih{suffix}"),
            state,
            getattr(module, f"bias_ih{suffix}") if no_bias is None else no_bias,
            getattr(module, f"bias_hh{suffix}") if no_bias is None else no_bias,
            getattr(module, f"weight_hr{suffix}", None),
        )

    def flat(self) -> list[Tensor]:
        """In the order of PyTorch's fused kernels."""
        flat = [self.input, self.state, self.input_bias, self.state_bias]
        return flat if self.projection is None else [*flat, self.projection]

    def given(self, hidden: Bound) -> "Weights":
        """Weights for which the held units always have their values, whatever the state says."""
        state = self.state.clone()
        state[:, hidden.units] = 0
        shift = self.state[:, hidden.units] @ hidden.add.to(state)
        return replace(self, state=state, state_bias=self.state_bias + shift)


@runtime_checkable
class Cell(Protocol):
    """The equations of one step."""

    def step(
        self, rows: slice, x: Float[Tensor, "row in"], *state: Float[Tensor, "row _"]
    ) -> dict[str, Float[Tensor, "row _"]]:
        """Every stream after a step from ``hidden`` (and ``cell``), the new ones among them.

        ``rows`` is where the step lies among all.
        """
        ...


def unroll(
    cell: Cell,
    x: Sequence[Float[Tensor, "_ in"]],
    initial: State,
    reverse: bool,
    kept: Mapping[str, Float[Tensor, "row _"]],
) -> State:
    """Run the cell over all steps of ``x`` and return each sequence's last state.

    What the streams named in ``kept`` are at each step is written there. Sequences end where a step has
    fewer rows than the one before; in reverse they begin there.
    """
    sequences = len(x[0])
    groups = -(-sequences // _SEQUENCES_AT_ONCE)
    edges = [sequences * group // groups for group in range(groups + 1)]
    last = [_unroll_group(cell, x, initial, reverse, kept, slice(*ends)) for ends in pairwise(edges)]
    return tuple(torch.cat(parts) for parts in zip(*last, strict=True))


def _unroll_group(
    cell: Cell,
    x: Sequence[Tensor],
    initial: State,
    reverse: bool,
    kept: Mapping[str, Tensor],
    group: slice,
) -> State:
    """The same for some of the sequences."""
    steps = list(zip(accumulate(map(len, x), initial=0), x, strict=False))
    initial = tuple(part[group] for part in initial)
    state = tuple(part[:0] for part in initial)
    ended: list[State] = []
    for start, rows in reversed(steps) if reverse else steps:
        inputs = rows[group]
        count, running = len(inputs), len(state[0])
        if count > running:
            state = tuple(torch.cat([s, s0[running:count]]) for s, s0 in zip(state, initial, strict=True))
        elif count < running:
            ended.append(tuple(part[count:] for part in state))
            state = tuple(part[:count] for part in state)
        if count:
            place = slice(start + group.start, start + group.start + count)
            streams = cell.step(place, inputs, *state)
            for name, buffer in kept.items():
                buffer[place] = streams[name]
            state = tuple(streams[name] for name, _ in zip(("hidden", "cell"), state, strict=False))
    return tuple(torch.cat(parts) for parts in zip(state, *reversed(ended), strict=True))


class RNNCell:
    """Elman 1990. h = tanh(W x + U h + b), or the rectifier in place of the tangent."""

    def __init__(
        self, weights: Weights, held: Held = NOTHING, squash: Callable[[Tensor], Tensor] = torch.tanh_
    ) -> None:
        self._held = held
        self._squash = squash
        self._sum = dense(torch.cat([weights.input, weights.state], dim=1), weights.input_bias + weights.state_bias)

    def step(
        self, rows: slice, x: Float[Tensor, "row in"], *state: Float[Tensor, "row _"]
    ) -> dict[str, Float[Tensor, "row _"]]:
        h = self._squash(self._sum(torch.cat([x, *state], dim=1)))
        _hold(self._held, rows, hidden=h)
        return {"hidden": h}


class LSTMCell:
    """Hochreiter & Schmidhuber 1997 with forget gates, and projections of the output (Sak et al. 2014).

    i, f, o = σ(W x + U h + b), g = tanh(…); c = f⊙c + i⊙g; h = o⊙tanh(c), or its projection.
    """

    def __init__(self, weights: Weights, held: Held = NOTHING) -> None:
        self._held = held
        self._projection = weights.projection
        weight = torch.cat([weights.input, weights.state], dim=1)  # [4·unit in+out], in PyTorch's order i, f, g, o
        w_i, w_f, w_g, w_o = weight.chunk(4)
        b_i, b_f, b_g, b_o = (weights.input_bias + weights.state_bias).chunk(4)
        self._ifo = dense(torch.cat([w_i, w_f, w_o]), torch.cat([b_i, b_f, b_o]), "sigmoid")
        self._g = dense(w_g, b_g, "tanh")

    def step(
        self, rows: slice, x: Float[Tensor, "row in"], *state: Float[Tensor, "row _"]
    ) -> dict[str, Float[Tensor, "row _"]]:
        h, c = state
        xh = torch.cat([x, h], dim=1)  # [row in+out]
        i, f, o = self._ifo(xh).chunk(3, dim=1)
        g = self._g(xh)
        _hold(self._held, rows, input_gate=i, forget_gate=f, output_gate=o, cell_gate=g)

        c = torch.mul(f, c).addcmul_(i, g)
        _hold(self._held, rows, cell=c)

        h = tanh(c).mul_(o)
        if self._projection is not None:
            h = h @ self._projection.t()
        _hold(self._held, rows, hidden=h)
        return {"input_gate": i, "forget_gate": f, "cell_gate": g, "output_gate": o, "cell": c, "hidden": h}


class GRUCell:
    """Cho et al. 2014 as ``nn.GRU`` has it: z = 1 keeps the old state, r acts after the product.

    r, z = σ(W x + b + U h + b'); n = tanh(W x + b + r⊙(U h + b')); h = (1 − z)⊙n + z⊙h.
    """

    def __init__(self, weights: Weights, held: Held = NOTHING) -> None:
        self._held = held
        units = weights.state.shape[1]
        (w_rz, w_n), (u_rz, u_n), (b_rz, b_n), (c_rz, c_n) = (
            part.split([2 * units, units])
            for part in (weights.input, weights.state, weights.input_bias, weights.state_bias)
        )
        self._rz = dense(torch.cat([w_rz, u_rz], dim=1), b_rz + c_rz, "sigmoid")
        self._n_from_input = dense(w_n, b_n)
        self._n_from_state = dense(u_n, c_n)

    def step(
        self, rows: slice, x: Float[Tensor, "row in"], *state: Float[Tensor, "row _"]
    ) -> dict[str, Float[Tensor, "row _"]]:
        (h,) = state
        r, z = self._rz(torch.cat([x, h], dim=1)).chunk(2, dim=1)
        _hold(self._held, rows, reset_gate=r, update_gate=z)

        n = self._n_from_input(x).addcmul_(r, self._n_from_state(h)).tanh_()
        _hold(self._held, rows, new_gate=n)

        h = torch.lerp(n, h, z)
        _hold(self._held, rows, hidden=h)
        return {"reset_gate": r, "update_gate": z, "new_gate": n, "hidden": h}


def _hold(held: Held, rows: slice, **streams: Tensor) -> None:
    for name in streams.keys() & held.keys():
        for edit in held[name]:
            edit.at(rows).apply(streams[name])
