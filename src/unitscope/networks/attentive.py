"""A translator of characters by convolutions that looks at its sentence: ByteNet's blocks, with attention between.

Where ByteNet's decoder sees position t of the unfolded sentence when it writes symbol t, this one attends (Gehring et
al. 2017, arXiv 1705.03122; Vaswani et al. 2017, arXiv 1706.03762). Each head has a fixed prior over places: a bell
around the place that is as far into the sentence as the symbol is into the translation, narrow for the first head and
flat for the last. With it some minutes of one processor core suffice to align; without it alignment comes late.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.networks.blocks import Block, blocks, streams
from unitscope.networks.convolution import mask_of, masked
from unitscope.networks.places import sines
from unitscope.networks.translating import before, own_lengths


@dataclass(frozen=True)
class AttentiveConfig:
    """The architecture."""

    symbols: int
    targets: int
    """Symbols of the translation."""
    end: int
    """The symbol after the end of a sentence."""
    target_end: int
    channels: int = 128
    """Inside a block; the residual stream, whose channels are the units, is twice as wide."""
    encoder_dilations: tuple[int, ...] = (1, 2, 4, 8) * 2
    decoder_dilations: tuple[int, ...] = (1, 2, 4) * 2
    encoder_width: int = 5
    decoder_width: int = 3
    looks: tuple[int, ...] = (2, 4)
    """The blocks of the decoder, from 0, after which it attends to the sentence."""
    reach: tuple[float, ...] = (6.0, 12.0, 24.0, 1e4)
    """Widths of the heads' priors, in symbols of the sentence."""
    stretch: float = 1.17
    """Length of a translation over its sentence's."""
    dropout: float = 0.1
    """Share of the channels of a block that are dropped while training."""

    def __post_init__(self) -> None:
        sizes = (self.symbols, self.targets, self.channels, *self.encoder_dilations, *self.decoder_dilations)
        if min(sizes) < 1 or min(self.stretch, *self.reach) <= 0:
            raise InputError(f"a translator needs symbols, channels, dilations and a stretch above 0, not {self}")
        if not self.looks or not set(self.looks) <= set(range(len(self.decoder_dilations))):
            raise InputError(f"attention stands after blocks of the decoder, from 0; there are none {self.looks}")
        if 2 * self.channels % (2 * len(self.reach)):
            raise InputError(f"{2 * self.channels} channels cannot be shared among {len(self.reach)} heads")


SIZES: dict[str, dict[str, object]] = {
    "full": {"channels": 256, "encoder_dilations": (1, 2, 4, 8, 16) * 3, "decoder_dilations": (1, 2, 4, 8) * 3},
    "small": {},
    "tiny": {"channels": 8, "encoder_dilations": (1, 2), "decoder_dilations": (1, 2), "looks": (1,)},
}
"""What differs from the small size."""


