"""Gates and cells from the hidden states that a fused kernel gave, many steps at once.

The kernels return no gates, but all that a gate follows from is known once they have run: x of its step and h of the
step before. So the gates of a block of rows are one product with the joined weights, as fast as products are, and of
the LSTM's recurrence only its linear part is left, c = f⊙c + i⊙g, which is a scan of multiply-adds. Errors do not
grow from step to step as they do in a loop, since every h is the module's own.

A second product costs as much as the first where steps are wide: there the loop of ``unroll`` is faster.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import ClassVar, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.models.dense import dense, tanh
from unitscope.models.unroll import Weights

_BLOCK = 512
"""Rows of a product: enough for its full speed, and what it makes stays in the processor's cache."""
_SMALL = 4096
"""Values of a step below which a scan costs by the call and not by the value."""

_TINY = 256
"""Values of a step up to which even so few calls cost more than to go over all steps several times."""

Kept = Mapping[str, Float[Tensor, "row unit"]]
"""Where streams are written, by name."""
Empty = Callable[[int], Float[Tensor, "row unit"]]
"""Memory for a stream of so many units that nobody asked for."""


class Gates(Protocol):
    """The equations of one direction of one layer, its hidden states given."""

    streams: ClassVar[tuple[str, ...]]
    """What it can read."""

    def __init__(self, weights: Weights) -> None: ...

    def read(
        self,
        blocks: "Iterator[tuple[slice, Tensor, Tensor]]",
        initial: Sequence[Float[Tensor, "batch _"]],
        sizes: Sequence[int],
        reverse: bool,
        kept: Kept,
        empty: Empty,
    ) -> None:
        """Write the streams of ``kept``; a block is its place among all rows, its x and its h of the step before."""
        ...

    @staticmethod
    def hidden(streams: Kept, before: Float[Tensor, "row out"], weights: Weights) -> Float[Tensor, "row out"]:
        """Hidden states recomputed from the streams."""
        ...


class LSTMGates:
    """i, f, o = σ(W x + U h + b), g = tanh(…); c = f⊙c + i⊙g."""

    streams: ClassVar[tuple[str, ...]] = ("input_gate", "forget_gate", "cell_gate", "output_gate", "cell")

    def __init__(self, weights: Weights) -> None:
        self._units = weights.state.shape[0] // 4
        i, f, g, o = torch.cat([weights.input, weights.state], dim=1).chunk(4)  # PyTorch's order
        b_i, b_f, b_g, b_o = (weights.input_bias + weights.state_bias).chunk(4)
        self._ifo = dense(torch.cat([i, f, o]), torch.cat([b_i, b_f, b_o]))
        self._g = dense(g, b_g, "tanh")

    def read(
        self,
        blocks: Iterator[tuple[slice, Tensor, Tensor]],
        initial: Sequence[Float[Tensor, "batch _"]],
        sizes: Sequence[int],
        reverse: bool,
        kept: Kept,
        empty: Empty,
    ) -> None:
        cell = kept.get("cell")
        forget = kept.get("forget_gate")
        if forget is None and cell is not None:
            forget = empty(self._units)
        for rows, x, h in blocks:
            xh = torch.cat([x, h], dim=1)  # [row in+out]
            places = {name: stream[rows] for name, stream in kept.items()}
            i, f, o = self._ifo(xh).split(self._units, dim=1)
            if forget is not None:
                torch.sigmoid(f, out=forget[rows])
            if "output_gate" in places:
                torch.sigmoid(o, out=places["output_gate"])
            if cell is not None or "input_gate" in places:
                i = torch.sigmoid(i, out=places.get("input_gate"))
            if cell is not None or "cell_gate" in places:
                g = self._g(xh)
                if "cell_gate" in places:
                    places["cell_gate"].copy_(g)
                if "cell" in places:
                    torch.mul(i, g, out=places["cell"])
        if cell is not None and forget is not None:
            scan(forget, cell, initial[1], sizes, reverse)

    @staticmethod
    def hidden(streams: Kept, before: Float[Tensor, "row out"], weights: Weights) -> Float[Tensor, "row out"]:  # noqa: ARG004
        h = streams["output_gate"] * streams["cell"].tanh()
        return h if weights.projection is None else h @ weights.projection.t()


