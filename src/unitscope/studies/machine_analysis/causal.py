"""What the networks do with their functional groups: the groups are taken out of them.

The original ablates features of a probe, never units of a network. Here a group found on held-out pairs is held at its
means, at every step, while the network does the pairs that it learnt, which both kinds can do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from unitscope.interventions.group import GroupDamage, group_damage
from unitscope.studies.machine_analysis.zoo import Material, Run

DRAWS = 20


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


def ablate(
    run: Run, group: str, site: str, units: Sequence[int], states: Float[Tensor, "pair step unit"], material: Material
) -> Ablation:
    """Hold a group at its means over the examined pairs and steps."""
    train = [pair for pair in material.sets.sets["train"] if len(pair.target) > 2]
    corpus = type(material.outputs)(train, material.sets.vocabulary, "trained compositions")
    values = states.mean((0, 1)).tolist()
    model = run.model(max(len(pair.source) for pair in train))
    damage = group_damage(
        model.decoder, corpus, site, units, values, measure="sequences", draws=DRAWS, seed=run.seed, batch_size=512
    )
    return Ablation(run, group, damage)
