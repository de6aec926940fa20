"""What the networks do with their functional groups: the groups are taken out of them.

The original ablates features of a probe, never units of a network. Here a group found on held-out pairs is held at its
means, at every step, while the network does the pairs that it learnt, which both kinds can do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.pair_corpus import OutputCorpus
from unitscope.interventions.group import GroupDamage, group_damage
from unitscope.studies.machine_analysis.zoo import Material, Run

DRAWS = 20
FEW = 5
"""Random groups at each size of a curve."""


@dataclass(frozen=True)
class Ablation:
    """A group of one run, without which the network does the trained compositions again."""

    run: Run
    group: str
    damage: GroupDamage

    @property
    def accuracy(self) -> tuple[float, float, float]:
        """Share of right sequences: intact, without the group, without a random group on average."""
        return 1 - self.damage.intact, 1 - self.damage.without, 1 - float(self.damage.random.mean())


@dataclass(frozen=True)
class Curve:
    """Accuracy of one run without ever more units: the first of a ranking, and random ones."""

    run: Run
    sizes: list[int]
    ranked: list[float]
    random: list[float]
    """Means over random groups."""
    intact: float

    def half(self, accuracies: Sequence[float]) -> int | None:
        """The first size without which less than half is right; None where there is none."""
        lost = [size for size, right in zip(self.sizes, accuracies, strict=True) if right < self.intact / 2]
        return lost[0] if lost else None


def ablate(
    run: Run, group: str, site: str, units: Sequence[int], states: Float[Tensor, "pair step unit"], material: Material
) -> Ablation:
    """Hold a group at its means over the examined pairs and steps."""
    return Ablation(run, group, _damage(run, site, units, states, material, DRAWS))


def ablate_along(
    run: Run, site: str, order: Sequence[int], states: Float[Tensor, "pair step unit"], material: Material
) -> Curve:
    """Hold the first 1, 2, 4, … units of a ranking, up to half of them."""
    sizes = [2**power for power in range(len(order).bit_length() - 1) if 2**power <= len(order) // 2]
    found = [_damage(run, site, order[:size], states, material, FEW) for size in sizes]
    return Curve(
        run=run,
        sizes=sizes,
        ranked=[1 - damage.without for damage in found],
        random=[1 - float(damage.random.mean()) for damage in found],
        intact=1 - found[0].intact,
    )


def _damage(
    run: Run,
    site: str,
    units: Sequence[int],
    states: Float[Tensor, "pair step unit"],
    material: Material,
    draws: int,
) -> GroupDamage:
    train = [pair for pair in material.sets.sets["train"] if len(pair.target) > 2]
    corpus = OutputCorpus(train, material.sets.vocabulary, "trained compositions")
    model = run.model(max(len(pair.source) for pair in train))
    values = states.mean((0, 1)).tolist()
    return group_damage(
        model.decoder, corpus, site, units, values, measure="sequences", draws=draws, seed=run.seed, batch_size=512
    )
