"""Running a model again and again with other units of one site held, at the price of the fused kernels.

Holding units of a stock recurrent layer needs no loop over steps, whatever the stream:

- hidden: with their columns of the recurrent matrix zero and their part added to the bias, the fused kernel computes
  everything that follows, and what the next layer reads is overwritten
- a gate: with its rows of both matrices zero and its bias the inverse of what squashes it, it is the same at each step
- the cell: with the forget gate open and the input gate shut it stays what it was before the first step

What lies below the edited layer runs once (``below``). Where the edited layer reads few
different vectors, as many symbols as a text has, it reads their numbers instead, which makes the product with its
input matrix that much smaller.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.interventions.below import above
from unitscope.interventions.layers import find_layer
from unitscope.models.intercept import replaced
from unitscope.models.module import ModuleModel

Lesion = Callable[[Sequence[int], Sequence[float]], dict[str, Tensor]]
"""What the model gives with these units held at these values."""


@contextmanager
def lesions(model: ModuleModel, batch: Batch, site: str, read: Sequence[str]) -> Iterator[Lesion]:
    """While open, run a batch with units of one stream of a stock layer held; the model itself is never changed.

    Raises ``InputError`` for a layer or unit that does not exist.
    """
    model.sites()  # a model that is asked for the first time runs once to find out
    place, _, stream = site.rpartition(".")
    layer = find_layer(model, place)
    edited = _Split(layer.module, layer.number, layer.name, stream)

    def begin() -> None:
        edited.calls = 0

    with above(model, batch, site, read, begin) as run, replaced(layer.module, edited):

        def lesion(units: Sequence[int], values: Sequence[float]) -> dict[str, Tensor]:
            edited.hold(units, values)
            return run(())

        yield lesion


def holds(module: nn.RNNBase, stream: str, values: Tensor) -> bool:
    """Whether weights can hold units of a stream of a stock module at these values."""
    if stream in ("hidden", "cell"):
        return stream == "hidden" or module.mode == "LSTM"
    if stream not in _BLOCKS.get(module.mode, {}):
        return False
    low, high = (-1.0, 1.0) if stream in _TANH else (0.0, 1.0)
    return bool(((values >= low) & (values <= high)).all())


_BLOCKS: dict[str, dict[str, int]] = {
    "LSTM": {"input_gate": 0, "forget_gate": 1, "cell_gate": 2, "output_gate": 3},
    "GRU": {"reset_gate": 0, "update_gate": 1, "new_gate": 2},
}
"""Which block of rows of the weights each gate has."""
_TANH = ("cell_gate", "new_gate")
"""These are squashed by the tangent, the others by the logistic function."""
_SURE = {True: 20.0, False: 90.0}
"""What is squashed to 1 or −1 (the tangent), to 1 or 0 (the logistic function), in any precision."""


def _unsquashed(stream: str, values: Tensor) -> Tensor:
    """Values before the gate's function, the inverse of σ or tanh."""
    wide = values.double()
    found = wide.atanh() if stream in _TANH else wide.logit()
    sure = _SURE[stream in _TANH]
    return found.clamp(-sure, sure).to(values.dtype)


