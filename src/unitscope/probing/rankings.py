"""Which units carry a label: rankings from weights, class means and overlaps.

Rankings answer to the probe they come from, so judge them with another one (``accuracy_along``), as Antverg & Belinkov
(2022) advise, and in the model by ablation (``damage_along``).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.interventions.ablation import Bench
from unitscope.models.edit import Edit
from unitscope.probing.linear import Penalty, fit_linear


def entry_mass(weight: Float[Tensor, "class unit"]) -> Float[Tensor, " unit"]:
    """The share of a class's weight mass |w| that comes before a unit, the smallest over the classes.

    The units below p are the union, over the classes, of the fewest units that hold a share p of the class's mass
    (Dalvi et al. 2019, as in NeuroX). Weights must be those of standardised units, or large units look unimportant.
    """
    size = weight.abs()
    order = size.argsort(dim=1, descending=True, stable=True)
    sorted_share = size.gather(1, order) / size.sum(1, keepdim=True).clamp(min=1e-30)
    before = sorted_share.cumsum(1) - sorted_share
    return torch.zeros_like(size).scatter_(1, order, before).amin(0)


def by_weight(weight: Float[Tensor, "class unit"]) -> Int[Tensor, " unit"]:
    """Units in the order in which they enter as the mass grows; among equals, the larger share of mass first."""
    share = (weight.abs() / weight.abs().sum(1, keepdim=True).clamp(min=1e-30)).amax(0)
    first = share.argsort(descending=True, stable=True)
    return first[entry_mass(weight)[first].argsort(stable=True)]


def probeless(x: Float[Tensor, "word unit"], y: Int[Tensor, " word"], classes: int) -> Float[Tensor, " unit"]:
    """Sum over pairs of classes of the distance of their means (Antverg & Belinkov 2022). No probe is trained."""
    known = y >= 0
    member = torch.nn.functional.one_hot(y[known], classes).to(x.dtype)  # [word class]
    counts = member.sum(0)
    means = (member.T @ x[known])[counts > 0] / counts[counts > 0, None]  # [class unit]
    # The sum of all distances is a weighted sum of the sorted values: class i of k is above i and below k − 1 − i.
    ordered = means.sort(0).values
    places = torch.arange(len(ordered), dtype=x.dtype)
    return ((2 * places - len(ordered) + 1)[:, None] * ordered).sum(0)


def overlap(
    x: Float[Tensor, "word unit"], concept: Bool[Tensor, " word"], two_sided: bool = True
) -> Float[Tensor, " unit"]:
    """Intersection over union of the words of a concept and the words on which a unit is active (Mu & Andreas 2020).

    A unit is active on its largest values, as many as there are words of the concept; with ``two_sided`` a unit may
    also mark the concept with its smallest. (NeuroX's measure of that name is average precision, one-sided.)
    """
    count = int(concept.sum())
    if count == 0:
        return x.new_zeros(x.shape[1])
    where = torch.nonzero(concept).squeeze(1)
    sides = []
    for signed in (x, -x) if two_sided else (x,):
        threshold = signed.kthvalue(len(x) - count + 1, 0).values  # [unit]
        active = (signed >= threshold).sum(0)
        both = (signed[where] >= threshold).sum(0)
        sides.append(both / (active + count - both))
    return torch.stack(sides).amax(0)


def accuracy_along(
    order: Int[Tensor, " unit"],
    sizes: Sequence[int],
    train: tuple[Float[Tensor, "word unit"], Int[Tensor, " word"]],
    test: tuple[Float[Tensor, "held unit"], Int[Tensor, " held"]],
    classes: int,
    penalty: Penalty = Penalty(l2=1e-3),
) -> list[float]:
    """Held-out accuracy of a linear probe of the first units of a ranking, for each number of them."""
    found = []
    known = test[1] >= 0
    for size in sizes:
        units = order[:size]
        fit = fit_linear([train[0][:, units]], train[1][None], classes, [penalty])
        right = fit.log_probs(0, test[0][:, units]).argmax(1) == test[1]
        found.append(float(right[known].double().mean()))
    return found


def damage_along(
    order: Int[Tensor, " ranked"], sizes: Sequence[int], site: str, values: Float[Tensor, " unit"], bench: Bench
) -> list[float]:
    """Loss of the model (nats per token) with the first units of a ranking held at ``values``, usually their means.

    A ranking that finds what the model uses costs more than a random one of the same size.
    """
    found = []
    for size in sizes:
        units = order[:size].tolist()
        edit = Edit(site, tuple(units), tuple(float(values[unit]) for unit in units))
        found.append(bench.damage([edit]).overall.mean)
    return found
