"""Where a symbol stands, as values that a network can add to what the symbol is."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def sines(place: Float[Tensor, " time"], units: int) -> Float[Tensor, "time unit"]:
    """Sines and cosines of falling frequencies (Vaswani et al. 2017, arXiv 1706.03762); ``units`` are even."""
    rate = torch.exp(torch.arange(0, units, 2, device=place.device) * (-math.log(10_000.0) / units))
    angle = place[:, None] * rate
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=2).flatten(1)
