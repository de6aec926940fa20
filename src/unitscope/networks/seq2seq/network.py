"""An encoder, a decoder, and attention between them.

The networks of Hupkes et al. 2018 (arXiv 1805.09657): embedding and one recurrent layer read the source; a second
one starts from the first's last state and writes, looking at the encoder's states before each step
(``pre-rnn``) or after it (``post-rnn``). With *full focus* all that the decoder reads is a gated context.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unitscope.errors import InputError
from unitscope.networks.seq2seq.attention import METHODS, Method, one_hot

Cell = Literal["lstm", "gru"]
Place = Literal["pre-rnn", "post-rnn"]
State = tuple[Tensor, ...]
"""``(hidden,)``, or for an LSTM ``(hidden, cell)``, each [batch unit]."""


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The architecture, and how fresh weights are drawn."""

    sources: int
    """Symbols that can be read."""
    symbols: int
    """Symbols that can be written."""
    cell: Cell = "gru"
    units: int = 128
    embedding: int = 16
    """Values of the embedding of a symbol that is read; that of a written one has ``units``."""
    attention: Place = "pre-rnn"
    method: Method = "mlp"
    full_focus: bool = True
    initial_range: float = 0.08
    """Weights are drawn uniformly between minus and plus this."""

    def __post_init__(self) -> None:
        for what, value, known in (
            ("cell", self.cell, get_args(Cell)),
            ("place of attention", self.attention, get_args(Place)),
            ("method of attention", self.method, get_args(Method)),
        ):
            if value not in known:
                raise InputError(f"no {what} is called {value!r}; there are: {', '.join(known)}")
        if min(self.sources, self.symbols, self.units, self.embedding) < 1:
            raise InputError("an encoder–decoder needs at least one symbol on each side, unit and embedded value")
        if self.full_focus and self.attention == "post-rnn":
            raise InputError("full focus gates what the decoder reads, so it goes with attention pre-rnn only")


@dataclass(frozen=True)
class Memory:
    """State that the encoder leaves for the decoder."""

    states: Float[Tensor, "batch place unit"]
    keys: Float[Tensor, "batch place key"]
    inside: Bool[Tensor, "batch place"]
    """True where the source has a symbol."""
    last: State


@dataclass(frozen=True)
class Decoded:
    """Every step of the decoder."""

    logits: Float[Tensor, "batch step symbol"]
    written: Int[Tensor, "batch step"]
    """The most probable symbols."""
    attention: Float[Tensor, "batch step place"]
    context: Float[Tensor, "batch step unit"]
    inputs: Float[Tensor, "batch step in"]
    """What the recurrent layer read."""
    states: State
    """After each step, each [batch step unit]."""


@runtime_checkable
class Inside(Protocol):
    """Interventions in a decoder while it runs; the network itself is the plain case."""

    def advance(self, step: int, x: Tensor, state: State) -> State:
        """The recurrent layer's next state."""
        ...

    def seen(self, stream: str, step: int, values: Tensor) -> Tensor:
        """Values used in place of the ``attention`` or the ``context``."""
        ...


