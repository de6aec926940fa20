"""Streams inside the recurrent layer of a decoder, which runs one step at a time.

Plain runs use PyTorch's own cell. Its gates are recomputed afterwards, all steps at once, since what the layer read and
where each step began are known by then; the recomputed state must be the one that the cell gave. Where units
are edited the cell is replaced by the textbook's equations.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from unitscope.models.edit import Bound
from unitscope.models.parity import ParityError
from unitscope.models.unroll import Cell, GRUCell, Held, LSTMCell, Weights
from unitscope.networks.seq2seq.network import Decoded, Seq2SeqNet, State

Streams = dict[str, Float[Tensor, "batch step _"]]
BySteps = Callable[[Shaped[Tensor, "batch time ..."]], Shaped[Tensor, "batch step ..."]]
"""From the steps of a batch to those of its outputs."""

_TOLERANCE = 1e-5
"""One step in float32: rounding is some 1e-7, and more where weights are large."""


def recomputed(net: Seq2SeqNet, start: State, decoded: Decoded) -> Streams:
    """Every stream of the recurrent layer at every step, from what it read.

    Raises ``ParityError`` if the states are not those of the run.
    """
    rows = decoded.inputs.shape[:2]
    before = [
        torch.cat([first.unsqueeze(1), after[:, :-1]], dim=1).flatten(0, 1)
        for first, after in zip(start, decoded.states, strict=True)
    ]
    everything = slice(0, rows[0] * rows[1])
    found = {
        name: values.unflatten(0, rows)
        for name, values in _cell(net, {}).step(everything, decoded.inputs.flatten(0, 1), *before).items()
    }
    for name, after in zip(("hidden", "cell"), decoded.states, strict=False):
        difference = float((found[name] - after).abs().max())
        if not difference <= _TOLERANCE * max(1.0, float(after.abs().max())):
            raise ParityError(f"decoder.{name}: recomputing it differs by {difference:.1e} from what the decoder gave")
    return found


class Edited:
    """A decoder with edits inside. ``streams`` are what the layer did."""

    def __init__(self, net: Seq2SeqNet, edits: Mapping[str, Sequence[Bound]], by_steps: BySteps) -> None:
        self._edits = {name: [edit.over(by_steps) for edit in found] for name, found in edits.items()}
        self._cell = _cell(net, {name: [edit.over(_rows) for edit in found] for name, found in self._edits.items()})
        self._steps: list[dict[str, Tensor]] = []

    def started(self, state: State) -> State:
        """The first state, in which units held at constants have their values already."""
        parts = tuple(part.clone() for part in state)
        for name, part in zip(("hidden", "cell"), parts, strict=False):
            for edit in self._edits.get(name, ()):
                if edit.constant:
                    edit.apply(part)
        return parts

    def advance(self, step: int, x: Tensor, state: State) -> State:
        """The next state by the equations, edited."""
        streams = self._cell.step(slice(step * len(x), (step + 1) * len(x)), x, *state)
        self._steps.append({name: values.clone() for name, values in streams.items()})
        return tuple(streams[name] for name in ("hidden", "cell")[: len(state)])

    def seen(self, stream: str, step: int, values: Tensor) -> Tensor:
        """Attention or context, edited."""
        if stream in self._edits:
            values = values.clone()
            for edit in self._edits[stream]:
                edit.at((slice(None), step)).apply(values)
        return values

    @property
    def streams(self) -> Streams:
        return {name: torch.stack([step[name] for step in self._steps], dim=1) for name in self._steps[0]}


def _cell(net: Seq2SeqNet, held: Held) -> Cell:
    kind = LSTMCell if net.config.cell == "lstm" else GRUCell
    return cast(Cell, kind(Weights.of(net.decoder, "_l0"), held))


def _rows(values: Shaped[Tensor, "batch step ..."]) -> Shaped[Tensor, "row ..."]:
    """The sequences of step 0, then those of step 1."""
    return values.transpose(0, 1).flatten(0, 1)
