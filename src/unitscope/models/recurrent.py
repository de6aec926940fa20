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
from unitscope.models.buffers import Buffers
from unitscope.models.edit import Bound
from unitscope.models.layers import layer_names, run_layers
from unitscope.models.layout import Layout, State
from unitscope.models.parity import assert_parity
from unitscope.models.site import Kind, Site

_GATE = (0.0, 1.0)
_TANH = (-1.0, 1.0)
_ANY = (-math.inf, math.inf)

_RANGES = {
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
    """One stock recurrent module. Its sites are ``path.layer.stream`` and ``path.layer_reverse.stream``."""

    reads: ClassVar[tuple[type[nn.Module], ...]] = (nn.RNN, nn.LSTM, nn.GRU)

    def __init__(self, path: str, module: nn.RNNBase) -> None:
        self._path = path or type(module).__name__.lower()
        self._module = module
        self._checked = False
        self._buffers = Buffers()

    def sites(self) -> tuple[Site, ...]:
        """Every stream of every layer and direction."""
        projected = self._module.proj_size
        found = []
        for layer in range(self._module.num_layers):
            for name in layer_names(self._module, layer):
                for stream, (low, high) in _RANGES[self._module.mode].items():
                    units = self._module.hidden_size
                    if stream == "hidden" and projected:
                        units, low, high = projected, *_ANY
                    found.append(
                        Site(f"{self._path}.{name}.{stream}", units, low, high, kind=KINDS.get(stream, "gate"))
                    )
        return tuple(found)

    @contextmanager
    def reading(self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound]) -> Iterator[None]:
        """While open, each call of the module adds its streams, ``[batch time unit]``, to the lists by site name.

        The module's ``forward`` is replaced on this instance only, so its hooks run as ever.
        """
        prefix = f"{self._path}."
        wanted = {name.removeprefix(prefix): found for name, found in streams.items() if name.startswith(prefix)}
        held: dict[str, list[Bound]] = {}
        for edit in edits:
            if edit.site.startswith(prefix):
                held.setdefault(edit.site.removeprefix(prefix), []).append(edit)
        if not wanted and not held:
            yield
            return
        stock = self._module.forward
        own = self._module.__dict__.get("forward")
        self._module.__dict__["forward"] = self._forward(stock, wanted, held)
        try:
            yield
        finally:
            if own is None:
                del self._module.__dict__["forward"]
            else:
                self._module.__dict__["forward"] = own

    def _forward(
        self, stock: Callable[..., Any], wanted: Mapping[str, list[Tensor]], held: Mapping[str, list[Bound]]
    ) -> Callable[..., Any]:
        module = self._module
        done = 0  # steps of earlier calls: a layer may be called step by step
        top = {f"{name}.hidden": n for n, name in enumerate(layer_names(module, module.num_layers - 1))}

        def fused(input: Tensor | PackedSequence, hx: Any = None) -> Any:
            output, last = stock(input, hx)
            steps, layout = Layout.of(output, module.batch_first)
            parts = steps.chunk(len(top), dim=-1)
            for name, found in wanted.items():
                found.append(layout.by_sequence(self._copy(parts[top[name]])))
            return output, last

        def looped(input: Tensor | PackedSequence, hx: Any = None) -> Any:
            nonlocal done
            x, layout = Layout.of(input, module.batch_first)
            rows_held = {
                stream: [edit.over(partial(self._rows, layout, done)) for edit in edits]
                for stream, edits in held.items()
            }
            done += len(layout.sizes)
            state = self._initial(x, layout, hx)
            if not self._checked:
                assert_parity(self._path, module, stock, x, layout, state)
                self._checked = True
            rows, last, found = run_layers(module, x, layout.sizes, state, wanted.keys(), rows_held, self._buffers)
            for name, value in found.items():
                wanted[name].append(layout.by_sequence(self._copy(value) if name in top else value))
            last = layout.last_state(last)
            return layout.form(rows), last if module.mode == "LSTM" else last[0]

        return fused if wanted.keys() <= top.keys() and not held else looped

    def _copy(self, steps: Tensor) -> Tensor:
        """The output as it is now: what comes after the layer may work in place."""
        return self._buffers.empty(tuple(steps.shape), like=steps).copy_(steps)

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
            raise RuntimeError(f"{self._path}: expected initial states of shape {[*batch, '…']}")
        return state

    def _rows(self, layout: Layout, done: int, by_step: Tensor) -> Tensor:
        """What is told for each step ``[batch time …]``, as rows, for a call after so many steps."""
        stop = done + len(layout.sizes)
        if by_step.shape[0] != layout.sizes[0] or by_step.shape[1] < stop:
            raise InputError(
                f"{self._path} runs {stop} steps of {layout.sizes[0]} sequences where the batch has {by_step.shape[1]} "
                f"of {by_step.shape[0]}; only layers that run one step per token can be edited at chosen steps"
            )
        return layout.rows(by_step[:, done:stop])
