"""Values derived from a layer's weights, such as packed matrices, kept until a weight changes."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

from unitscope.models.unroll import Weights

Made = TypeVar("Made")


class Prepared:
    """Weights are compared value by value: whoever changes them in whatever way gets what follows from the new ones."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, str], tuple[list[Tensor], Any]] = {}

    def of(self, kind: Callable[[Weights], Made], name: str, weights: Weights) -> Made:
        """``kind(weights)``, for the direction of a layer that has this name."""
        now = [weight.detach() for weight in weights.flat()]
        known = self._made.get((kind, name))
        if known is None or not _same(known[0], now):
            known = [weight.clone() for weight in now], kind(weights)
            self._made[kind, name] = known
        made: Made = known[1]
        return made


def _same(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(
        (x.dtype, x.device) == (y.dtype, y.device) and torch.equal(x, y) for x, y in zip(a, b, strict=True)
    )
