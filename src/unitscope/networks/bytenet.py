"""ByteNet: translation of characters by convolutions alone, in time linear in the length.

Kalchbrenner, Espeholt, Simonyan, van den Oord, Graves & Kavukcuoglu 2016, "Neural Machine Translation in Linear Time"
(arXiv 1610.10099). An encoder of dilated residual blocks reads the sentence; a causal decoder stands on top of it and
writes symbol t while it looks at position t of the encoder. As translations differ in length, the sentence is first
unfolded to ``stretch`` of its length (dynamic unfolding); beyond that the decoder sees only what it has written.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.networks.blocks import Block, blocks, streams
from unitscope.networks.convolution import mask_of, masked
from unitscope.networks.translating import before, own_lengths


@dataclass(frozen=True)
class ByteNetConfig:
    """The architecture."""

    symbols: int
    targets: int
    """Symbols of the translation."""
    end: int
    """The symbol after the end of a sentence."""
    target_end: int
    channels: int = 512
    """Inside a block; the residual stream, whose channels are the units, is twice as wide."""
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16) * 3
    """Of the blocks of the encoder, and of those of the decoder."""
    encoder_width: int = 5
    decoder_width: int = 3
    stretch: float = 1.2
    """Length of the unfolded sentence over the sentence's."""
    dropout: float = 0.0
    """Share of the channels of a block that are dropped while training."""

    def __post_init__(self) -> None:
        if min(self.symbols, self.targets, self.channels, *self.dilations) < 1 or self.stretch < 1:
            raise InputError(f"a translator needs symbols, channels, dilations and a stretch of 1 at least, not {self}")


SIZES: dict[str, dict[str, object]] = {
    "full": {},
    "small": {"channels": 128, "dilations": (1, 2, 4, 8, 16), "dropout": 0.1},
    "tiny": {"channels": 8, "dilations": (1, 2)},
}
"""What differs from the full size."""


class ByteNet(nn.Module):
    """A sentence and the translation so far in, scores of the translation's next symbol out."""

    def __init__(self, config: ByteNetConfig) -> None:
        super().__init__()
        self.config = config
        width, drop = 2 * config.channels, config.dropout
        self.source = nn.Embedding(config.symbols, width)
        self.target = nn.Embedding(config.targets, width)
        self.encoder = blocks(config.channels, config.encoder_width, config.dilations, dropout=drop)
        self.decoder = blocks(config.channels, config.decoder_width, config.dilations, causal=True, dropout=drop)
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, config.targets)

    @property
    def target_end(self) -> int:
        return self.config.target_end

    def encode(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch unfolded channel"]:
        """The encoder's last block over the unfolded sentences, 0 after their ends.

        A sentence ends at its first ``end``, or with ``lengths``; what stands after it changes nothing.
        """
        tokens, own = own_lengths(tokens, lengths, self.config.end)
        unfolded = torch.ceil(own * self.config.stretch).long()
        steps = int(unfolded.max())
        padded = nn.functional.pad(tokens, (0, steps - tokens.shape[1]), value=self.config.end)
        x: Tensor = self.source(padded)  # [batch time channel]
        mask = mask_of(unfolded, steps, x)
        for block in self.encoder:
            x = block(x, mask)
        return masked(x, mask)

    def decode(
        self, encoded: Float[Tensor, "batch unfolded channel"], written: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time symbol"]:
        """Scores of each next symbol, given the symbols before it; the first of ``written`` is ``target_end``."""
        steps = written.shape[1]
        beyond = max(0, steps - encoded.shape[1])
        x = self.target(written) + nn.functional.pad(encoded, (0, 0, 0, beyond))[:, :steps]
        for block in self.decoder:
            x = block(x)
        scores: Tensor = self.readout(torch.relu(self.norm(x)))
        return scores

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        lengths: Int[Tensor, " batch"],
        targets: Int[Tensor, "batch steps"],
    ) -> Float[Tensor, "batch steps symbol"]:
        """Scores of each symbol of the translation, which is given (−1 after its end)."""
        return self.decode(self.encode(tokens, lengths), before(targets, self.target_end))

    def begin(self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]) -> "_Writer":
        """Read the sentences; the rest is written step by step."""
        return _Writer(self, self.encode(tokens, lengths))

    def streams(self) -> dict[str, tuple[int, int]]:
        """The modules whose outputs are ``[batch time channel]``: their units, and the tokens of a position."""
        return {**streams("encoder", self.encoder), **streams("decoder", self.decoder)}


class _Writer:
    """A decoder that keeps what its convolutions have read."""

    def __init__(self, net: ByteNet, encoded: Float[Tensor, "batch unfolded channel"]) -> None:
        self._net, self._encoded, self._place = net, encoded, 0
        self._kept = [block.conv.kept(len(encoded)) for block in net.decoder]  # type: ignore[union-attr, operator]

    def step(self, symbols: Int[Tensor, " batch"]) -> Float[Tensor, "batch symbol"]:
        """Scores of the next symbol after those so far and this one."""
        x = self._net.target(symbols[:, None])
        if self._place < self._encoded.shape[1]:
            x = x + self._encoded[:, self._place : self._place + 1]
        self._place += 1
        for number, block in enumerate(self._net.decoder):
            assert isinstance(block, Block)
            x, self._kept[number] = block.step(x, self._kept[number])
        scores: Tensor = self._net.readout(torch.relu(self._net.norm(x)))
        return scores[:, 0]