class GRUGates:
    """r, z = σ(W x + b + U h + b'); n = tanh(W x + b + r⊙(U h + b'))."""

    streams: ClassVar[tuple[str, ...]] = ("reset_gate", "update_gate", "new_gate")

    def __init__(self, weights: Weights) -> None:
        self._units = units = weights.state.shape[1]
        (w_rz, w_n), (u_rz, u_n), (b_rz, b_n), (c_rz, c_n) = (
            part.split([2 * units, units])
            for part in (weights.input, weights.state, weights.input_bias, weights.state_bias)
        )
        self._rz = dense(torch.cat([w_rz, u_rz], dim=1), b_rz + c_rz)
        self._n_from_input = dense(w_n, b_n)
        self._n_from_state = dense(u_n, c_n)

    def read(
        self,
        blocks: Iterator[tuple[slice, Tensor, Tensor]],
        initial: Sequence[Float[Tensor, "batch _"]],
        sizes: Sequence[int],
        reverse: bool,
        kept: Kept,
        empty: Empty,
    ) -> None:
        for rows, x, h in blocks:
            r, z = self._rz(torch.cat([x, h], dim=1)).split(self._units, dim=1)
            places = {name: stream[rows] for name, stream in kept.items()}
            if "update_gate" in kept:
                torch.sigmoid(z, out=places["update_gate"])
            if "reset_gate" in kept or "new_gate" in kept:
                r = torch.sigmoid(r, out=places.get("reset_gate"))
            if "new_gate" in kept:
                places["new_gate"].copy_(tanh(self._n_from_input(x).addcmul_(r, self._n_from_state(h))))

    @staticmethod
    def hidden(streams: Kept, before: Float[Tensor, "row out"], weights: Weights) -> Float[Tensor, "row out"]:  # noqa: ARG004
        return torch.lerp(streams["new_gate"], before, streams["update_gate"])


def before(
    hidden: Float[Tensor, "row out"], initial: Float[Tensor, "batch out"], sizes: Sequence[int], reverse: bool
) -> Float[Tensor, "row out"]:
    """The state that each row began with: of the step before, which in reverse is the one after, or the initial one."""
    batch = sizes[0]
    if sizes[-1] == batch:
        return torch.cat([hidden[batch:], initial] if reverse else [initial, hidden[:-batch]])
    return torch.cat([initial, hidden]).index_select(0, _sources(sizes, reverse).to(hidden.device))


def _sources(sizes: Sequence[int], reverse: bool) -> Int[Tensor, " row"]:
    """The row of ``[initial, hidden]`` that each row of sequences of different lengths follows."""
    starts = [sizes[0], *accumulate(sizes, initial=sizes[0])]  # after as many initial states
    found = []
    for step, size in enumerate(sizes):
        if reverse:
            going = sizes[step + 1] if step + 1 < len(sizes) else 0
            found += [torch.arange(going) + starts[step + 2], torch.arange(going, size)]
        else:
            found.append(torch.arange(size) + (starts[step] if step else 0))
    return torch.cat(found)


