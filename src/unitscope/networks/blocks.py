"""Parts of the translators: residual blocks of dilated convolutions, all at once or one position at a time.

Kalchbrenner et al. 2016 (arXiv 1610.10099): narrow, convolve with a dilation, widen again; the input is added. Only
what the convolution reads hangs on other positions, so a block that writes step by step keeps that and nothing else.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.networks.convolution import ChannelDropout, Convolution, Mask

Kept = tuple[Tensor, ...]
"""What blocks keep between two steps, one tensor ``[batch reach channel]`` for each."""


class Block(nn.Module):
    """``channels`` inside, twice as many in the stream, whose channels are the units."""

    def __init__(self, channels: int, width: int, dilation: int, *, causal: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        inner, outer = channels, 2 * channels
        self.norm1, self.narrow = nn.LayerNorm(outer), Convolution(outer, inner, 1)
        self.norm2, self.conv = nn.LayerNorm(inner), Convolution(inner, inner, width, dilation, causal=causal)
        self.norm3, self.widen = nn.LayerNorm(inner), Convolution(inner, outer, 1)
        self.dropout = ChannelDropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch time channel"], mask: Mask | None = None
    ) -> Float[Tensor, "batch time channel"]:
        added: Tensor = self.dropout(self._after(self.conv(self._before(x), mask)))
        return x + added

    def step(
        self, x: Float[Tensor, "batch 1 channel"], kept: Tensor
    ) -> tuple[Float[Tensor, "batch 1 channel"], Tensor]:
        """One position, after what was kept of those before; and what to keep then."""
        inside, kept = self.conv.step(self._before(x), kept)
        return x + self._after(inside), kept

    def _before(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm2(self.narrow(torch.relu(self.norm1(x)))))

    def _after(self, inside: Tensor) -> Tensor:
        widened: Tensor = self.widen(torch.relu(self.norm3(inside)))
        return widened


def blocks(
    channels: int, width: int, dilations: Sequence[int], *, causal: bool = False, dropout: float = 0.0
) -> nn.ModuleList:
    """One block for each dilation."""
    return nn.ModuleList(Block(channels, width, each, causal=causal, dropout=dropout) for each in dilations)


def streams(part: str, found: nn.ModuleList) -> dict[str, tuple[int, int]]:
    """The modules of a list of blocks whose outputs are ``[batch time channel]``: units, and tokens of a position."""
    listed: dict[str, tuple[int, int]] = {}
    for number, block in enumerate(found):
        assert isinstance(block, Block)
        listed |= {f"{part}.{number}.conv": (block.conv.outputs, 1), f"{part}.{number}": (block.widen.outputs, 1)}
    return listed
