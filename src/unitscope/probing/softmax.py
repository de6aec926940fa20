"""The loss of many linear classifiers at once, and its gradient.

All problems of a sweep (sites × targets × penalties) share their inputs, so each site's activations are read once per
evaluation, a block that stays in the processor's cache at a time, and meet all of its problems in one matrix product.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.lbfgs import Inverse

BLOCK = 2048
"""Words that are read at once."""
ENOUGH = 4
"""Words for each unit from which correlations are guessed."""
LEAST = 1e-3
"""Added to the diagonal of correlations, so that few words or a unit that others span do no harm."""
Inputs = Sequence[Float[Tensor, "word unit"]]


@dataclass(frozen=True)
class Problems:
    """Linear classifiers over standardised units: problem p predicts target ``target[p]`` from site ``site[p]``.

    A target is a class number per word, −1 where it is undefined. Parameters are ``[problem class unit+1]``, the last
    column being the intercept, for units divided by their standard deviation after the mean is taken off. Inputs are
    not copied: the standardisation is moved into the weights. A unit that is constant keeps weight 0.

    Raises ``InputError`` for activations that are not finite, for sites of different width, and for a target without
    words.
    """

    inputs: Inputs
    targets: Int[Tensor, "target word"]
    classes: int
    site: Int[Tensor, " problem"]
    target: Int[Tensor, " problem"]
    mean: Float[Tensor, "site unit"] = field(init=False)
    inverse: Float[Tensor, "site unit"] = field(init=False)
    """1 / standard deviation, 0 for a constant unit."""
    words: Float[Tensor, " target"] = field(init=False)
    """Words on which a target is defined."""

    def __post_init__(self) -> None:
        if len({x.shape for x in self.inputs}) != 1:
            raise InputError(f"sites of one fit have equal width; these have {[x.shape[1] for x in self.inputs]} units")
        counts = (self.targets >= 0).sum(1)
        if not bool((counts > 0).all()):
            raise InputError("a target is defined on no word at all; leave it out")
        if int(self.targets.max()) >= self.classes:
            raise InputError(f"a target has class {int(self.targets.max())}, but there are {self.classes} classes")
        means, inverses = zip(*(standardisation(x) for x in self.inputs), strict=True)
        object.__setattr__(self, "mean", torch.stack(means))
        object.__setattr__(self, "inverse", torch.stack(inverses))
        object.__setattr__(self, "words", counts.to(self.inputs[0].dtype))

    def __len__(self) -> int:
        return len(self.site)

    @property
    def width(self) -> int:
        """Units and the intercept."""
        return self.inputs[0].shape[1] + 1

    def start(self) -> Float[Tensor, "problem class column"]:
        """Parameters that predict each target's class frequencies and nothing else."""
        zeros = self.inputs[0].new_zeros(len(self), self.classes, self.width)
        seen = [torch.bincount(t[t >= 0], minlength=self.classes) for t in self.targets]
        shares = torch.stack(seen).to(zeros.dtype) + 0.5  # [target class]
        zeros[:, :, -1] = (shares / shares.sum(1, keepdim=True)).log()[self.target]
        return zeros

    def curvature(self, ridge: Float[Tensor, " problem"], smooth: Bool[Tensor, " problem"]) -> Inverse:
        """The inverse Hessian where every word has its target's class frequencies, with a squared penalty ``ridge``.

        Classes apart, it is the inverse of the units' correlations: with that, units that go together cost no more
        evaluations than units that do not. Correlations are of some words, enough to know them. Of problems that are
        not ``smooth`` nothing is guessed.
        """
        shares = self.start()[:, :, -1].softmax(1)
        spread = shares * (1 - shares)  # [problem class]
        known = [*zip(self.site.tolist(), (ridge / spread.mean(1)).tolist(), smooth.tolist(), strict=True)]
        kinds = [kind for kind in dict.fromkeys(known) if kind[2]]
        inverses = [self._inverse(site, level) for site, level, _ in kinds]
        kind = torch.tensor([kinds.index(key) if key[2] else -1 for key in known], device=ridge.device)

        def times(
            vectors: Float[Tensor, "live parameter"], live: Int[Tensor, " live"]
        ) -> Float[Tensor, "live parameter"]:
            whole: Tensor = vectors.unflatten(1, (self.classes, self.width)).clone()
            for number in kind[live].unique().tolist():
                if number >= 0:
                    here = kind[live] == number
                    scaled = whole[here] / spread[live[here], :, None]
                    scaled[:, :, :-1] = scaled[:, :, :-1] @ inverses[number]
                    whole[here] = scaled
            return whole.flatten(1)

        return times

    def _inverse(self, site: int, level: float) -> Float[Tensor, "unit unit"]:
        """Inverse matrix of the correlations of a site's units, with ``level`` added on the diagonal."""
        x = self.inputs[site]
        words = x[:: max(1, len(x) // (ENOUGH * x.shape[1]))]
        block = (words - self.mean[site]) * self.inverse[site]
        matrix = block.T @ block / len(block)
        matrix.diagonal().add_(max(level, LEAST))
        found: Tensor = torch.cholesky_inverse(torch.linalg.cholesky(matrix))
        return found

    def loss(
        self, parameters: Float[Tensor, "live class column"], live: Int[Tensor, " live"]
    ) -> tuple[Float[Tensor, " live"], Float[Tensor, "live class column"]]:
        """Mean cross-entropy (nats per word) of the problems ``live``, and its gradient."""
        losses = parameters.new_zeros(len(live))
        gradient = torch.zeros_like(parameters)
        for site in self.site[live].unique().tolist():
            here = torch.nonzero(self.site[live] == site).squeeze(1)
            losses[here], gradient[here] = self._site_loss(parameters[here], self.target[live[here]], site)
        return losses, gradient

    def _site_loss(
        self, parameters: Float[Tensor, "here class column"], target: Int[Tensor, " here"], site: int
    ) -> tuple[Float[Tensor, " here"], Float[Tensor, "here class column"]]:
        x = self.inputs[site]
        weight, intercept = self.raw(parameters, site)
        flat = weight.flatten(0, 1)  # [here*class unit]
        share = 1 / self.words[target]  # [here]
        losses = parameters.new_zeros(len(target))
        product = torch.zeros_like(flat)
        total = torch.zeros_like(intercept)
        for first in range(0, len(x), BLOCK):
            block = x[first : first + BLOCK]
            y = self.targets[target, first : first + BLOCK].T  # [word here]
            known = (y >= 0).to(x.dtype) * share
            logits = torch.addmm(intercept.flatten(), block, flat.T).unflatten(1, intercept.shape)  # [word here class]
            log_p = torch.log_softmax(logits, 2)
            chosen = y.clamp(min=0)[:, :, None]
            losses -= (log_p.gather(2, chosen).squeeze(2) * known).sum(0)
            error = log_p.exp_().scatter_add_(2, chosen, -torch.ones_like(chosen, dtype=x.dtype))
            error *= known[:, :, None]
            product += error.flatten(1).T @ block
            total += error.sum(0)
        by_unit = product.view_as(weight) - total[:, :, None] * self.mean[site]
        return losses, torch.cat([by_unit * self.inverse[site], total[:, :, None]], 2)

    def raw(
        self, parameters: Float[Tensor, "here class column"], site: int
    ) -> tuple[Float[Tensor, "here class unit"], Float[Tensor, "here class"]]:
        """Weights and intercepts for units as they are, not standardised."""
        weight = parameters[:, :, :-1] * self.inverse[site]
        return weight, parameters[:, :, -1] - weight @ self.mean[site]


def standardisation(x: Float[Tensor, "word unit"]) -> tuple[Float[Tensor, " unit"], Float[Tensor, " unit"]]:
    """Mean, and 1 / standard deviation or 0 where a unit is constant.

    Raises ``InputError`` if an activation is not finite.
    """
    # Blocks, so that no second copy of the activations is made.
    total = torch.stack([part.sum(0) for part in x.split(BLOCK)]).double().sum(0)
    mean = (total / len(x)).to(x.dtype)
    squares = torch.stack([(part - mean).square_().sum(0) for part in x.split(BLOCK)]).double().sum(0)
    if not bool(torch.isfinite(squares).all()):
        unit = int(torch.nonzero(~torch.isfinite(squares))[0])
        raise InputError(f"unit {unit} has activations that are not finite; probes need finite activations")
    std = (squares / len(x)).sqrt().to(x.dtype)
    small = std <= 1e-6 * mean.abs()
    return mean, torch.where(small, 0.0, 1 / std.clamp(min=torch.finfo(x.dtype).tiny))