def blocks(
    x: Tensor, before: Float[Tensor, "row out"], sizes: Sequence[int]
) -> Iterator[tuple[slice, Float[Tensor, "row in"], Float[Tensor, "row out"]]]:
    """Rows of x, given by step or end to end, and of the states that they began with, a block at a time."""
    if x.dim() == 3:
        batch = sizes[0]
        steps = max(1, _BLOCK // batch)
        for first, part in zip(range(0, len(x), steps), x.split(steps), strict=True):
            rows = slice(first * batch, (first + len(part)) * batch)
            yield rows, part.reshape(-1, x.shape[2]), before[rows]
        return
    for first in range(0, len(x), _BLOCK):
        rows = slice(first, min(first + _BLOCK, len(x)))
        yield rows, x[rows], before[rows]


def scan(
    factor: Float[Tensor, "row unit"],
    value: Float[Tensor, "row unit"],
    initial: Float[Tensor, "batch unit"],
    sizes: Sequence[int],
    reverse: bool,
) -> None:
    """Make each value v of a step v + factor · (that of the step before), in place. In reverse it begins at the end."""
    batch = sizes[0]
    if sizes[-1] == batch:
        by_step = (-1, batch, value.shape[1])
        _even(factor.view(by_step), value.view(by_step), initial, reverse)
        return
    edges = [*pairwise(accumulate(sizes, initial=0))]
    carry = initial[: sizes[-1]] if reverse else initial
    for first, stop in reversed(edges) if reverse else edges:
        size = stop - first
        if size > len(carry):
            carry = torch.cat([carry, initial[len(carry) : size]])
        carry = value[first:stop].addcmul_(factor[first:stop], carry[:size])


def _even(
    factor: Float[Tensor, "time batch unit"],
    value: Float[Tensor, "time batch unit"],
    initial: Float[Tensor, "batch unit"],
    reverse: bool,
) -> None:
    """The same where all sequences are equally long.

    Small steps are scanned in stretches side by side, as if each began at zero, and what came before is added at last:
    some 2√T calls in place of T.
    """
    steps = len(value)
    if value[0].numel() <= _TINY:
        _doubled(factor, value, initial, reverse)
        return
    length = round(steps**0.5)
    if value[0].numel() >= _SMALL or steps < 16:
        order = list(zip(factor.unbind(), value.unbind(), strict=True))
        carry = initial
        for f, v in reversed(order) if reverse else order:
            carry = v.addcmul_(f, carry)
        return
    stretches = steps // length
    rest = steps - stretches * length  # these few go first, one at a time
    alone, side = (slice(steps - rest, None), slice(steps - rest)) if reverse else (slice(rest), slice(rest, None))
    carry = initial
    few = list(zip(factor[alone].unbind(), value[alone].unbind(), strict=True))
    for f, v in reversed(few) if reverse else few:
        carry = v.addcmul_(f, carry)
    shape = (stretches, length, *value.shape[1:])
    f, v = factor[side].view(shape), value[side].view(shape)
    reach = torch.empty_like(v)  # what is left of a stretch's beginning after each of its steps
    inside = range(length - 1, -1, -1) if reverse else range(length)
    last = None
    for step in inside:
        if last is None:
            reach[:, step] = f[:, step]
        else:
            v[:, step].addcmul_(f[:, step], v[:, last])
            torch.mul(f[:, step], reach[:, last], out=reach[:, step])
        last = step
    assert last is not None
    carries = torch.empty_like(v[:, 0])
    for stretch in range(stretches - 1, -1, -1) if reverse else range(stretches):
        carries[stretch] = carry
        carry = torch.addcmul(v[stretch, last], reach[stretch, last], carry)
    v.addcmul_(reach, carries.unsqueeze(1))


def _doubled(
    factor: Float[Tensor, "time batch unit"],
    value: Float[Tensor, "time batch unit"],
    initial: Float[Tensor, "batch unit"],
    reverse: bool,
) -> None:
    """The same in log₂ T calls (Hillis & Steele 1986): each value takes in as many steps before it as it knows."""
    steps = len(value)
    first = steps - 1 if reverse else 0
    value[first].addcmul_(factor[first], initial)
    reach, reached = factor.clone(), 1
    while reached < steps:
        later, earlier = slice(reached, None), slice(steps - reached)
        to, of = (earlier, later) if reverse else (later, earlier)
        value[to] = torch.addcmul(value[to], reach[to], value[of])
        if 2 * reached < steps:
            reach[to] = reach[to] * reach[of]
        reached *= 2
