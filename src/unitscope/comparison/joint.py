"""Sums over the tokens that several networks read, from which all their similarities follow.

Everything about pairs of linear representations is in their products: correlations of units, regressions,
canonical correlations, and centred kernel alignment. Its unbiased form (Song et al. 2012) needs besides the sums
of squared lengths, because it leaves each token's product with itself out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.errors import InputError

LARGEST = 8192
"""Units of all networks together: their products take half a gigabyte."""


@dataclass(frozen=True)
class Joint:
    """Running sums, in float64, of d = x − shift. Networks stand side by side; ``widths`` are their units.

    The shift is anywhere near the mean, for precision only: no measure depends on it.
    """

    widths: tuple[int, ...]
    count: int
    shift: Float[Tensor, " unit"]
    total: Float[Tensor, " unit"]
    """Σ d."""
    products: Float[Tensor, "unit unit"]
    """Σ d dᵀ."""
    weighted: Float[Tensor, "unit network"]
    """Σ d·|dₖ|², with |dₖ|² over the units of network k."""
    squares: Float[Tensor, "network network"]
    """Σ |dₖ|²·|dₘ|²."""

    @classmethod
    def empty(cls, widths: Sequence[int]) -> "Joint":
        """No tokens yet. Raises ``InputError`` for more units than fit into memory."""
        units, networks = sum(widths), len(widths)
        if units > LARGEST:
            raise InputError(
                f"{networks} networks with {units:,} units together are compared at once, and {LARGEST:,} is the most; "
                "compare fewer networks or sites"
            )

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(*shape, dtype=torch.float64)

        return cls(
            tuple(widths), 0, zeros(units), zeros(units), zeros(units, units), zeros(units, networks),
            zeros(networks, networks),
        )  # fmt: skip

    @classmethod
    def of(cls, parts: Sequence[Float[Tensor, "token _"]], shift: Float[Tensor, " unit"] | None = None) -> "Joint":
        """The sums of some tokens, one matrix per network."""
        widths = [part.shape[1] for part in parts]
        x = torch.cat([part.cpu().double() for part in parts], 1)
        if not len(x):
            return cls.empty(widths)
        shift = x.mean(0) if shift is None else shift
        d = x - shift  # [token unit]
        lengths = torch.stack([part.square().sum(1) for part in d.split(widths, 1)], 1)  # [token network]
        return cls(
            tuple(widths), len(x), shift, d.sum(0), d.T @ d, d.T @ lengths, lengths.T @ lengths
        )  # fmt: skip

    def with_tokens(self, parts: Sequence[Float[Tensor, "token _"]]) -> "Joint":
        """As if these tokens had followed."""
        return self.merge(Joint.of(parts, self.shift if self.count else None))

    def merge(self, other: "Joint") -> "Joint":
        """As if the other's tokens had followed."""
        if not self.count or not other.count:
            return self if not other.count else other
        other = other.about(self.shift)
        return Joint(
            self.widths,
            self.count + other.count,
            self.shift,
            self.total + other.total,
            self.products + other.products,
            self.weighted + other.weighted,
            self.squares + other.squares,
        )

    def about(self, shift: Float[Tensor, " unit"]) -> "Joint":
        """The same tokens about another shift: d becomes d + move."""
        if torch.equal(shift, self.shift):
            return self
        n, move = self.count, self.shift - shift
        total, products, weighted = self.total, self.products, self.weighted
        group = torch.repeat_interleave(torch.arange(len(self.widths)), torch.tensor(self.widths))
        member = torch.nn.functional.one_hot(group, len(self.widths)).double()  # [unit network]
        along = member * move[:, None]  # [unit network]: a network's own move
        far = along.square().sum(0)  # [network]
        # |dₖ + moveₖ|² = |dₖ|² + 2 dₖ·moveₖ + |moveₖ|²
        lengths = torch.stack([products.diagonal()[group == k].sum() for k in range(len(self.widths))])
        moved_lengths = lengths + 2 * total @ along + n * far  # [network]
        cross = products @ along  # [unit network]: Σ d (dₖ·moveₖ)
        new_weighted = (
            weighted + 2 * cross + torch.outer(total, far) + torch.outer(move, moved_lengths)
        )  # fmt: skip
        pull = weighted.T @ along  # [network network]: Σ |dₖ|² (dₘ·moveₘ)
        sums = total @ along  # [network]: Σ dₖ·moveₖ
        new_squares = (
            self.squares
            + 2 * (pull + pull.T)
            + torch.outer(lengths, far) + torch.outer(far, lengths)
            + 4 * along.T @ cross
            + 2 * (torch.outer(sums, far) + torch.outer(far, sums))
            + n * torch.outer(far, far)
        )  # fmt: skip
        new_products = products + torch.outer(move, total) + torch.outer(total, move) + n * torch.outer(move, move)
        return Joint(self.widths, n, shift, total + n * move, new_products, new_weighted, new_squares)

    def part(self, network: int) -> slice:
        """The units of one network."""
        start = sum(self.widths[:network])
        return slice(start, start + self.widths[network])

    def mean(self, network: int) -> Float[Tensor, " unit"]:
        """Mean of each unit."""
        return (self.total / self.count + self.shift)[self.part(network)]

    def covariance(self, a: int, b: int) -> Float[Tensor, "a b"]:
        """Between the units of two networks (or one and itself); population formula."""
        one, two = self.part(a), self.part(b)
        mean_a, mean_b = self.total[one] / self.count, self.total[two] / self.count
        return self.products[one, two] / self.count - torch.outer(mean_a, mean_b)

    def variance(self, network: int) -> Float[Tensor, " unit"]:
        """Variance of each unit; 0 where only rounding is left, so that a constant unit has none."""
        part = self.part(network)
        mean = self.total[part] / self.count
        variance = self.products.diagonal()[part] / self.count - mean**2
        size = variance + (self.shift[part] + mean) ** 2
        return torch.where(variance > 1e-12 * size, variance, 0.0)

    def correlation(self, a: int, b: int) -> Float[Tensor, "a b"]:
        """Pearson's r of every unit of one with every unit of the other; 0 with a constant unit."""
        std = torch.outer(self.variance(a).sqrt(), self.variance(b).sqrt())
        return torch.where(std > 0, self.covariance(a, b) / std.clamp(min=1e-300), 0.0).clamp(-1, 1)

    def unbiased_hsic(self, a: int, b: int) -> float:
        """Song et al.'s (2012) unbiased estimate of the Hilbert–Schmidt independence criterion, linear kernels.

        NaN for fewer than four tokens.
        """
        n = self.count
        if n < 4:
            return float("nan")
        one, two = self.part(a), self.part(b)
        products = self.products[one, two]
        s, t = self.total[one], self.total[two]
        s_by_b, t_by_a = self.weighted[one, b], self.weighted[two, a]
        own = self.squares[a, b]  # what each token's product with itself would add
        paired = products.square().sum() - own
        lengths = [self.products.diagonal()[part].sum() for part in (one, two)]
        sums = (s @ s - lengths[0]) * (t @ t - lengths[1])
        rows = s @ products @ t - s @ s_by_b - t @ t_by_a + own
        return float((paired + sums / ((n - 1) * (n - 2)) - 2 / (n - 2) * rows) / (n * (n - 3)))
