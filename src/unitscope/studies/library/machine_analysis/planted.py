"""Data in which the right answer is known: gates that cannot move, groups that were planted, a unit that counts."""

import copy
from typing import Any

import torch
from torch import nn

from unitscope.analyses.gate_saturation import GateSaturation, GateSaturationResult
from unitscope.fold.analyze import analyze
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.probing.groups import FunctionalGroup, functional_group
from unitscope.probing.ridge import Gram
from unitscope.probing.steps import from_grams
from unitscope.source.live import Live
from unitscope.studies.library.machine_analysis.zoo import Material

FOLDS, STEPS = 10, 4
MANY = 512
"""Units without meaning, from which a large group is planted too."""


def planted(net: nn.Module, material: Material, noise: int) -> dict[str, Any]:
    """Gates of a network of the zoo that are held by their bias, planted groups, and a unit that counts."""
    return {"gates": gates(net, material), **groups(noise), **counter()}


def gates(trained: Any, material: Material) -> list[float]:
    """Shares of steps below 0.1 and above 0.9 of a gate held shut by its bias, then of one held open."""
    net = copy.deepcopy(trained)
    units = net.config.units
    gate = "update_gate" if net.config.cell == "gru" else "forget_gate"  # the second block of rows in either
    rows = slice(units, units + 2)
    with torch.no_grad():
        for name, weight in net.encoder.named_parameters():
            weight[rows] = torch.tensor([-20.0, 20.0]) if name == "bias_ih_l0" else 0.0
    model = Seq2SeqModel(net, places=material.places)
    site = f"encoder.{gate}"
    found = analyze(Live(model.encoder, material.sources), [GateSaturation()], [site])[site, GateSaturation.name]
    assert isinstance(found, GateSaturationResult)
    return [float(found.left[0]), float(found.right[0]), float(found.left[1]), float(found.right[1])]


def groups(noise: int) -> dict[str, Any]:
    """Whether all that is found of planted units was planted, and how many of pure noise are found."""
    found = {k: _planted(k, noise) for k in ((1, 5, 20) if noise >= MANY else (1, 5))}
    right = [{*group.units} <= units and max(1, k - 2) <= len(group.units) for k, (group, units) in found.items()]
    turned, _ = _planted(5, noise, turned=True)
    return {
        "planted groups found": sum(right) / len(right),
        "the same with classes in another order": {*turned.units} == {*found[5][0].units},
        "units found in noise": len(functional_group(*_noise(noise)).units),
    }


def counter() -> dict[str, float]:
    """Squared errors of the step, told from a unit that counts and from others, which know nothing of it."""
    generator = torch.Generator().manual_seed(0)
    step = torch.arange(STEPS, dtype=torch.float64).repeat(200)
    x = torch.randn(len(step), 8, generator=generator, dtype=torch.float64)
    x[:, 3] = step / 10
    fold = torch.arange(len(step)) // STEPS % FOLDS
    found = from_grams(
        "planted", "position", [Gram.of(x[fold == k], step[fold == k, None]) for k in range(FOLDS)], l2=0.0
    )
    others = [error for unit, error in enumerate(found.single.tolist()) if unit != 3]
    return {"error of the counter": float(found.single[3]), "least error of others": min(others)}


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
