"""Reading and editing the units inside stock ``nn.RNNCell``, ``nn.LSTMCell`` and ``nn.GRUCell``, in any loop.

A call is a step. What the cell gives is its own, unless it is edited: the gates are computed beside it, by the same
equations as those of layers, and once for each cell it is asserted that they make up its state.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.models.edit import Bound
from unitscope.models.intercept import intercepted
from unitscope.models.parity import ParityError
from unitscope.models.recurrent import KINDS, RANGES
from unitscope.models.rounds import Round, Rounds
from unitscope.models.site import Site
from unitscope.models.unroll import Cell, GRUCell, Held, LSTMCell, RNNCell, Weights

_STATE = ("hidden", "cell")


class CellReader:
    """One stock cell, or one of a class that calls the stock one. Its sites are ``path.stream``."""

    reads: ClassVar[tuple[type[nn.Module], ...]] = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)

    def __init__(self, path: str, module: nn.RNNCellBase, rounds: Rounds = Rounds()) -> None:
        self._name = path or type(module).__name__.lower()
        self._module = module
        self._rounds = rounds
        self._kind = next(kind for kind in self.reads if isinstance(module, kind))
        self._compared = False

    def of_rounds(self, rounds: Rounds) -> "CellReader":
        """The same for a cell that goes through each sequence several times."""
        return CellReader(self._name, self._module, rounds)

    def sites(self) -> tuple[Site, ...]:
        """Every stream of every round."""
        return tuple(
            Site(f"{path}.{stream}", self._module.hidden_size, low, high, kind=KINDS.get(stream, "gate"))
            for path in self._rounds.paths(self._name)
            for stream, (low, high) in RANGES[self._mode].items()
        )

    @property
    def _mode(self) -> str:
        if isinstance(self._module, nn.RNNCell):
            return f"RNN_{self._module.nonlinearity.upper()}"
        return "LSTM" if isinstance(self._module, nn.LSTMCell) else "GRU"

    def _equations(self, held: Held) -> Cell:
        weights = Weights.of(self._module, "")
        if isinstance(self._module, nn.RNNCell):
            return RNNCell(weights, held, torch.relu_ if self._mode == "RNN_RELU" else torch.tanh_)
        return LSTMCell(weights, held) if self._mode == "LSTM" else GRUCell(weights, held)

    @contextmanager
    def reading(self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound], steps: int) -> Iterator[None]:
        """While open, what each call gives is kept; afterwards it is added, ``[batch time unit]``, to the lists."""
        rounds = [Round.of(path, streams, edits) for path in self._rounds.paths(self._name)]
        if not any(there.wanted or there.held for there in rounds):
            yield
            return
        kept = [{stream: list[Tensor]() for stream in there.wanted} for there in rounds]
        with intercepted(self._module, self._kind, partial(self._forward, rounds, kept, steps)):
            yield
        for there, found in zip(rounds, kept, strict=True):
            for stream, values in found.items():
                if values:
                    there.wanted[stream].append(_by_step(values))

    def _forward(
        self,
        rounds: Sequence[Round],
        kept: Sequence[Mapping[str, list[Tensor]]],
        steps: int,
        stock: Callable[..., Any],
    ) -> Callable[..., Any]:
        equations: dict[int, Cell] = {}
        calls = 0

        def forward(input: Tensor, hx: Any = None) -> Any:
            nonlocal calls
            number, step = self._rounds.place(calls, steps)
            calls += 1
            here, found = rounds[number], kept[number]
            given = None if here.held else stock(input, hx)
            if here.held or found.keys() - set(_STATE):
                x, state = self._rows(input, hx)
                whole = _rows_told(here) or len(x)
                if number not in equations:
                    equations[number] = self._equations(self._held(here))
                if here.held and (len(x) > whole or step >= steps):
                    raise InputError(
                        f"{self._name} runs step {step + 1} of {len(x)} sequences where the batch has {steps} of "
                        f"{whole}; only cells that run one step per token can be edited"
                    )
                rows = slice(step * whole, step * whole + len(x))
                if here.held and step == 0:
                    state = _held_before(here.held, state)
                values = equations[number].step(rows, x, *state)
                if given is None:
                    given = self._returned(values, input)
                else:
                    self._compare(values, given)
            else:
                values = {}
            own = given if isinstance(given, tuple) else (given,)
            values |= {name: part.view(-1, part.shape[-1]).clone() for name, part in zip(_STATE, own, strict=False)}
            for stream, where in found.items():
                where.append(values[stream])
            return given

        return forward

    def _rows(self, input: Tensor, hx: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Input and state with a batch axis."""
        x = input.view(-1, input.shape[-1])
        if hx is None:
            none = x.new_zeros(len(x), self._module.hidden_size)
            return x, (none, none) if self._mode == "LSTM" else (none,)
        return x, tuple(part.reshape(len(x), -1) for part in (hx if self._mode == "LSTM" else (hx,)))

    def _returned(self, values: Mapping[str, Tensor], input: Tensor) -> Any:
        shape = (*input.shape[:-1], self._module.hidden_size)
        own = tuple(values[name].view(shape) for name in _STATE if name in values)
        return own if self._mode == "LSTM" else own[0]

    def _held(self, here: Round) -> dict[str, list[Bound]]:
        """The edits, told by step as rows end to end."""
        return {
            stream: [edit.over(lambda by_step: by_step.transpose(0, 1).flatten(0, 1)) for edit in edits]
            for stream, edits in here.held.items()
        }

    def _compare(self, values: Mapping[str, Tensor], given: Any) -> None:
        """Raises ``ParityError`` where the equations do not make up the cell's own state."""
        if self._compared:
            return
        for name, own in zip(_STATE, given if isinstance(given, tuple) else (given,), strict=False):
            difference = float((values[name] - own.view_as(values[name])).abs().max()) if own.numel() else 0.0
            largest = max(1.0, float(own.abs().max())) if own.numel() else 1.0
            if not difference <= 256 * torch.finfo(own.dtype).eps * largest:
                raise ParityError(
                    f"{self._name} ({type(self._module).__name__}, {own.dtype}): its gates do not make up its {name} "
                    f"(they are {difference:.1e} apart); is this a stock cell with finite weights?"
                )
        self._compared = True


def _rows_told(here: Round) -> int:
    """Number of rows for which the edits of a round differ; 0 where they are the same everywhere."""
    edits = [edit for edits in here.held.values() for edit in edits]
    by_step = [values for edit in edits for values in (edit.where, edit.add) if values is not None and values.dim() > 1]
    return max(map(len, by_step), default=0)


def _held_before(held: Mapping[str, Sequence[Bound]], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Units at constants have them in the initial state too."""
    own = tuple(part.clone() for part in state)
    for stream, part in zip(_STATE, own, strict=False):
        for edit in held.get(stream, ()):
            if edit.constant:
                edit.apply(part)
    return own


def _by_step(values: Sequence[Tensor]) -> Tensor:
    """``[batch time unit]`` of the steps; where some rows have ended, or not yet begun, they are zeros there."""
    most = max(len(rows) for rows in values)
    return torch.stack([F.pad(rows, (0, 0, 0, most - len(rows))) if len(rows) < most else rows for rows in values], 1)
