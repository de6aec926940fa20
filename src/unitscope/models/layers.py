"""The stacked layers of a stock recurrent module, each by the fused kernel or by the loop.

A layer is looped where something inside it is edited. What is only read inside follows from the hidden states of the
fused kernel (``gates``), or is looped where that is faster. ``hidden`` units held at constants need no loop either:
with their column of the recurrent matrix zero and its part added to the bias, the fused kernel computes everything
that follows from the held value.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.models.buffers import Buffers
from unitscope.models.edit import Bound
from unitscope.models.gates import Gates, GRUGates, LSTMGates, before, blocks
from unitscope.models.layout import State, Steps
from unitscope.models.prepared import Prepared
from unitscope.models.unroll import Cell, GRUCell, Held, LSTMCell, RNNCell, Weights, unroll

_FUSED: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "LSTM": torch.lstm,
    "GRU": torch.gru,
    "RNN_TANH": torch.rnn_tanh,
    "RNN_RELU": torch.rnn_relu,
}
_LOOPED: dict[str, Callable[..., Cell]] = {
    "LSTM": LSTMCell,
    "GRU": GRUCell,
    "RNN_TANH": RNNCell,
    "RNN_RELU": partial(RNNCell, squash=torch.relu_),
}
GATES: dict[str, type[Gates]] = {"LSTM": LSTMGates, "GRU": GRUGates}

Way = Literal["loop", "gates"]
"""How what is inside a layer is read: in a loop, or from the hidden states of the fused kernel."""
WIDE = 8192
"""Values of a stream in a step from which a loop is faster on a processor."""

Streams = dict[str, Float[Tensor, "row _"]]
"""Rows by stream: ``0_reverse.cell`` in a module, ``cell`` in one direction of one layer."""


def layer_names(module: nn.RNNBase, layer: int) -> list[str]:
    """The directions of a layer: ``1``, ``1_reverse``."""
    return [f"{layer}", f"{layer}_reverse"][: 1 + module.bidirectional]


def run_layers(
    module: nn.RNNBase,
    x: Steps,
    sizes: Sequence[int],
    initial: State,
    wanted: AbstractSet[str],
    held: Held,
    buffers: Buffers,
    prepared: Prepared,
    way: Way,
) -> tuple[Float[Tensor, "row out"], State, Streams]:
    """Output rows, last state ``[layer·direction batch unit]`` and the wanted streams.

    ``held`` are edits by stream. ``hidden`` and ``cell`` units at constants are held in the initial state too.
    """
    found: Streams = {}
    last: list[State] = []
    for layer in range(module.num_layers):
        directions = [
            _Direction(
                name,
                Weights.of(module, f"_l{name}"),
                tuple(part[len(last) + number] for part in initial),
                _streams_of(name, wanted),
                {stream: held[f"{name}.{stream}"] for stream in _streams_of(name, held)},
            )
            for number, name in enumerate(layer_names(module, layer))
        ]
        inside = module.mode not in GATES or any(direction.inside for direction in directions)
        if (way == "loop" and inside) or any(direction.edited for direction in directions):
            x, states, streams = _loop(module, x, sizes, directions, buffers, prepared)
        else:
            given = x
            x, states, streams = _fuse(module, given, sizes, directions)
            for direction, part in zip(directions, streams, strict=True):
                if direction.inside:
                    _read(module, given, sizes, direction, part, buffers, prepared)
        last += states
        found |= {
            f"{d.name}.{stream}": part[stream]
            for d, part in zip(directions, streams, strict=True)
            for stream in d.wanted
        }
    return x, tuple(torch.stack(parts) for parts in zip(*last, strict=True)), found


def faster(module: nn.RNNBase, x: Steps, sizes: Sequence[int]) -> Way:
    """The loop where steps are wide, so that a second product would cost more than it does."""
    wide = x.device.type == "cpu" and max(sizes) * module.hidden_size >= WIDE
    return "loop" if wide and module.mode in GATES else "gates"


def _streams_of(direction: str, names: Iterable[str]) -> set[str]:
    return {stream for place, _, stream in (name.partition(".") for name in names) if place == direction}


@dataclass(frozen=True)
class _Direction:
    name: str
    weights: Weights
    initial: State
    wanted: AbstractSet[str]
    held: Held

    @property
    def inside(self) -> AbstractSet[str]:
        """Streams that are requested and not given by the fused kernel."""
        return self.wanted - {"hidden"}

    @property
    def edited(self) -> bool:
        """Whether something is held that the fused kernel cannot hold."""
        constant = all(edit.constant for edit in self.held.get("hidden", ()))
        return bool(self.held.keys() - {"hidden"}) or not constant

    @property
    def held_initial(self) -> State:
        """The initial state, with units that are held at constants."""
        initial = tuple(part.clone() for part in self.initial)
        for stream, part in zip(("hidden", "cell"), initial, strict=False):
            for edit in self.held.get(stream, ()):
                if edit.constant:
                    edit.apply(part)
        return initial

    @property
    def constant(self) -> Bound | None:
        """Hidden units at constants as one edit; where a unit has two, the later."""
        edits = self.held.get("hidden")
        if not edits:
            return None
        values = {unit: value for edit in edits for unit, value in zip(edit.units.tolist(), edit.add, strict=True)}
        units = torch.tensor(list(values), device=edits[0].units.device)
        return Bound(edits[0].site, units, torch.stack(list(values.values())))


_Ran = tuple[Tensor, list[State], list[Streams]]
"""Output rows, and for each direction its last state and its streams."""


def _loop(
    module: nn.RNNBase,
    x: Tensor,
    sizes: Sequence[int],
    directions: Sequence[_Direction],
    buffers: Buffers,
    prepared: Prepared,
) -> _Ran:
    if not x.is_contiguous():  # a step whose rows lie far apart in memory is slow to read
        x = buffers.empty(tuple(x.shape), like=x).copy_(x)
    by_step = x.unbind() if x.dim() == 3 else x.split(list(sizes))
    states: list[State] = []
    streams: list[Streams] = []
    for direction in directions:
        initial = direction.held_initial
        kind = _LOOPED[module.mode]
        if direction.held:
            cell = kind(direction.weights, direction.held)
        else:
            cell = prepared.of(kind, direction.name, direction.weights)
        widths = dict.fromkeys(direction.wanted, module.hidden_size) | {"hidden": initial[0].shape[1]}
        kept = {stream: buffers.empty((sum(sizes), units), like=x) for stream, units in widths.items()}
        states.append(unroll(cell, by_step, initial, direction.name.endswith("_reverse"), kept))
        streams.append(kept)
    outputs = [kept["hidden"] for kept in streams]
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1), states, streams


def _read(
    module: nn.RNNBase,
    x: Tensor,
    sizes: Sequence[int],
    direction: _Direction,
    streams: Streams,
    buffers: Buffers,
    prepared: Prepared,
) -> None:
    """Add what is wanted inside one direction to its hidden states."""
    initial = direction.held_initial
    reverse = direction.name.endswith("_reverse")
    began = before(streams["hidden"], initial[0], sizes, reverse)

    def empty(units: int) -> Tensor:
        return buffers.empty((sum(sizes), units), like=x)

    kept = {stream: empty(module.hidden_size) for stream in sorted(direction.inside)}
    gates = prepared.of(GATES[module.mode], direction.name, direction.weights)
    gates.read(blocks(x, began, sizes), initial, sizes, reverse, kept, empty)
    streams |= kept


def _fuse(module: nn.RNNBase, x: Tensor, sizes: Sequence[int], directions: Sequence[_Direction]) -> _Ran:
    held = [direction.constant for direction in directions]
    parameters = [
        weight
        for direction, hidden in zip(directions, held, strict=True)
        for weight in (direction.weights.given(hidden) if hidden else direction.weights).flat()
    ]
    parts = [torch.stack(parts) for parts in zip(*(direction.initial for direction in directions), strict=True)]
    state = parts if len(parts) > 1 else parts[0]
    kernel = _FUSED[module.mode]
    if len(set(sizes)) == 1:
        by_step = x if x.dim() == 3 else x.unflatten(0, (len(sizes), sizes[0]))
        output, *last = kernel(by_step, state, parameters, True, 1, 0.0, False, module.bidirectional, False)
        output = output.flatten(0, 1)
    else:
        output, *last = kernel(x, torch.tensor(sizes), state, parameters, True, 1, 0.0, False, module.bidirectional)
    streams = [{"hidden": rows} for rows in output.chunk(len(directions), dim=1)]
    for number, hidden in enumerate(held):
        if hidden:
            hidden.apply(streams[number]["hidden"])
            hidden.apply(last[0][number])
    return output, list(zip(*last, strict=True)), streams
