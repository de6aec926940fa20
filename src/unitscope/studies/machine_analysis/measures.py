"""What is measured of one network: a few numbers that do not depend on the order of its units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.analyses.by_step import ByStep, ByStepResult
from unitscope.analyses.change_by_step import ChangeByStep, ChangeByStepResult
from unitscope.analyses.gate_saturation import GateSaturation, GateSaturationResult
from unitscope.analyses.saturation_by_step import SaturationByStep
from unitscope.comparison.samples import SampleDistances
from unitscope.fold.analysis import Analysis
from unitscope.fold.resultset import ResultSet
from unitscope.probing.steps import StepPrediction
from unitscope.studies.machine_analysis.states import PARTS, States

ANALYSES: tuple[Analysis[Any], ...] = (ByStep(), ChangeByStep(), GateSaturation(), SaturationByStep())


@dataclass(frozen=True)
class Measures:
    """One network. Lists are over steps, or over the transitions between them."""

    attention: float
    """Mean weight of the place to attend to."""
    variance: dict[str, list[float]]
    """By part: variance of hidden values over pairs and units."""
    change: dict[str, list[float]]
    """By part: mean of ‖h_t − h_{t−1}‖ over pairs."""
    saturated: dict[str, float]
    """By gate: share of values below 0.1 or above 0.9."""
    time: dict[str, float]
    """By part: squared error of a ridge regression of the step on all units, whole pairs held out."""
    nearer: dict[str, float]
    """At the step of the second table: distance of sources that share a table over that of those that do not."""

    def flat(self) -> dict[str, float]:
        """Every number by a name of its own, for tests over runs."""
        return {
            "attention on its place": self.attention,
            **{f"variance, {part}, step {t}": v for part, found in self.variance.items() for t, v in enumerate(found)},
            **{
                f"change, {part}, into step {t}": v
                for part, found in self.change.items()
                for t, v in enumerate(found, 1)
            },
            **{f"saturated, {gate}": share for gate, share in self.saturated.items()},
            **{f"error of the step, {part}": error for part, error in self.time.items()},
            **{f"distance, {what}": ratio for what, ratio in self.nearer.items()},
        }


def measure(
    found: States,
    results: ResultSet,
    time: Mapping[str, StepPrediction],
    similar: Mapping[str, SampleDistances],
) -> Measures:
    """All numbers of one network, some from the analyses, the rest from its states."""
    change, variance = {}, {}
    for part in PARTS:
        stepped, changed = results[f"{part}.hidden", ByStep.name], results[f"{part}.hidden", ChangeByStep.name]
        assert isinstance(stepped, ByStepResult)
        assert isinstance(changed, ChangeByStepResult)
        variance[part] = stepped.variance[stepped.count > 0].tolist()
        change[part] = changed.norm[changed.count > 0].tolist()
    gates = [result for result in results if isinstance(result, GateSaturationResult) and result.left_below > 0]
    return Measures(
        attention=_attention(found["decoder.attention"]),
        variance=variance,
        change=change,
        saturated={gate.site: float((gate.left + gate.right).mean()) for gate in gates if gate.site.endswith("_gate")},
        time={part: prediction.full for part, prediction in time.items()},
        nearer={what: float(distances.ratio[distances.steps.index(2)]) for what, distances in similar.items()},
    )


def _attention(weights: Float[Tensor, "pair step place"]) -> float:
    """On the diagonal, which is where all lookup tables should be attended to."""
    steps = torch.arange(weights.shape[1])
    return float(weights[:, steps, steps].double().mean())