class _Split:
    """A stock module as its layers below the edited one, that one, and those above it."""

    def __init__(self, module: nn.RNNBase, layer: int, name: str, stream: str) -> None:
        self.below = _part(module, 0, layer)
        self.edited = cast(nn.RNNBase, _part(module, layer, layer + 1))
        self.above = _part(module, layer + 1, module.num_layers)
        self.directions = 1 + module.bidirectional
        self.suffix = "_l0_reverse" if name.endswith("_reverse") else "_l0"
        self.stream = stream
        self.width = (module.proj_size or module.hidden_size) if stream == "hidden" else module.hidden_size
        self.own = {
            name: getattr(self.edited, f"{name}{self.suffix}").detach().clone()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        }
        self.numbered: Tensor | None = None
        """The input matrix of the edited layer as it reads numbers."""
        self.units: Tensor | None = None
        self.values: Tensor | None = None
        self.calls = 0
        self.seen: list[tuple[Any, Any, Any]] = []
        """Input, output and last state of the layers below, for each call of a run."""
        self.symbols: tuple[nn.RNNBase, Any] | None = None
        """The edited layer as it reads the numbers of its few different inputs, and these, in the first call."""

    def hold(self, units: Sequence[int], values: Sequence[float]) -> None:
        for unit in units:
            if not 0 <= unit < self.width:
                raise InputError(f"the layer has no unit {unit}; its units are 0 to {self.width - 1}")
        state = self.own["weight_hh"]
        self.units = torch.tensor(list(units), dtype=torch.long, device=state.device)
        self.values = torch.tensor(list(values), dtype=state.dtype, device=state.device)
        with torch.inference_mode():
            for name, weights in self.own.items():
                getattr(self.edited, f"{name}{self.suffix}").copy_(weights)
            if self.symbols is not None and self.numbered is not None:
                getattr(self.symbols[0], f"weight_ih{self.suffix}").copy_(self.numbered)
            match self.stream:
                case "hidden":
                    getattr(self.edited, f"weight_hh{self.suffix}")[:, self.units] = 0
                    getattr(self.edited, f"bias_hh{self.suffix}").add_(state[:, self.units] @ self.values)
                case "cell":
                    for gate, value in (("input_gate", 0.0), ("forget_gate", 1.0)):
                        self._fix(gate, torch.full_like(self.values, value))
                case gate:
                    self._fix(gate, self.values)

    def _fix(self, gate: str, values: Tensor) -> None:
        """The held units' gate has these values at every step."""
        assert self.units is not None
        rows = _BLOCKS[self.edited.mode][gate] * self.edited.hidden_size + self.units
        layers = [self.edited] if self.symbols is None else [self.edited, self.symbols[0]]
        for weights in {getattr(part, f"{name}{self.suffix}") for part in layers for name in self.own}:
            weights[rows] = 0
        getattr(self.edited, f"bias_ih{self.suffix}")[rows] = _unsquashed(gate, values)

    def __call__(self, input: Any, hx: Any = None) -> Any:
        rows = (self.below.num_layers if self.below else 0) * self.directions
        x, last = self._below(input, _rows(hx, slice(0, rows)))
        edited = self.edited
        if self.calls == 1 and self.symbols is not None:
            edited, x = self.symbols
        y, middle = edited(x, self._begin(x, _rows(hx, slice(rows, rows + self.directions))))
        if self.units is not None and self.stream == "hidden":
            y, middle = self._held(y, middle)
        states = [last, middle]
        if self.above:
            y, top = self.above(y, _rows(hx, slice(rows + self.directions, None)))
            states.append(top)
        known = [state for state in states if state is not None]
        if isinstance(known[0], tuple):
            return y, tuple(torch.cat(parts) for parts in zip(*known, strict=True))
        return y, torch.cat(known)

    def _below(self, input: Any, hx: Any) -> tuple[Any, Any]:
        call, self.calls = self.calls, self.calls + 1
        if self.below is None:
            if call == 0 and not self.seen:
                self.seen.append((input, input, None))
                few = _by_number(self.edited, input)
                if few is not None:
                    self.symbols = few[:2]
                    self.numbered = self.own["weight_ih"] @ few[2].T
            return input, None
        # The first call cannot depend on what the module gave; a later one may, where a model feeds itself.
        if call < len(self.seen) and (call == 0 or _same(self.seen[call][0], input)):
            return self.seen[call][1:]
        output, last = self.below(input, hx)
        self.seen[call:] = [(input, output, last)]
        return output, last

    def _begin(self, x: Any, hx: Any) -> Any:
        """The state before the first step, with held cells in it."""
        if self.units is None or self.stream != "cell":
            return hx
        if hx is None:
            if isinstance(x, PackedSequence):
                rows, sequences = x.data, [int(x.batch_sizes[0])]
            else:
                rows, sequences = x, [x.shape[0 if self.edited.batch_first else 1]] if x.dim() == 3 else []
            wide = (self.edited.proj_size or self.edited.hidden_size, self.edited.hidden_size)
            hx = tuple(rows.new_zeros(self.directions, *sequences, units) for units in wide)
        hidden, cell = hx[0], hx[1].clone()
        cell[int(self.suffix.endswith("_reverse"))][..., self.units] = self.values
        return hidden, cell

    def _held(self, output: Any, last: Any) -> tuple[Any, Any]:
        assert self.units is not None
        assert self.values is not None
        reverse = self.suffix.endswith("_reverse")
        rows = output.data if isinstance(output, PackedSequence) else output  # its own, so it may be overwritten
        rows[..., self.units + reverse * self.width] = self.values
        hidden = last[0] if isinstance(last, tuple) else last
        hidden[int(reverse)][..., self.units] = self.values
        return output, last


