"""Small networks around a stock recurrent layer, and batches for them."""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.models.module import ModuleModel

SYMBOLS = 11


@dataclass(frozen=True)
class Kind:
    """One configuration of a stock recurrent layer."""

    cell: str
    layers: int = 1
    bidirectional: bool = False
    projection: int = 0
    batch_first: bool = True
    dtype: torch.dtype = torch.float32

    def __str__(self):
        parts = [
            self.cell,
            str(self.layers),
            "both" * self.bidirectional,
            f"proj{self.projection}" * bool(self.projection),
        ]
        return "-".join(filter(None, [*parts, "" if self.batch_first else "time", str(self.dtype)[6:]]))

    def layer(self, inputs, units):
        options = {"bidirectional": self.bidirectional, "batch_first": self.batch_first, "dtype": self.dtype}
        if self.projection:
            options["proj_size"] = self.projection
        if self.cell in ("tanh", "relu"):
            return nn.RNN(inputs, units, self.layers, nonlinearity=self.cell, **options)
        return {"lstm": nn.LSTM, "gru": nn.GRU}[self.cell](inputs, units, self.layers, **options)

    @property
    def tolerance(self):
        return 1e-12 if self.dtype == torch.float64 else 1e-6


KINDS = [
    Kind(cell, layers, bidirectional, projection, batch_first, dtype)
    for cell, layers, bidirectional, projection, batch_first, dtype in itertools.product(
        ("tanh", "relu", "lstm", "gru"), (1, 2, 3), (False, True), (0, 3), (True, False), (torch.float32, torch.float64)
    )
    if not projection or cell == "lstm"
]


class Tagger(nn.Module):
    """Embedding, recurrent layer, logits."""

    def __init__(self, kind: Kind, units: int = 7):
        super().__init__()
        self.kind = kind
        self.embedding = nn.Embedding(SYMBOLS, 5, dtype=kind.dtype)
        self.rnn = kind.layer(5, units)
        self.decoder = nn.Linear((kind.projection or units) * (1 + kind.bidirectional), SYMBOLS, dtype=kind.dtype)

    def embed(self, tokens: Tensor) -> Tensor:
        """In the order that the layer reads."""
        x = self.embedding(tokens)
        return x if self.kind.batch_first else x.transpose(0, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        output, _ = self.rnn(self.embed(tokens))
        return self.decoder(output if self.kind.batch_first else output.transpose(0, 1))


def tagger(kind: Kind, seed: int = 0, **options) -> Tagger:
    """A net whose weights are large enough that its units do something."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Tagger(kind, **options)
        with torch.no_grad():
            for weight in net.rnn.parameters():
                weight.mul_(2)
    return net


def tags(kind: Kind, **options) -> ModuleModel:
    """A net that is said to predict a tag for each token, whatever it sees."""
    return ModuleModel(tagger(kind), logits=lambda output: output, **options)


def batch(lengths, seed: int = 0) -> Batch:
    """Random tokens; each target is the next token, the last of a row has none."""
    generator = torch.Generator().manual_seed(seed)
    rows, steps = len(lengths), max(lengths)
    tokens = torch.randint(SYMBOLS, (rows, steps), generator=generator)
    ends = torch.tensor(lengths)
    targets = torch.full_like(tokens, -1)
    targets[:, :-1] = tokens[:, 1:]
    targets[torch.arange(steps) >= ends[:, None] - 1] = -1
    tokens[torch.arange(steps) >= ends[:, None]] = 0
    zero = torch.zeros(rows, dtype=torch.long)
    return Batch(tokens=tokens, targets=targets, context=zero, lengths=ends, sequence=torch.arange(rows))


def row(whole: Batch, number: int) -> Batch:
    """One row alone, without its padding."""
    part, end = slice(number, number + 1), int(whole.lengths[number])
    return Batch(
        tokens=whole.tokens[part, :end],
        targets=whole.targets[part, :end],
        context=whole.context[part],
        lengths=whole.lengths[part],
        sequence=whole.sequence[part],
    )
