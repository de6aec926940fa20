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
from unitscope.networks.masked import MaskedConv1d, mask_of


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
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    sets: int = 3
    """How often the dilations are gone through, in encoder and decoder each."""
    encoder_width: int = 5
    decoder_width: int = 3
    stretch: float = 1.2
    """Length of the unfolded sentence over the sentence's."""
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if min(self.symbols, self.targets, self.channels, self.sets, *self.dilations) < 1 or self.stretch < 1:
            raise InputError(f"a translator needs symbols, channels, dilations and a stretch of 1 at least, not {self}")


SIZES: dict[str, dict[str, object]] = {
    "full": {},
    "small": {"channels": 64, "sets": 1, "dropout": 0.1},
    "tiny": {"channels": 8, "sets": 1, "dilations": (1, 2)},
}
"""What differs from the full size."""


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each position."""

    def forward(self, x: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch channel time"]:
        normal: Tensor = super().forward(x.transpose(1, 2))
        return normal.transpose(1, 2)


class Block(nn.Module):
    """Narrow, convolve with a dilation, widen again; the input is added."""

    def __init__(self, config: ByteNetConfig, dilation: int, *, causal: bool) -> None:
        super().__init__()
        width = config.decoder_width if causal else config.encoder_width
        inner, outer = config.channels, 2 * config.channels
        self.norm1, self.narrow = ChannelNorm(outer), MaskedConv1d(outer, inner, 1)
        self.norm2, self.conv = ChannelNorm(inner), MaskedConv1d(inner, inner, width, dilation, causal=causal)
        self.norm3, self.widen = ChannelNorm(inner), MaskedConv1d(inner, outer, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "batch channel time"], mask: Tensor) -> Float[Tensor, "batch channel time"]:
        inside = self.narrow(torch.relu(self.norm1(x)), mask)
        inside = self.conv(torch.relu(self.norm2(inside)), mask)
        added: Tensor = self.dropout(self.widen(torch.relu(self.norm3(inside)), mask))
        return x + added


class ByteNet(nn.Module):
    """A sentence and the translation so far in, scores of the translation's next symbol out."""

    def __init__(self, config: ByteNetConfig) -> None:
        super().__init__()
        self.config = config
        width = 2 * config.channels
        dilations = config.dilations * config.sets
        self.source = nn.Embedding(config.symbols, width)
        self.target = nn.Embedding(config.targets, width)
        self.encoder = nn.ModuleList(Block(config, dilation, causal=False) for dilation in dilations)
        self.decoder = nn.ModuleList(Block(config, dilation, causal=True) for dilation in dilations)
        self.norm = ChannelNorm(width)
        self.readout = nn.Linear(width, config.targets)

    def encode(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch channel unfolded"]:
        """The encoder's last block over the unfolded sentences, 0 after their ends."""
        return _encode(self.config, self.source, self.encoder, tokens, lengths)

    def decode(
        self, encoded: Float[Tensor, "batch channel unfolded"], written: Int[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time symbol"]:
        """Scores of each next symbol, given the symbols before it; the first of ``written`` is ``target_end``."""
        steps = written.shape[1]
        x = self.target(written).transpose(1, 2)
        beyond = encoded.new_zeros(*encoded.shape[:2], max(0, steps - encoded.shape[2]))
        x = x + torch.cat([encoded, beyond], dim=2)[:, :, :steps]
        mask = x.new_ones(x.shape[0], 1, steps)  # the past holds no padding
        for block in self.decoder:
            x = block(x, mask)
        scores: Tensor = self.readout(torch.relu(self.norm(x)).transpose(1, 2))
        return scores

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        lengths: Int[Tensor, " batch"],
        targets: Int[Tensor, "batch steps"],
    ) -> Float[Tensor, "batch steps symbol"]:
        """Scores of each symbol of the translation, which is given (−1 after its end)."""
        end = self.config.target_end
        before = torch.where(targets < 0, end, targets)
        written = torch.cat([before.new_full((before.shape[0], 1), end), before[:, :-1]], dim=1)
        return self.decode(self.encode(tokens, lengths), written)

    @torch.inference_mode()
    def translate(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"], longest: float = 1.5
    ) -> list[list[int]]:
        """The likeliest symbol at each step until ``target_end``, for at most so many times the longest sentence."""
        encoded = self.encode(tokens, lengths)
        end, steps = self.config.target_end, int(longest * int(lengths.max())) + 1
        written = tokens.new_full((tokens.shape[0], 1), end)
        open_ = torch.ones(tokens.shape[0], dtype=torch.bool, device=tokens.device)
        # What is further back than the decoder reaches cannot matter.
        reach = 1 + self.config.sets * sum(self.config.dilations) * (self.config.decoder_width - 1)
        for step in range(steps):
            first = max(0, step + 1 - reach)
            seen = encoded[:, :, first : step + 1]
            if seen.shape[2] < step + 1 - first:
                seen = nn.functional.pad(seen, (0, step + 1 - first - seen.shape[2]))
            following = self.decode(seen, written[:, first:])[:, -1].argmax(1)
            open_ &= following != end
            written = torch.cat([written, torch.where(open_, following, end)[:, None]], dim=1)
            if not bool(open_.any()):
                break
        return [[symbol for symbol in row if symbol != end] for row in written.tolist()]

    def streams(self) -> dict[str, int]:
        """The modules whose outputs are ``[batch channel time]``, and how many tokens each position stands for."""
        return {**_streams("encoder", self.encoder), **_streams("decoder", self.decoder)}


class ByteNetEncoder(nn.Module):
    """The encoder of a translator alone, for sentences that have no translation. It shares the translator's weights."""

    def __init__(self, net: ByteNet) -> None:
        super().__init__()
        self.config, self.source, self.encoder = net.config, net.source, net.encoder

    def forward(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch channel unfolded"]:
        """Its last block over the unfolded sentences, 0 after their ends."""
        return _encode(self.config, self.source, self.encoder, tokens, lengths)

    def streams(self) -> dict[str, int]:
        """The modules whose outputs are ``[batch channel time]``, and how many tokens each position stands for."""
        return _streams("encoder", self.encoder)


def _encode(
    config: ByteNetConfig,
    embedding: nn.Embedding,
    blocks: nn.ModuleList,
    tokens: Int[Tensor, "batch time"],
    lengths: Int[Tensor, " batch"],
) -> Float[Tensor, "batch channel unfolded"]:
    """A sentence ends at its first ``end``, or with ``lengths``; what stands after it changes nothing."""
    step = torch.arange(tokens.shape[1], device=tokens.device)
    known = (tokens != config.end) & (step < lengths[:, None])
    own = known.cumprod(1).sum(1)
    unfolded = torch.ceil(own * config.stretch).long()
    steps = max(int(unfolded.max()), tokens.shape[1])
    padded = tokens.new_full((tokens.shape[0], steps), config.end)
    padded[:, : tokens.shape[1]] = torch.where(step < own[:, None], tokens, config.end)
    x: Tensor = embedding(padded).transpose(1, 2)  # [batch channel time]
    mask = mask_of(unfolded, steps, x)
    for block in blocks:
        x = block(x, mask)
    return x * mask


def _streams(part: str, blocks: nn.ModuleList) -> dict[str, int]:
    return {path: 1 for number, _ in enumerate(blocks) for path in (f"{part}.{number}.conv", f"{part}.{number}")}