def _part(module: nn.RNNBase, first: int, stop: int) -> nn.RNNBase | None:
    """Some layers of a stock module, with copies of its weights; None for none."""
    if first == stop:
        return None
    width = (module.proj_size or module.hidden_size) * (1 + module.bidirectional)
    settings: dict[str, Any] = {"nonlinearity": module.nonlinearity} if isinstance(module, nn.RNN) else {}
    if module.proj_size:
        settings["proj_size"] = module.proj_size
    weight = module.weight_hh_l0
    assert isinstance(weight, Tensor)
    part: nn.RNNBase = cast(Any, type(module))(
        width if first else module.input_size,
        module.hidden_size,
        num_layers=stop - first,
        batch_first=module.batch_first,
        bidirectional=module.bidirectional,
        device=weight.device,
        dtype=weight.dtype,
        **settings,
    )
    with torch.no_grad():
        for name, value in part.named_parameters():
            kind, _, place = name.rpartition("_l")
            number, *reverse = place.split("_")
            source = "_".join([f"{kind}_l{int(number) + first}", *reverse])
            value.copy_(getattr(module, source, torch.zeros_like(value)))  # a layer without biases has none
    return part.eval()


def _by_number(layer: nn.RNNBase, given: Any) -> tuple[nn.RNNBase, Any, Tensor] | None:
    """A layer that reads one of r numbers where this one reads one of r vectors, if that is much less work.

    And its input, and the vectors.
    """
    rows = (given.data if isinstance(given, PackedSequence) else given).detach()
    x = rows.flatten(0, -2)  # [row channel]
    # Equal rows have equal sums, and whether rows of equal sums are equal is looked at.
    sums = x.double() @ torch.arange(1.0, x.shape[1] + 1, dtype=torch.float64, device=x.device).sin()
    distinct, number = torch.unique(sums, return_inverse=True)
    if 2 * len(distinct) > x.shape[1]:
        return None
    vectors = x.new_empty(len(distinct), x.shape[1]).index_copy_(0, number, x)
    if not torch.equal(vectors[number], x):
        return None
    narrow: nn.RNNBase = cast(Any, copy.copy(layer))
    narrow._parameters = dict(layer._parameters)  # the held units' weights are one and the same
    narrow.input_size = len(distinct)
    for name in [name for name in layer._parameters if name.startswith("weight_ih")]:
        narrow._parameters[name] = nn.Parameter(getattr(layer, name).detach() @ vectors.T)
    narrow._flat_weights = [getattr(narrow, name) for name in narrow._flat_weights_names]
    numbers = nn.functional.one_hot(number, len(distinct)).to(x).view(*rows.shape[:-1], -1)
    return narrow, given._replace(data=numbers) if isinstance(given, PackedSequence) else numbers, vectors


def _rows(hx: Any, rows: slice) -> Any:
    if hx is None:
        return None
    return tuple(part[rows] for part in hx) if isinstance(hx, tuple) else hx[rows]


def _same(a: Any, b: Any) -> bool:
    a, b = (x.data if isinstance(x, PackedSequence) else x for x in (a, b))
    return a.shape == b.shape and bool(torch.equal(a, b))
