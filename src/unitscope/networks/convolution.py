"""Convolutions over texts of different lengths: what stands after the end of a text changes nothing.

Everything is ``[batch time channel]``, so that a convolution is one matrix product of shifted copies and a norm over
channels needs no transposition; on a CPU that is up to twice as fast as ``[batch channel time]``, and more in bfloat16.
A mask ``[batch time 1]`` is 1 at the positions of a text and 0 after its end; None where no text is padded.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

Mask = Float[Tensor, "batch time 1"]


def mask_of(lengths: Int[Tensor, " batch"], steps: int, like: Tensor) -> Mask | None:
    """The mask of texts of these lengths, in the precision of another tensor; None where all fill the steps."""
    if bool((lengths >= steps).all()):
        return None
    step = torch.arange(steps, device=lengths.device)
    return (step < lengths[:, None]).to(like.dtype).unsqueeze(2)


def masked(x: Float[Tensor, "batch time channel"], mask: Mask | None) -> Float[Tensor, "batch time channel"]:
    """Zeros after the end of each text."""
    return x if mask is None else x * mask.to(x.dtype)


class Convolution(nn.Module):
    """A convolution that reads zeros before the beginning and after the end. ``causal``: it reads nothing to come."""

    def __init__(
        self, channels: int, outputs: int, width: int, dilation: int = 1, *, causal: bool = False, bias: bool = True
    ) -> None:
        super().__init__()
        self.channels, self.outputs, self.width, self.dilation = channels, outputs, width, dilation
        self.reach = (width - 1) * dilation
        """Positions between the first and the last that are read."""
        self.causal = causal
        self.weight = nn.Parameter(torch.empty(outputs, width, channels))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        bound = 1 / math.sqrt(width * channels)  # PyTorch's own rule
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self, x: Float[Tensor, "batch time channel"], mask: Mask | None = None
    ) -> Float[Tensor, "batch time out"]:
        x = masked(x, mask)
        if self.width > 1:
            before = self.reach if self.causal else self.reach // 2
            x = self._windows(F.pad(x, (0, 0, before, self.reach - before)))
        return F.linear(x, self.weight.flatten(1), self.bias)

    def kept(self, batch: int) -> Float[Tensor, "batch reach channel"]:
        """State of ``step`` before the beginning: zeros."""
        return self.weight.new_zeros(batch, self.reach, self.channels)

    def step(
        self, x: Float[Tensor, "batch 1 channel"], kept: Float[Tensor, "batch reach channel"]
    ) -> tuple[Float[Tensor, "batch 1 out"], Float[Tensor, "batch reach channel"]]:
        """One position of a causal convolution, after what it has kept of those before; and what to keep then."""
        read = torch.cat([kept, x], 1)  # [batch, reach + 1, channel]
        return F.linear(self._windows(read), self.weight.flatten(1), self.bias), read[:, 1:]

    def _windows(self, padded: Float[Tensor, "batch wide channel"]) -> Float[Tensor, "batch time many"]:
        """Inputs of each position, end to end."""
        steps = padded.shape[1] - self.reach
        starts = range(0, self.reach + 1, self.dilation)
        return torch.cat([padded[:, start : start + steps] for start in starts], 2)


class ChannelDropout(nn.Module):
    """Whole channels of a text are dropped while training. Masks of single values would cost a tenth of a step."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time channel"]:
        if not self.training or not self.share:
            return x
        kept = torch.rand(x.shape[0], 1, x.shape[2], device=x.device) >= self.share
        return x * (kept.to(x.dtype) / (1 - self.share))


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation whose mean and variance are those of the positions of the texts."""

    def forward(self, x: Float[Tensor, "batch time channel"], mask: Mask | None) -> Tensor:  # type: ignore[override]
        assert self.running_mean is not None
        assert self.running_var is not None
        mean, variance = self.running_mean, self.running_var
        if self.training:
            x = x.float()
            inside = x.new_ones(*x.shape[:2], 1) if mask is None else mask.float()
            count = inside.sum().clamp(min=2)
            mean = masked(x, mask).sum((0, 1)) / count
            variance = (masked(x - mean, mask)).square().sum((0, 1)) / count
            with torch.no_grad():
                share = 0.1 if self.momentum is None else self.momentum
                self.running_mean.lerp_(mean, share)
                self.running_var.lerp_(variance * count / (count - 1), share)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return x * scale + (self.bias - mean * scale)


def halved(x: Float[Tensor, "batch time channel"], mask: Mask | None) -> tuple[Tensor, Tensor | None]:
    """The largest of three neighbours at every second position, and the mask of what is left of each text."""
    lowest = torch.finfo(x.dtype).min
    if mask is not None:
        x = x.masked_fill(mask == 0, lowest)
    steps = -(-x.shape[1] // 2)
    padded = F.pad(x, (0, 0, 1, 1), value=lowest)  # position t of the result reads 2t - 1, 2t and 2t + 1
    left, middle, right = (padded[:, start::2][:, :steps] for start in range(3))
    rest = None if mask is None else mask[:, ::2]
    return masked(torch.maximum(middle, torch.maximum(left, right)), rest), rest


def mean_of(x: Float[Tensor, "batch time channel"], mask: Mask | None) -> Float[Tensor, "batch channel"]:
    """The mean over the positions of each text."""
    return x.mean(1) if mask is None else masked(x, mask).sum(1) / mask.sum(1).clamp(min=1)


def largest_of(x: Float[Tensor, "batch time channel"], mask: Mask | None, k: int) -> Float[Tensor, "batch k channel"]:
    """The k largest values of each channel in the order of the text; zeros where a text has fewer positions."""
    short = max(0, k - x.shape[1])
    inside = x.new_ones(*x.shape[:2], 1) if mask is None else mask
    x, inside = F.pad(x, (0, 0, 0, short)), F.pad(inside, (0, 0, 0, short))
    places = x.masked_fill(inside == 0, torch.finfo(x.dtype).min).topk(k, 1).indices.sort(1).values
    return masked(x, inside).gather(1, places)
