"""Small classifiers of texts that are no convolutions: an LSTM or GRU, and a Transformer, over the same characters."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.networks.convolution import mask_of, mean_of
from unitscope.networks.places import sines

Kind = Literal["lstm", "gru", "transformer"]


@dataclass(frozen=True)
class SentenceConfig:
    """The architecture."""

    symbols: int
    classes: int
    kind: Kind = "lstm"
    layers: int = 2
    units: int = 256
    embedding: int = 32
    heads: int = 4
    """Of a Transformer."""
    dropout: float = 0.3
    """Share of the pooled values dropped before the readout, while training."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InputError(f"no classifier is called {self.kind!r}; there are: {', '.join(get_args(Kind))}")
        if min(self.symbols, self.layers, self.units, self.embedding) < 1 or self.classes < 2:
            raise InputError(f"a classifier needs symbols, layers, units and two classes at least, not {self}")
        if self.kind == "transformer" and (self.units % self.heads or self.units % 2):
            raise InputError(f"a Transformer's units are a multiple of its heads and of 2, not {self.units}")


SIZES: dict[str, dict[str, object]] = {
    "full": {},
    "small": {"units": 96},
    "tiny": {"units": 12, "embedding": 8, "layers": 1},
}
"""What differs from the full size."""


class RecurrentClassifier(nn.Module):
    """Characters through stock recurrent layers; the mean of the last layer over the text is read out."""

    def __init__(self, config: SentenceConfig) -> None:
        super().__init__()
        self.config = config
        stock = {"lstm": nn.LSTM, "gru": nn.GRU}[config.kind]
        self.embedding = nn.Embedding(config.symbols, config.embedding)
        self.rnn: nn.RNNBase = stock(config.embedding, config.units, config.layers, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.readout = nn.Linear(config.units, config.classes)

    def forward(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch class"]:
        """Scores of the classes."""
        hidden = self.rnn(self.embedding(tokens))[0]  # [batch time unit]
        pooled = mean_of(hidden, mask_of(lengths, tokens.shape[1], hidden))
        scores: Tensor = self.readout(self.dropout(pooled))
        return scores


class TransformerClassifier(nn.Module):
    """Characters with sines of their places through Transformer layers; the mean over the text is read out."""

    def __init__(self, config: SentenceConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.symbols, config.units)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.units, config.heads, 4 * config.units, dropout=0.1, batch_first=True, norm_first=True
            )
            for _ in range(config.layers)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.readout = nn.Linear(config.units, config.classes)

    def forward(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch class"]:
        """Scores of the classes."""
        place = torch.arange(tokens.shape[1], device=tokens.device, dtype=torch.float32)
        x = self.embedding(tokens) + sines(place, self.config.units)
        inside = mask_of(lengths, tokens.shape[1], x)
        mask = None if inside is None else inside[:, :, 0] == 0
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=mask)
        scores: Tensor = self.readout(self.dropout(mean_of(x, inside)))
        return scores


def sentence_net(config: SentenceConfig) -> nn.Module:
    """A fresh network of the configuration's kind."""
    return TransformerClassifier(config) if config.kind == "transformer" else RecurrentClassifier(config)
