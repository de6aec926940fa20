"""Ways to train: that of a paper of 2015, the present one, and a constant rate.

Everything that is neither the network nor what it learns. ``update`` counts from 0 over all epochs.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn
from torch.optim import Adam, AdamW, Optimizer, RMSprop


@dataclass(frozen=True)
class Paper:
    """Karpathy, Johnson & Fei-Fei 2015 (arXiv 1506.02078), with the details of its code, char-rnn.

    RMSProp; each element of the gradient cut at ±5; after 10 epochs the rate falls by 5 % per epoch.
    The paper came before char-rnn's forget-gate bias of 1, so the bias is drawn like every weight.
    """

    epochs: int = 50
    rows: int = 100
    """Places of the text that are read at once."""
    steps: int = 100
    """Steps of truncated back-propagation."""
    rate: float = 2e-3
    """The largest learning rate."""
    initial_range: float | None = 0.08
    """Fresh weights are uniform between minus and plus this; None for PyTorch's own rule."""
    forget_bias: float = 0.0
    patience: int = 0
    """Epochs without a better validation loss before training stops; 0 for never."""

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return RMSprop(parameters, lr=self.rate, alpha=0.95)

    def rate_at(self, update: int, per_epoch: int) -> float:
        """The learning rate of an update."""
        return self.rate * 0.95 ** max(0, update // per_epoch - 9)

    def clip(self, parameters: Iterable[nn.Parameter]) -> None:
        """Bound the gradients, in place."""
        nn.utils.clip_grad_value_(parameters, 5.0)


@dataclass(frozen=True)
class Modern:
    """AdamW with warm-up and cosine decay, the norm of the gradient cut at 1, forget bias 1.

    Fewer rows than the paper: more updates in the same time, which counts most when a few minutes must do.
    """

    epochs: int = 5
    rows: int = 32
    steps: int = 128
    rate: float = 5e-3
    initial_range: float | None = None
    forget_bias: float = 1.0
    patience: int = 3

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return AdamW(parameters, lr=self.rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)

    def rate_at(self, update: int, per_epoch: int) -> float:
        updates = self.epochs * per_epoch
        warm_up = min(200, updates // 10 + 1)
        if update < warm_up:
            return self.rate * (update + 1) / warm_up
        done = (update - warm_up) / max(1, updates - warm_up)
        return self.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))

    def clip(self, parameters: Iterable[nn.Parameter]) -> None:
        nn.utils.clip_grad_norm_(parameters, 1.0)


@dataclass(frozen=True)
class Constant:
    """Adam at one rate, the norm of the gradient cut."""

    epochs: int = 10
    rate: float = 1e-3
    norm: float = 5.0
    patience: int = 0

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        return Adam(parameters, lr=self.rate, fused=True)

    def rate_at(self, update: int, per_epoch: int) -> float:
        """The learning rate of an update."""
        return self.rate

    def clip(self, parameters: Iterable[nn.Parameter]) -> None:
        """Bound the gradients, in place."""
        nn.utils.clip_grad_norm_(parameters, self.norm)


Recipe = Paper | Modern | Constant
RECIPES: dict[str, type[Paper] | type[Modern]] = {"paper": Paper, "modern": Modern}
"""Of language models."""
