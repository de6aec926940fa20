"""Reading and editing the units inside stock ``nn.RNN``, ``nn.LSTM`` and ``nn.GRU``.

Streams are called as PyTorch's documentation calls them. Two conventions to keep in mind: in a GRU an
update gate of 1 keeps the old state, and the reset gate acts after the recurrent product.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unitscope.errors import InputError
from unitscope.models.buffers import shared
from unitscope.models.edit import Bound
from unitscope.models.intercept import intercepted
from unitscope.models.layers import Way, faster, layer_names, run_layers
from unitscope.models.layout import Layout, State, Steps
from unitscope.models.parity import STEPS, ParityError, assert_parity
from unitscope.models.prepared import Prepared
from unitscope.models.rounds import Round, Rounds
from unitscope.models.site import Kind, Site

_GATE = (0.0, 1.0)
_TANH = (-1.0, 1.0)
_ANY = (-math.inf, math.inf)

RANGES = {
    "RNN_TANH": {"hidden": _TANH},
    "RNN_RELU": {"hidden": (0.0, math.inf)},
    "LSTM": {
        "input_gate": _GATE,
        "forget_gate": _GATE,
        "cell_gate": _TANH,
        "output_gate": _GATE,
        "cell": _ANY,
        "hidden": _TANH,
    },
    "GRU": {"reset_gate": _GATE, "update_gate": _GATE, "new_gate": _TANH, "hidden": _TANH},
}
"""Streams of each mode in the order of computation, with their smallest and largest value."""
KINDS: dict[str, Kind] = {"hidden": "state", "cell": "cell"}
"""What the units of a stream are; those of all others are gates."""


class RecurrentReader:
    """One stock recurrent module, or one of a class that calls the stock one.

    Its sites are ``path.layer.stream`` and ``path.layer_reverse.stream``. A module that goes through a sequence several
    times has so many ``rounds``, and those of the second are ``path#2.layer.stream``.
    """

    reads: ClassVar[tuple[type[nn.Module], ...]] = (nn.RNN, nn.LSTM, nn.GRU)

    def __init__(self, path: str, module: nn.RNNBase, rounds: Rounds = Rounds()) -> None:
        self._name = path or type(module).__name__.lower()
        self._module = module
        self._rounds = rounds
        self._kind = next(kind for kind in self.reads if isinstance(module, kind))
        self._checked = {"loop": 0, "gates": 0}  # steps over which what is read was compared with the module
        self._gates = True  # until they are found to differ
        self._prepared = Prepared()

    def of_rounds(self, rounds: Rounds) -> "RecurrentReader":
        """The same for a module that goes through each sequence several times."""
        return RecurrentReader(self._name, self._module, rounds)

    def sites(self) -> tuple[Site, ...]:
        """Every stream of every round, layer and direction."""
        projected = self._module.proj_size
        found = []
        for path in self._rounds.paths(self._name):
            for layer in range(self._module.num_layers):
                for name in layer_names(self._module, layer):
                    for stream, (low, high) in RANGES[self._module.mode].items():
                        units = self._module.hidden_size
                        if stream == "hidden" and projected:
                            units, low, high = projected, *_ANY
                        found.append(Site(f"{path}.{name}.{stream}", units, low, high, kind=KINDS.get(stream, "gate")))
        return tuple(found)

    @contextmanager
    def reading(self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound], steps: int) -> Iterator[None]:
        """While open, each call of the module adds its streams, ``[batch time unit]``, to the lists by site name.

        The module's ``forward`` is replaced on this instance only, so its hooks run as ever.
        """
        rounds = [Round.of(path, streams, edits) for path in self._rounds.paths(self._name)]
        if not any(there.wanted or there.held for there in rounds):
            yield
            return
        with intercepted(self._module, self._kind, partial(self._forward, rounds, steps)):
            yield

    def _forward(self, rounds: Sequence[Round], steps: int, stock: Callable[..., Any]) -> Callable[..., Any]:
        module = self._module
        top = {f"{name}.hidden": n for n, name in enumerate(layer_names(module, module.num_layers - 1))}
        done, number = 0, 0  # steps of earlier calls: a layer may be called step by step, and round by round

        def fused(here: Round, input: Tensor | PackedSequence, hx: Any) -> Any:
            output, last = stock(input, hx)
            rows, layout = Layout.of(output, module.batch_first)
            parts = rows.chunk(len(top), dim=-1)
            for name, found in here.wanted.items():
                found.append(layout.by_sequence(self._copy(parts[top[name]])))
            return output, last

        def looped(here: Round, input: Tensor | PackedSequence, hx: Any) -> Any:
            x, layout = Layout.of(input, module.batch_first)
            rows_held = {
                stream: [edit.over(partial(self._rows, layout, done)) for edit in edits]
                for stream, edits in here.held.items()
            }
            state = self._initial(x, layout, hx)
            way = self._proved(stock, x, layout, state, bool(here.held))
            rows, last, found = run_layers(
                module, x, layout.sizes, state, here.wanted.keys(), rows_held, shared(), self._prepared, way
            )
            for name, value in found.items():
                here.wanted[name].append(layout.by_sequence(self._copy(value) if name in top else value))
            last = layout.last_state(last)
            return layout.form(rows), last if module.mode == "LSTM" else last[0]

        def forward(input: Tensor | PackedSequence, hx: Any = None) -> Any:
            nonlocal done, number
            here = rounds[min(number, len(rounds) - 1)]
            inside = here.wanted.keys() - top.keys() or here.held
            given = (looped if inside else fused)(here, input, hx)
            done += steps_of(input, module)
            if len(rounds) > 1 and (done >= steps or isinstance(input, PackedSequence)):
                done, number = 0, number + 1
            return given

        return forward

    def _proved(self, stock: Callable[..., Any], x: Steps, layout: Layout, state: State, edited: bool) -> Way:
        """The way to read that is fast here, once it was compared with the module. Edits are made in loops as well."""
        way = faster(self._module, x, layout.sizes) if self._gates else "loop"
        steps = min(len(layout.sizes), STEPS)

        def prove(way: Way) -> None:
            if steps > self._checked[way]:
                assert_parity(self._name, self._module, stock, x, layout, state, way)
                self._checked[way] = steps

        if way == "gates":
            try:
                prove("gates")
            except ParityError:  # the loop may still be right; where it is not, that is said
                self._gates, way = False, "loop"
        if way == "loop" or edited:
            prove("loop")
        return way

    def _copy(self, steps: Tensor) -> Tensor:
        """The output as it is now: what comes after the layer may work in place."""
        return shared().empty(tuple(steps.shape), like=steps).copy_(steps)

    def _initial(self, x: Tensor, layout: Layout, hx: Any) -> State:
        """The given initial state, or zeros: ``[layer·direction batch unit]`` for hidden, then cell."""
        module = self._module
        if hx is not None:
            state = layout.given_state(hx if module.mode == "LSTM" else (hx,))
        else:
            count = module.num_layers * (1 + module.bidirectional)
            widths = [module.proj_size or module.hidden_size]
            if module.mode == "LSTM":
                widths.append(module.hidden_size)
            state = tuple(x.new_zeros(count, layout.sizes[0], width) for width in widths)
        batch = (module.num_layers * (1 + module.bidirectional), layout.sizes[0])
        if any(part.shape[:2] != batch for part in state):
            raise RuntimeError(f"{self._name}: expected initial states of shape {[*batch, '…']}")
        return state

    def _rows(self, layout: Layout, done: int, by_step: Tensor) -> Tensor:
        """Values for each step ``[batch time …]``, as rows, for a call after so many steps."""
        stop = done + len(layout.sizes)
        if by_step.shape[0] != layout.sizes[0] or by_step.shape[1] < stop:
            raise InputError(
                f"{self._name} runs {stop} steps of {layout.sizes[0]} sequences where the batch has {by_step.shape[1]} "
                f"of {by_step.shape[0]}; only layers that run one step per token can be edited at chosen steps"
            )
        return layout.rows(by_step[:, done:stop])


def steps_of(input: Tensor | PackedSequence, module: nn.RNNBase) -> int:
    """Number of steps of a call."""
    return len(Layout.of(input, module.batch_first)[1].sizes)