class Seq2SeqNet(nn.Module):
    """``encoder`` and ``decoder`` are stock ``nn.GRU`` or ``nn.LSTM`` of one layer."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        self.config = config
        stock = {"lstm": nn.LSTM, "gru": nn.GRU}[config.cell]
        units = config.units
        self.read = nn.Embedding(config.sources, config.embedding)
        self.encoder: nn.RNNBase = stock(config.embedding, units, batch_first=True)
        self.feedback = nn.Embedding(config.symbols + 1, units)  # the last is the start
        if config.method != "hard":
            self.attend = METHODS[config.method](units)
        if config.full_focus:
            self.focus = nn.Linear(2 * units, units)
        width = 2 * units if config.attention == "pre-rnn" and not config.full_focus else units
        self.decoder: nn.RNNBase = stock(width, units, batch_first=True)
        self.readout = nn.Linear(units if config.attention == "pre-rnn" else 2 * units, config.symbols)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Fresh weights from torch's generator."""
        for weight in self.parameters():
            nn.init.uniform_(weight, -self.config.initial_range, self.config.initial_range)

    def encode(self, sources: Int[Tensor, "batch place"], lengths: Int[Tensor, " batch"]) -> Memory:
        """Read the sources. ``lengths`` are in symbols; what follows them is padding."""
        packed = pack_padded_sequence(self.read(sources), lengths.cpu(), batch_first=True, enforce_sorted=False)
        output, last = self.encoder(packed)
        states, _ = pad_packed_sequence(output, batch_first=True, total_length=sources.shape[1])
        inside = torch.arange(sources.shape[1], device=sources.device) < lengths[:, None]
        parts = last if self.config.cell == "lstm" else (last,)
        keys = states if self.config.method == "hard" else self.attend.keys(states)  # type: ignore[operator]
        return Memory(states, keys, inside, tuple(part.squeeze(0) for part in parts))

    def decode(
        self,
        memory: Memory,
        steps: int,
        fed: Int[Tensor, "batch step"] | None = None,
        attend: Int[Tensor, "batch step"] | None = None,
        inside: Inside | None = None,
        start: State | None = None,
    ) -> Decoded:
        """Write ``steps`` symbols. ``fed`` are read in place of what was written one step before (teacher forcing).

        Hard attention goes to ``attend``. Raises ``InputError`` where that is missing.
        """
        if self.config.method == "hard" and attend is None:
            raise InputError("hard attention goes where the data says, and these pairs have no places to attend to")
        run = inside or _Plain(self)
        state = start or memory.last
        begin = torch.full_like(memory.inside[:, 0], self.config.symbols, dtype=torch.long)
        fed_before = None if fed is None else torch.cat([begin[:, None], fed[:, :-1].clamp(min=0)], dim=1)
        masked = None if bool(memory.inside.all()) else ~memory.inside
        # The part of the focus that hangs on the symbol alone, once for all symbols.
        from_symbol = self._from_symbol()
        kept: list[tuple[Tensor, ...]] = []
        states: list[State] = []
        written = begin
        for step in range(steps):
            symbol = written if fed_before is None else fed_before[:, step]
            given = None if attend is None else attend[:, step]
            if self.config.attention == "pre-rnn":
                weights, context = self._look(memory, state[0], masked, given, run, step)
                x = self._input(context, from_symbol[symbol])
                state = run.advance(step, x, state)
                logits = self.readout(state[0])
            else:
                x = from_symbol[symbol]
                state = run.advance(step, x, state)
                weights, context = self._look(memory, state[0], masked, given, run, step)
                logits = self.readout(torch.cat([context, state[0]], dim=1))
            written = logits.detach().argmax(1)
            kept.append((logits, written, weights, context, x))
            states.append(state)
        logits, written, weights, context, x = (torch.stack(parts, dim=1) for parts in zip(*kept, strict=True))
        return Decoded(logits, written, weights, context, x, _stacked(states))

    def forward(
        self,
        sources: Int[Tensor, "batch place"],
        lengths: Int[Tensor, " batch"],
        steps: int,
        fed: Int[Tensor, "batch step"] | None = None,
        attend: Int[Tensor, "batch step"] | None = None,
    ) -> Decoded:
        """Read, then write."""
        return self.decode(self.encode(sources, lengths), steps, fed, attend)

    def advance(self, x: Float[Tensor, "batch in"], state: State) -> State:
        """One step of the decoder's recurrent layer by PyTorch's own cell."""
        layer = self.decoder
        weights = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
        if self.config.cell == "gru":
            return (torch.gru_cell(x, state[0], *weights),)  # type: ignore[arg-type]
        return tuple(torch.lstm_cell(x, state, *weights))  # type: ignore[arg-type]

    def _look(
        self,
        memory: Memory,
        query: Tensor,
        masked: Tensor | None,
        attend: Tensor | None,
        run: Inside,
        step: int,
    ) -> tuple[Float[Tensor, "batch place"], Float[Tensor, "batch unit"]]:
        """Attention and context."""
        if self.config.method == "hard":
            assert attend is not None
            weights = one_hot(attend, memory.inside, memory.states)
        else:
            scores = self.attend(memory.keys, query)
            weights = torch.softmax(scores if masked is None else scores.masked_fill(masked, -torch.inf), dim=1)
        weights = run.seen("attention", step, weights)
        context = torch.bmm(weights.unsqueeze(1), memory.states).squeeze(1)
        return weights, run.seen("context", step, context)

    def _from_symbol(self) -> Float[Tensor, "symbol unit"]:
        """Decoder input of each written symbol."""
        if not self.config.full_focus:
            return self.feedback.weight
        units = self.config.units
        return nn.functional.linear(self.feedback.weight, self.focus.weight[:, units:], self.focus.bias)

    def _input(self, context: Tensor, symbol: Tensor) -> Float[Tensor, "batch in"]:
        if not self.config.full_focus:
            return torch.cat([context, symbol], dim=1)
        gate = torch.relu(nn.functional.linear(context, self.focus.weight[:, : self.config.units]) + symbol)
        return context * gate


@dataclass(frozen=True)
class _Plain:
    net: Seq2SeqNet

    def advance(self, step: int, x: Tensor, state: State) -> State:
        return self.net.advance(x, state)

    def seen(self, stream: str, step: int, values: Tensor) -> Tensor:
        return values


def _stacked(states: Sequence[State]) -> State:
    return tuple(torch.stack(parts, dim=1) for parts in zip(*states, strict=True))
