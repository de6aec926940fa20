"""Everything of one network, from one reading of each part for each question."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.analyses.by_step import ByStep, ByStepResult
from unitscope.analyses.change_by_step import ChangeByStep, ChangeByStepResult
from unitscope.analyses.gate_saturation import GateSaturation, GateSaturationResult
from unitscope.analyses.saturation_by_step import SaturationByStep
from unitscope.comparison.samples import groups_by_token, sample_distances
from unitscope.fold.analysis import Analysis
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.group import GroupDamage, group_damage
from unitscope.networks.lessons.pairs import train
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.page.weights import weight_views
from unitscope.probing.groups import FunctionalGroup, functional_group, labelled_events
from unitscope.probing.steps import predict_step
from unitscope.source.live import Live
from unitscope.studies.library.machine_analysis import views
from unitscope.studies.library.machine_analysis.states import PARTS, exactness, sources, states
from unitscope.studies.library.machine_analysis.zoo import Material, material, options
from unitscope.studies.study import Here
from unitscope.views import Heatmap, Lines

ANALYSES: tuple[Analysis[Any], ...] = (ByStep(), ChangeByStep(), GateSaturation(), SaturationByStep())
TABLE, SECOND, ATTENDED = "table, encoder", "second table, encoder", "attended table, decoder"
QUESTIONS: Mapping[str, tuple[str, str, int | None]] = {
    TABLE: ("encoder", "table", None),
    "first table, encoder": ("encoder", "table", 1),
    SECOND: ("encoder", "table", 2),
    "string, encoder": ("encoder", "string", 0),
    ATTENDED: ("decoder", "table", None),
}
"""Part, label and step of the published groups. The decoder attends to no table at its first step."""
ABLATED = (TABLE, ATTENDED)
"""The groups that are taken out of the networks."""
DRAWS, FEW = 20, 5
"""Random groups: beside a group, and at each size of a curve."""
PERMUTATIONS = 199
MOST_ADDED = 8
"""Units that are added one at a time to tell the step."""


def network(zoo: Path | None, settings: dict[str, Any], here: Here) -> tuple[Any, dict[str, Any], Material]:
    """A network of the zoo with the scores of its card, trained where it is missing, and what it reads."""
    folder = zoo or here.shared / "zoo"
    folder.mkdir(parents=True, exist_ok=True)
    read = material(folder, settings["quick"])
    found = train(options(folder, settings))
    return found.net, {"scores": found.card.metrics, "command": found.card.command}, read


def look(zoo: Path | None, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Train a network, and examine it. Views are kept of the first seed alone."""
    net, known, read = network(zoo, settings, here)
    model = Seq2SeqModel(net, places=read.places, name=f"{settings['kind']} {settings['cell'].upper()}")
    by_part, found = sources(model, read), states(model, read)
    results = analyze(by_part["encoder"], ANALYSES)
    results.entries |= analyze(by_part["decoder"], ANALYSES, ["decoder.*"]).entries
    time = {part: predict_step(by_part[part], f"{part}.hidden", most=MOST_ADDED) for part in PARTS}
    similar = {
        f"same {which} table": sample_distances(
            by_part["encoder"], "encoder.hidden", groups_by_token(by_part["encoder"], place), permutations=PERMUTATIONS
        )
        for which, place in (("first", 1), ("second", 2))
    }
    # A quick look leaves out the groups that no claim is about.
    asked = {name: QUESTIONS[name] for name in (TABLE, SECOND, ATTENDED)} if settings["quick"] else QUESTIONS
    groups = {name: _group(by_part[part], part, label, step, name) for name, (part, label, step) in asked.items()}
    exact = exactness(model, read)

    def without(site: str, units: Sequence[int], draws: int) -> GroupDamage:
        # A group found on held-out pairs is held at its means while the network does the pairs that it learnt.
        means = found[site].mean((0, 1)).tolist()
        corpus = read.learnt
        longest = Seq2SeqModel(net, places=max(len(pair.source) for pair in corpus.pairs))
        return group_damage(
            longest.decoder, corpus, site, units, means,
            measure="sequences", draws=draws, seed=settings["seed"], batch_size=512,
        )  # fmt: skip

    lost = {n: without(f"{QUESTIONS[n][0]}.hidden", groups[n].units, DRAWS) for n in ABLATED if groups[n].found}
    order = groups[TABLE].order.tolist()
    sizes = [2**power for power in range(len(order).bit_length() - 1) if 2**power <= len(order) // 2]
    along = [without("encoder.hidden", order[:size], FEW) for size in sizes]
    outcome: dict[str, Any] = {
        **known,
        "numbers": {
            "attention on its place": _attention(found["decoder.attention"]),
            "error of the step": {part: prediction.full for part, prediction in time.items()},
            "distance": {name: float(d.ratio[d.steps.index(2)]) for name, d in similar.items()},
            **_of_analyses(results),
        },
        "groups": {
            name: {
                "size": g.size or len(g.order), "found": g.found, "accuracy": g.accuracy, "all units": g.full,
                "chance": g.chance, "shuffled labels": g.shuffled, "p": g.p, "units": list(g.units),
            }
            for name, g in groups.items()
        },
        "ablations": {
            name: {
                "units": len(d.units), "intact": 1 - d.intact, "without the group": 1 - d.without,
                "without random units": 1 - float(d.random.mean()), "p": d.p,
            }
            for name, d in lost.items()
        },
        "curve": {
            "sizes": sizes, "ranked": [1 - d.without for d in along],
            "random": [1 - float(d.random.mean()) for d in along], "intact": 1 - along[0].intact,
        },
        "exact": {
            "float32": max(exact.single.values()), "float64": max(exact.double.values()), "identical": exact.identical,
        },
    }  # fmt: skip
    if settings["seed"] == 1:
        whose = f"{settings['kind']} {settings['cell'].upper()}"
        recurrent = weight_views(net.encoder, marked=groups[TABLE].units, site="encoder.hidden/")
        outcome["views"] = {
            "steps": [
                view
                for part in PARTS
                for view in views.of(f"{whose}, {part}", results[f"{part}.hidden", ByStep.name])
                if isinstance(view, Heatmap | Lines)
            ],
            "gates": views.saturation(whose, results),
            "groups": [views.along(whose, g) for g in groups.values()],
            "time": [view for part in PARTS for view in views.of(f"{whose}, {part}", time[part])],
            "similar": [view for name, d in similar.items() for view in views.of(f"{whose}, {name}", d)],
            "one": views.one_pair(whose, found, read),
            "weights": [*(views.importance(whose, groups[name]) for name in ABLATED), *views.titled(whose, recurrent)],
        }
    return outcome


def _group(source: Live, part: str, label: str, step: int | None, name: str) -> FunctionalGroup:
    events = labelled_events(source, f"{part}.hidden", label, step)
    return functional_group(events.x, events.y, events.sequence, name, events.classes)


def _of_analyses(results: ResultSet) -> dict[str, Any]:
    """Variance and change by step and part, and shares of saturated gates: no number hangs on the order of units."""
    variance, change = {}, {}
    for part in PARTS:
        stepped, changed = results[f"{part}.hidden", ByStep.name], results[f"{part}.hidden", ChangeByStep.name]
        assert isinstance(stepped, ByStepResult)
        assert isinstance(changed, ChangeByStepResult)
        variance[part] = stepped.variance[stepped.count > 0].tolist()
        change[part] = changed.norm[changed.count > 0].tolist()
    gates = [result for result in results if isinstance(result, GateSaturationResult) and result.left_below > 0]
    saturated = {gate.site: float((gate.left + gate.right).mean()) for gate in gates if gate.site.endswith("_gate")}
    return {"variance": variance, "change": change, "saturated": saturated}


def _attention(weights: Float[Tensor, "pair step place"]) -> float:
    """On the diagonal, which is where all lookup tables should be attended to."""
    steps = torch.arange(weights.shape[1])
    return float(weights[:, steps, steps].double().mean())


def flat(numbers: Mapping[str, Any], name: str = "") -> dict[str, float]:
    """Nested numbers, each under its whole name."""
    found: dict[str, float] = {}
    for key, value in numbers.items():
        own = f"{name}, {key}" if name else str(key)
        if isinstance(value, Mapping):
            found |= flat(value, own)
        elif isinstance(value, list):
            found |= {f"{own}, step {step}": number for step, number in enumerate(value)}
        else:
            found[own] = float(value)
    return found
