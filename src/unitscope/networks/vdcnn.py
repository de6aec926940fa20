"""A very deep convolutional network that classifies a text by its characters.

Conneau, Schwenk, Barrault & LeCun 2017, "Very Deep Convolutional Networks for Text Classification" (arXiv 1606.01781):
characters are embedded, convolutions of width 3 stand in residual blocks, four stages halve the time and double the
channels, the largest values of each channel go through dense layers. As in the network of Na, Choe, Lee & Kim 2019
(arXiv 1902.07249) a block's output is its rectified convolutions plus the shortcut, hence signed.
"""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.networks.convolution import Convolution, Mask, MaskedBatchNorm, halved, largest_of, mask_of, mean_of


@dataclass(frozen=True)
class VDCNNConfig:
    """The architecture."""

    symbols: int
    classes: int
    channels: tuple[int, ...] = (64, 128, 256, 512)
    """Of each stage; every further stage has half the time."""
    blocks: tuple[int, ...] = (1, 1, 1, 1)
    """Residual blocks of each stage, of two convolutions each; (1, 1, 1, 1) is depth 9."""
    embedding: int = 16
    largest: int = 8
    """Values of each channel that the dense layers read; 0 for their mean instead."""
    dense: tuple[int, ...] = (2048, 2048)
    dropout: float = 0.0
    """Share of the values dropped before each dense layer, while training."""

    def __post_init__(self) -> None:
        if len(self.channels) != len(self.blocks) or min((*self.channels, *self.blocks), default=0) < 1:
            raise InputError(f"each stage has channels and blocks, one at least, not {self.channels} and {self.blocks}")
        if self.symbols < 1 or self.classes < 2 or self.embedding < 1 or self.largest < 0:
            raise InputError(f"a classifier needs symbols and two classes at least, not {self}")


SIZES: dict[str, dict[str, object]] = {
    "full": {},
    "small": {"channels": (32, 64, 128, 256), "largest": 0, "dense": (), "dropout": 0.3},
    "tiny": {"channels": (8, 12), "blocks": (1, 1), "embedding": 8, "largest": 0, "dense": ()},
}
"""What differs from the full size."""


class Block(nn.Module):
    """Two convolutions, each normalised and rectified, and the shortcut around them."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = Convolution(channels, outputs, 3, bias=False)
        self.norm1 = MaskedBatchNorm(outputs)
        self.conv2 = Convolution(outputs, outputs, 3, bias=False)
        self.norm2 = MaskedBatchNorm(outputs)
        self.shortcut = Convolution(channels, outputs, 1, bias=False) if channels != outputs else None

    def forward(self, x: Float[Tensor, "batch time channel"], mask: Mask | None) -> Float[Tensor, "batch time out"]:
        inside = torch.relu(self.norm1(self.conv1(x, mask), mask))
        inside = torch.relu(self.norm2(self.conv2(inside, mask), mask))
        return inside + (x if self.shortcut is None else self.shortcut(x, mask))


class VDCNN(nn.Module):
    """Characters in, scores of the classes out."""

    def __init__(self, config: VDCNNConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.symbols, config.embedding)
        self.conv = Convolution(config.embedding, config.channels[0], 3)
        self.stages = nn.ModuleList()
        before = config.channels[0]
        for channels, blocks in zip(config.channels, config.blocks, strict=True):
            self.stages.append(nn.ModuleList(Block(before if n == 0 else channels, channels) for n in range(blocks)))
            before = channels
        widths = [before * (config.largest or 1), *config.dense]
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.dropout = nn.Dropout(config.dropout)
        self.readout = nn.Linear(widths[-1], config.classes)

    def forward(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch class"]:
        """Scores of the classes. ``lengths`` are tokens of each text; what follows them changes nothing."""
        x = self.embedding(tokens)  # [batch time channel]
        mask = mask_of(lengths, tokens.shape[1], x)
        x = self.conv(x, mask)
        for number, stage in enumerate(self.stages):
            if number:
                x, mask = halved(x, mask)
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, mask)
        k = self.config.largest
        x = largest_of(x, mask, k).flatten(1) if k else mean_of(x, mask)
        for layer in self.dense:
            x = torch.relu(layer(self.dropout(x)))
        scores: Tensor = self.readout(self.dropout(x))
        return scores

    def streams(self) -> dict[str, tuple[int, int]]:
        """The modules whose outputs are ``[batch time channel]``: their units, and the tokens of a position."""
        found = {"conv": (self.conv.outputs, 1)}
        for number, stage in enumerate(self.stages):
            assert isinstance(stage, nn.ModuleList)
            for place, block in enumerate(stage):
                assert isinstance(block, Block)
                path, units = f"stages.{number}.{place}", (block.conv2.outputs, 2**number)
                found |= {f"{path}.conv1": units, f"{path}.conv2": units, path: units}
        return found
