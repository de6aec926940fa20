"""Data in which the right answer is known: gates that cannot move, groups that were planted, a unit that counts."""

import copy

import torch

from unitscope.analyses.gate_saturation import GateSaturation, GateSaturationResult
from unitscope.fold.analyze import analyze
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.probing.groups import FunctionalGroup, functional_group
from unitscope.probing.ridge import Gram
from unitscope.probing.steps import from_grams
from unitscope.source.live import Live
from unitscope.studies.check import Check
from unitscope.studies.machine_analysis.zoo import Material, Run

NOISE = 512
FOLDS, STEPS = 10, 4


def synthetic_checks(run: Run, material: Material, noise: int = NOISE) -> list[Check]:
    """A3 to A5, the first with a network of the zoo whose weights are changed."""
    return [gate_check(run, material), group_check(noise), counter_check()]


def gate_check(run: Run, material: Material) -> Check:
    """A gate with a bias of ±20 and no weights is saturated at every step."""
    net = copy.deepcopy(run.trained.net)
    units = net.config.units
    gate = "update_gate" if net.config.cell == "gru" else "forget_gate"  # the second block of rows in either
    rows = slice(units, units + 2)
    with torch.no_grad():
        for name, weight in net.encoder.named_parameters():
            weight[rows] = torch.tensor([-20.0, 20.0]) if name == "bias_ih_l0" else 0.0
    model = Seq2SeqModel(net, places=max(len(pair.source) for pair in material.held_out))
    site = f"encoder.{gate}"
    found = analyze(Live(model.encoder, material.sources), [GateSaturation()], [site])[site, GateSaturation.name]
    assert isinstance(found, GateSaturationResult)
    shares = [float(found.left[0]), float(found.right[0]), float(found.left[1]), float(found.right[1])]
    return Check(
        "A3-gates",
        "gates held shut and open by their bias are saturated at every step, on that side only",
        ", ".join(f"{share:g}" for share in shares),
        "1, 0, 0, 1",
        "by construction",
        shares == [1, 0, 0, 1],
    )


def group_check(noise: int) -> Check:
    """Planted units are found, and none where none is; the order of classes does not matter."""
    found = {k: _planted(k, noise) for k in (1, 5, 20)}
    right = [{*group.units} <= planted and max(1, k - 2) <= len(group.units) for k, (group, planted) in found.items()]
    turned, _ = _planted(5, noise, turned=True)
    none = functional_group(*_noise(noise))
    return Check(
        "A4-groups",
        f"of 1, 5 and 20 planted units among {noise} others all that is found was planted; none is found in noise",
        ", ".join(str(len(group.units)) for group, _ in found.values()) + f"; noise: {none.size or 'no group'}",
        "1, 3–5, 18–20; no group",
        "by construction",
        all(right) and not none.found and {*turned.units} == {*found[5][0].units},
        "the same group with the classes in another order" if {*turned.units} == {*found[5][0].units} else "",
    )


def counter_check() -> Check:
    """One unit counts, the others know nothing of the step."""
    generator = torch.Generator().manual_seed(0)
    step = torch.arange(STEPS, dtype=torch.float64).repeat(200)
    x = torch.randn(len(step), 8, generator=generator, dtype=torch.float64)
    x[:, 3] = step / 10
    fold = torch.arange(len(step)) // STEPS % FOLDS
    found = from_grams(
        "planted", "position", [Gram.of(x[fold == k], step[fold == k, None]) for k in range(FOLDS)], l2=0.0
    )
    others = [error for unit, error in enumerate(found.single.tolist()) if unit != 3]
    return Check(
        "A5-counter",
        "a unit that counts tells the step without error, the others no better than saying the mean",
        f"{float(found.single[3]):.1e}; {min(others):.2f} to {max(others):.2f}",
        "0; 1.25",
        "by construction",
        float(found.single[3]) < 1e-9 and all(abs(error - 1.25) < 0.05 for error in others),
    )


def _planted(k: int, noise: int, turned: bool = False) -> tuple[FunctionalGroup, set[int]]:
    """k units with a class of their own each, among others; two events make a sequence."""
    generator = torch.Generator().manual_seed(k)
    classes, events = max(2, k), 600
    y = torch.randint(classes, (events,), generator=generator)
    x = torch.randn(events, noise + k, generator=generator)
    places = torch.randperm(noise + k, generator=generator)[:k]
    marks = torch.nn.functional.one_hot(y, classes).float()[:, :k]
    x[:, places] = 4 * marks + 0.1 * torch.randn(events, k, generator=generator)
    labels = classes - 1 - y if turned else y
    return functional_group(x, labels, torch.arange(events) // 2), set(places.tolist())


def _noise(noise: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, noise, generator=generator)
    return x, torch.randint(3, (400,), generator=generator), torch.arange(400) // 4