class Attention(nn.Module):
    """Each symbol of the translation looks at the sentence, by as many heads as there are priors."""

    def __init__(self, width: int, reach: tuple[float, ...], stretch: float) -> None:
        super().__init__()
        self.reach, self.stretch = reach, stretch
        self.norm = nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def keys(self, encoded: Float[Tensor, "batch place channel"]) -> tuple[Tensor, Tensor]:
        """Keys and values of the heads, each ``[batch head place value]``; they hang on the sentence alone."""
        return self._heads(self.key(encoded)), self._heads(self.value(encoded))

    def forward(
        self, x: Float[Tensor, "batch time channel"], keys: tuple[Tensor, Tensor], mask: Tensor | None, first: int = 0
    ) -> Float[Tensor, "batch time channel"]:
        """``x`` and what its positions, counted from ``first``, see; ``mask`` is that of the sentence's places."""
        bias = self._prior(x.shape[1], keys[0].shape[2], first, x)
        if mask is not None:
            bias = bias + (mask[:, None, None, :, 0] - 1) * 1e9
        query: Tensor = self._heads(self.query(self.norm(x)))
        # Not the fused kernel: with a bias its gradient is several times as slow on a CPU.
        scores = query @ keys[0].transpose(2, 3) / query.shape[3] ** 0.5  # [batch head time place]
        seen: Tensor = torch.softmax(scores.float() + bias, 3).to(query.dtype) @ keys[1]
        added: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return x + added

    def _heads(self, values: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch head time value"]:
        shared: Tensor = values.unflatten(2, (len(self.reach), -1))  # [batch time head value]
        return shared.transpose(1, 2)

    def _prior(self, steps: int, places: int, first: int, like: Tensor) -> Float[Tensor, "1 head time place"]:
        """−(i − j / stretch)² / 2 w² for place i and symbol j."""
        symbol = torch.arange(first, first + steps, device=like.device, dtype=torch.float32) / self.stretch
        away = torch.arange(places, device=like.device) - symbol[:, None]  # [time place]
        width = torch.tensor(self.reach, device=like.device)[:, None, None]
        prior: Tensor = -away.square() / (2 * width**2)
        return prior.unsqueeze(0)


class AttentiveNet(nn.Module):
    """A sentence and the translation so far in, scores of the translation's next symbol out."""

    def __init__(self, config: AttentiveConfig) -> None:
        super().__init__()
        self.config = config
        width, drop = 2 * config.channels, config.dropout
        self.source = nn.Embedding(config.symbols, width)
        self.target = nn.Embedding(config.targets, width)
        self.encoder = blocks(config.channels, config.encoder_width, config.encoder_dilations, dropout=drop)
        self.decoder = blocks(
            config.channels, config.decoder_width, config.decoder_dilations, causal=True, dropout=drop
        )
        self.looks = nn.ModuleDict({str(n): Attention(width, config.reach, config.stretch) for n in config.looks})
        self.encoded = nn.LayerNorm(width)
        self.norm = nn.LayerNorm(width)
        self.readout = nn.Linear(width, config.targets)

    @property
    def target_end(self) -> int:
        return self.config.target_end

    def encode(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch place channel"]:
        """The encoder's last block, 0 after the ends of the sentences.

        A sentence ends at its first ``end``, or with ``lengths``; what stands after it changes nothing.
        """
        return self._read(tokens, lengths)[0]

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        lengths: Int[Tensor, " batch"],
        targets: Int[Tensor, "batch steps"],
    ) -> Float[Tensor, "batch steps symbol"]:
        """Scores of each symbol of the translation, which is given (−1 after its end)."""
        encoded, mask = self._read(tokens, lengths)
        keys = self._keys(encoded)
        x = self._embedded(before(targets, self.target_end))
        for number, block in enumerate(self.decoder):
            x = block(x)
            if str(number) in keys:
                x = self.looks[str(number)](x, keys[str(number)], mask)
        return self._scores(x)

    def begin(self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]) -> "_Writer":
        """Read the sentences; the rest is written step by step."""
        encoded, mask = self._read(tokens, lengths)
        return _Writer(self, self._keys(encoded), mask, len(tokens))

    def streams(self) -> dict[str, tuple[int, int]]:
        """The modules whose outputs are ``[batch time channel]``: their units, and the tokens of a position."""
        looks = {f"looks.{number}": (2 * self.config.channels, 1) for number in self.looks}
        return {**streams("encoder", self.encoder), **streams("decoder", self.decoder), **looks}

    def _read(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch place channel"], Tensor | None]:
        tokens, own = own_lengths(tokens, lengths, self.config.end)
        places = torch.arange(tokens.shape[1], device=tokens.device, dtype=torch.float32)
        x: Tensor = self.source(tokens)
        x = x + sines(places, x.shape[2])
        mask = mask_of(own.clamp(min=1), tokens.shape[1], x)
        for block in self.encoder:
            x = block(x, mask)
        return masked(x, mask), mask

    def _keys(self, encoded: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        read = self.encoded(encoded)
        return {number: look.keys(read) for number, look in self.looks.items()}  # type: ignore[operator]

    def _embedded(self, written: Int[Tensor, "batch time"], first: int = 0) -> Float[Tensor, "batch time channel"]:
        symbol = torch.arange(first, first + written.shape[1], device=written.device, dtype=torch.float32)
        x: Tensor = self.target(written)
        return x + sines(symbol / self.config.stretch, x.shape[2])

    def _scores(self, x: Tensor) -> Tensor:
        scores: Tensor = self.readout(torch.relu(self.norm(x)))
        return scores


class _Writer:
    """A decoder that keeps what its convolutions have read, and the sentence's keys."""

    def __init__(
        self, net: AttentiveNet, keys: dict[str, tuple[Tensor, Tensor]], mask: Tensor | None, rows: int
    ) -> None:
        self._net, self._keys, self._mask, self._place = net, keys, mask, 0
        self._kept = [block.conv.kept(rows) for block in net.decoder]  # type: ignore[union-attr, operator]

    def step(self, symbols: Int[Tensor, " batch"]) -> Float[Tensor, "batch symbol"]:
        """Scores of the next symbol after those so far and this one."""
        net = self._net
        x = net._embedded(symbols[:, None], self._place)
        for number, block in enumerate(net.decoder):
            assert isinstance(block, Block)
            x, self._kept[number] = block.step(x, self._kept[number])
            if str(number) in self._keys:
                x = net.looks[str(number)](x, self._keys[str(number)], self._mask, self._place)
        self._place += 1
        return net._scores(x)[:, 0]
