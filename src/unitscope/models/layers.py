"""The stacked layers of a stock recurrent module, each by the fused kernel or by the loop.

A layer is looped only where something inside it is read or held. Held ``hidden`` units need no loop:
with their column of the recurrent matrix zero and its part added to the bias, the fused kernel
computes everything that follows from the held value.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.models.layout import State
from unitscope.models.unroll import GRUCell, Held, LSTMCell, Weights, unroll

_FUSED: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "LSTM": torch.lstm,
    "GRU": torch.gru,
    "RNN_TANH": torch.rnn_tanh,
    "RNN_RELU": torch.rnn_relu,
}
_LOOPED: dict[str, type[LSTMCell] | type[GRUCell]] = {"LSTM": LSTMCell, "GRU": GRUCell}

Streams = dict[str, Float[Tensor, "row _"]]
"""Rows by stream of one module: ``0_reverse.cell``."""


def layer_names(module: nn.RNNBase, layer: int) -> list[str]:
    """The directions of a layer: ``1``, ``1_reverse``."""
    return [f"{layer}", f"{layer}_reverse"][: 1 + module.bidirectional]


def run_layers(
    module: nn.RNNBase,
    x: Float[Tensor, "row in"],
    sizes: Sequence[int],
    initial: State,
    wanted: AbstractSet[str],
    held: Mapping[str, Held],
) -> tuple[Float[Tensor, "row out"], State, Streams]:
    """Output rows, last state ``[layer·direction batch unit]`` and the wanted streams.

    Held values of ``hidden`` and ``cell`` are held in the initial state too.
    """
    streams: Streams = {}
    last: list[State] = []
    for layer in range(module.num_layers):
        directions = [
            _Direction(
                name,
                Weights.of(module, f"_l{name}"),
                tuple(part[len(last) + number] for part in initial),
                {stream.removeprefix(f"{name}."): h for stream, h in held.items() if stream.startswith(f"{name}.")},
            )
            for number, name in enumerate(layer_names(module, layer))
        ]
        inside = {stream for stream in {*wanted, *held} if not stream.endswith(".hidden")}
        run = _loop if any(s.startswith(f"{d.name}.") for d in directions for s in inside) else _fuse
        x, states, found = run(module, x, sizes, directions)
        streams |= {name: rows for name, rows in found.items() if name in wanted}
        last += states
    return x, tuple(torch.stack(parts) for parts in zip(*last, strict=True)), streams


@dataclasses.dataclass(frozen=True)
class _Direction:
    name: str
    weights: Weights
    initial: State
    held: Mapping[str, Held]


_Ran = tuple[Tensor, list[State], Streams]


def _loop(module: nn.RNNBase, x: Tensor, sizes: Sequence[int], directions: Sequence[_Direction]) -> _Ran:
    streams: Streams = {}
    states = []
    for direction in directions:
        cell = _LOOPED[module.mode](x.shape[0], direction.weights, direction.held)
        initial = tuple(part.clone() for part in direction.initial)
        for stream, part in zip(("hidden", "cell"), initial, strict=False):
            if stream in direction.held:
                direction.held[stream].apply(part)
        states.append(unroll(cell, x, sizes, initial, reverse=direction.name.endswith("_reverse")))
        streams |= {f"{direction.name}.{stream}": rows for stream, rows in cell.streams.items()}
    return _joined(directions, streams), states, streams


def _fuse(module: nn.RNNBase, x: Tensor, sizes: Sequence[int], directions: Sequence[_Direction]) -> _Ran:
    parameters = []
    for direction in directions:
        weights = direction.weights
        if "hidden" in direction.held:
            weights = weights.given(direction.held["hidden"])
        parameters += weights.flat()
    parts = tuple(torch.stack(parts) for parts in zip(*(d.initial for d in directions), strict=True))
    state = parts if len(parts) > 1 else parts[0]
    kernel = _FUSED[module.mode]
    if len(set(sizes)) == 1:
        by_step = x.unflatten(0, (len(sizes), sizes[0]))
        output, *last = kernel(by_step, state, parameters, True, 1, 0.0, False, module.bidirectional, False)
        output = output.flatten(0, 1)
    else:
        output, *last = kernel(x, torch.tensor(sizes), state, parameters, True, 1, 0.0, False, module.bidirectional)
    streams = {}
    for number, (direction, rows) in enumerate(zip(directions, output.chunk(len(directions), 1), strict=True)):
        if "hidden" in direction.held:
            direction.held["hidden"].apply(rows)
            direction.held["hidden"].apply(last[0][number])
        streams[f"{direction.name}.hidden"] = rows
    return output, list(zip(*last, strict=True)), streams


def _joined(directions: Sequence[_Direction], streams: Streams) -> Tensor:
    outputs = [streams[f"{direction.name}.hidden"] for direction in directions]
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)
