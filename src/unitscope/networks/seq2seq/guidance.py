"""The loss of a decoder, and attentive guidance.

Hupkes et al. 2018 (arXiv 1805.09657): while training, the attention is told where to look. Nothing is told afterwards.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

_LEAST = 1e-20
"""The smallest weight whose logarithm is taken."""


def task_loss(logits: Float[Tensor, "batch step symbol"], targets: Int[Tensor, "batch step"]) -> Float[Tensor, ""]:
    """Σ over steps of the mean over the batch of −log p(target); −1 is no target."""
    nats = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="none")
    return _summed(nats.view_as(targets), targets)


def guidance_loss(attention: Float[Tensor, "batch step place"], attend: Int[Tensor, "batch step"]) -> Float[Tensor, ""]:
    """Σ over steps of the mean over the batch of −log attention on the place to attend to; −1 is none."""
    weight = attention.gather(2, attend.clamp(min=0).unsqueeze(2)).squeeze(2)
    return _summed(-weight.clamp(min=_LEAST).log(), attend)


def _summed(costs: Float[Tensor, "batch step"], wanted: Int[Tensor, "batch step"]) -> Float[Tensor, ""]:
    known = wanted >= 0
    return (torch.where(known, costs, 0.0).sum(0) / known.sum(0).clamp(min=1)).sum()
