"""Convolutions over texts of different lengths: what stands after the end of a text changes nothing.

Everything is ``[batch channel time]``; a mask ``[batch 1 time]`` is 1 at the positions of a text and 0 after its end.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

Mask = Float[Tensor, "batch 1 time"]


def mask_of(lengths: Int[Tensor, " batch"], steps: int, like: Tensor) -> Mask:
    """The mask of texts of these lengths, in the precision of another tensor."""
    step = torch.arange(steps, device=lengths.device)
    return (step < lengths[:, None]).to(like.dtype).unsqueeze(1)


class MaskedConv1d(nn.Conv1d):
    """A convolution that reads zeros after the end of a text. ``causal``: it reads only the present and the past."""

    def __init__(
        self, channels: int, outputs: int, width: int, dilation: int = 1, *, causal: bool = False, bias: bool = True
    ) -> None:
        super().__init__(channels, outputs, width, dilation=dilation, bias=bias)
        reach = (width - 1) * dilation
        self.sides = (reach, 0) if causal else (reach // 2, reach - reach // 2)

    def forward(self, x: Float[Tensor, "batch channel time"], mask: Mask) -> Float[Tensor, "batch out time"]:  # type: ignore[override]
        return super().forward(F.pad(x * mask, self.sides))


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation whose mean and variance are those of the positions of the texts."""

    def forward(self, x: Float[Tensor, "batch channel time"], mask: Mask) -> Float[Tensor, "batch channel time"]:  # type: ignore[override]
        assert self.running_mean is not None
        assert self.running_var is not None
        mean, variance = self.running_mean, self.running_var
        if self.training:
            count = mask.sum().clamp(min=2)
            mean = (x * mask).sum((0, 2)) / count
            centred = (x - mean[:, None]) * mask
            variance = centred.square().sum((0, 2)) / count
            with torch.no_grad():
                share = 0.1 if self.momentum is None else self.momentum
                self.running_mean.lerp_(mean, share)
                self.running_var.lerp_(variance * count / (count - 1), share)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return x * scale[:, None] + (self.bias - mean * scale)[:, None]


def halved(x: Float[Tensor, "batch channel time"], mask: Mask) -> tuple[Tensor, Tensor]:
    """The largest of three neighbours at every second position, and the mask of what is left of each text."""
    lowest = torch.finfo(x.dtype).min
    pooled = F.max_pool1d(x.masked_fill(mask == 0, lowest), 3, stride=2, padding=1)
    rest = mask[:, :, ::2]
    return pooled * rest, rest


def mean_of(x: Float[Tensor, "batch channel time"], mask: Mask) -> Float[Tensor, "batch channel"]:
    """The mean over the positions of each text."""
    return (x * mask).sum(2) / mask.sum(2).clamp(min=1)


def largest_of(x: Float[Tensor, "batch channel time"], mask: Mask, k: int) -> Float[Tensor, "batch channel _"]:
    """The k largest values of each channel in the order of the text; zeros where a text has fewer positions."""
    short = max(0, k - x.shape[2])
    x, mask = F.pad(x, (0, short)), F.pad(mask, (0, short))
    places = x.masked_fill(mask == 0, torch.finfo(x.dtype).min).topk(k, 2).indices.sort(2).values
    return (x * mask).gather(2, places)
