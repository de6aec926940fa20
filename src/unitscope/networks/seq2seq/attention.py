"""Scores of the places of the source for a query, in five ways.

The part that does not depend on the query is computed once for a source, as keys. Bahdanau, Cho & Bengio 2015
(arXiv 1409.0473) for ``mlp``; Luong, Pham & Manning 2015 (arXiv 1508.04025) for ``dot`` and ``general``.
"""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Method = Literal["dot", "general", "concat", "mlp", "hard"]


class Dot(nn.Module):
    """q·s."""

    def __init__(self, units: int) -> None:
        super().__init__()

    def keys(self, memory: Float[Tensor, "batch place unit"]) -> Float[Tensor, "batch place unit"]:
        return memory

    def forward(
        self, keys: Float[Tensor, "batch place key"], query: Float[Tensor, "batch unit"]
    ) -> Float[Tensor, "batch place"]:
        return torch.bmm(keys, query.unsqueeze(2)).squeeze(2)


class General(nn.Module):
    """q·W s."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.map = nn.Linear(units, units, bias=False)

    def keys(self, memory: Float[Tensor, "batch place unit"]) -> Float[Tensor, "batch place unit"]:
        keys: Tensor = self.map(memory)
        return keys

    def forward(
        self, keys: Float[Tensor, "batch place key"], query: Float[Tensor, "batch unit"]
    ) -> Float[Tensor, "batch place"]:
        return torch.bmm(keys, query.unsqueeze(2)).squeeze(2)


class Concat(nn.Module):
    """w·[s; q] + b. The query shifts all places alike, so the weights do not depend on it."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.of_memory = nn.Linear(units, 1)
        self.of_query = nn.Linear(units, 1, bias=False)

    def keys(self, memory: Float[Tensor, "batch place unit"]) -> Float[Tensor, "batch place 1"]:
        keys: Tensor = self.of_memory(memory)
        return keys

    def forward(
        self, keys: Float[Tensor, "batch place key"], query: Float[Tensor, "batch unit"]
    ) -> Float[Tensor, "batch place"]:
        scores: Tensor = keys.squeeze(2) + self.of_query(query)
        return scores


class Mlp(nn.Module):
    """v·ReLU(W [s; q] + b) + b'."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.of_memory = nn.Linear(units, units)
        self.of_query = nn.Linear(units, units, bias=False)
        self.score = nn.Linear(units, 1)

    def keys(self, memory: Float[Tensor, "batch place unit"]) -> Float[Tensor, "batch place unit"]:
        keys: Tensor = self.of_memory(memory)
        return keys

    def forward(
        self, keys: Float[Tensor, "batch place key"], query: Float[Tensor, "batch unit"]
    ) -> Float[Tensor, "batch place"]:
        scores: Tensor = self.score(torch.relu(keys + self.of_query(query).unsqueeze(1))).squeeze(2)
        return scores


METHODS: dict[Method, Callable[[int], nn.Module]] = {"dot": Dot, "general": General, "concat": Concat, "mlp": Mlp}
"""``hard`` attention is given by the data and scores nothing."""


def one_hot(
    attend: Int[Tensor, " batch"], inside: Bool[Tensor, "batch place"], like: Tensor
) -> Float[Tensor, "batch place"]:
    """All weight on the place that the data says; where it says none (−1), on the last place of the source."""
    last = inside.sum(1) - 1
    chosen = torch.where(attend >= 0, attend, last)
    return torch.zeros_like(inside, dtype=like.dtype).scatter_(1, chosen.unsqueeze(1), 1.0)
