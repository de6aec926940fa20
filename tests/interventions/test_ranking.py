import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from unitscope.analyses.importance import Importance
from unitscope.corpus import drives
from unitscope.corpus.drives import DriveCorpus, Ends
from unitscope.corpus.series import SeriesCorpus
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.layers import find_layer
from unitscope.interventions.ranking import against, rank, with_baselines
from unitscope.interventions.responses import respond
from unitscope.models.module import ModuleModel


def test_rho_is_scipys_and_p_is_exact_enough():
    draw = np.random.default_rng(0)
    damage = draw.standard_normal(40)
    score = 2 * damage + draw.standard_normal(40)
    ranking = rank([({"good": score, "none": draw.standard_normal(40), "flat": np.ones(40)}, damage)])
    expected = stats.spearmanr(score, damage)
    assert ranking["good"].rho == pytest.approx(expected.statistic)
    assert ranking["good"].p < 0.01
    assert ranking["good"].low < expected.statistic < ranking["good"].high
    assert ranking["none"].p > 0.05
    assert math.isnan(ranking["flat"].rho)
    assert ranking.view().rows[0][0] == "good"
    assert ranking.warning == ""


def test_the_sign_is_kept_and_networks_are_pooled():
    damage = np.arange(10.0)
    up, down = ({"s": damage}, damage), ({"s": -damage}, damage)
    assert rank([down], draws=200)["s"].rho == -1
    assert rank([up, up, down], draws=200)["s"].rho == pytest.approx(1 / 3)


def test_units_without_a_score_are_left_out():
    damage = np.arange(10.0)
    score = np.where(damage > 7, np.nan, damage)
    found = rank([({"s": score}, damage)], draws=100)["s"]
    assert found.units == 8
    assert found.rho == 1


def test_a_score_is_drawn_against_the_damage():
    networks = [({"s": np.arange(5.0)}, np.arange(5.0) ** 2), ({"s": -np.arange(4.0)}, np.arange(4.0))]
    ranking = rank(networks, draws=50)
    view = against("s", networks, ranking["s"], "rnn.0.hidden", "loss")
    assert [len(group.x) for group in view.groups] == [5, 4]
    assert view.groups[1].names[3] == "rnn.0.hidden/3"
    assert view.groups[0].y[2] == 4
    assert "Spearman +0.00" in view.note


def test_a_model_without_skill_is_warned_of():
    assert "noise" in rank([({"s": np.arange(5.0)}, np.arange(5.0))], skilled=False, draws=10).warning
    with pytest.raises(InputError, match="same scores"):
        rank([({"a": np.arange(5.0)}, np.arange(5.0)), ({"b": np.arange(5.0)}, np.arange(5.0))])


class Planted(nn.Module):
    """Leaky units side by side: poles, input gains and readout weights are known."""

    def __init__(self, seed, units=32):
        super().__init__()
        draw = np.random.RandomState(seed)
        self.poles = draw.uniform(0.05, 0.97, units)
        gains, readout = 10 ** draw.uniform(-2, -1, units), draw.standard_normal(units)
        self.rnn, self.head = nn.RNN(1, units, batch_first=True), nn.Linear(units, 1)
        self.double()
        with torch.no_grad():
            for weight in self.parameters():
                weight.zero_()
            self.rnn.weight_ih_l0[:, 0] = torch.from_numpy(gains)
            self.rnn.weight_hh_l0.copy_(torch.from_numpy(self.poles).diag())
            self.head.weight[0] = torch.from_numpy(readout)
        self.noise = draw

    def forward(self, x):
        return self.head(self.rnn(x)[0])


def planted_damage(net, model, steps=400, sequences=8):
    """Mean squared change of the readout over the second half when a unit is zero, on noisy sines."""
    t = np.arange(steps)
    phase = net.noise.uniform(0, 2 * np.pi, (sequences, 1))
    x = np.sin(2 * np.pi * 0.05 * t + phase) + 0.1 * net.noise.standard_normal((sequences, steps))
    values = torch.from_numpy(x).reshape(-1, 1)
    with torch.no_grad():  # what the intact net says is the target, so the loss without a unit is the squared change
        targets = net(values.view(sequences, steps, 1))[..., 0]
    targets[:, :100] = torch.nan
    spans = [(n * steps, (n + 1) * steps) for n in range(sequences)]
    corpus = SeriesCorpus("planted", values, targets.flatten(), spans, ("x",), last=False)
    return analyze(Ablated(model, corpus, "rnn.0.hidden"), [Importance()])["rnn.0.hidden", "importance"].mean


@pytest.mark.parametrize("seed", range(4))
def test_the_planted_ranking_is_found(seed):
    net = Planted(seed)
    model = ModuleModel(net, channels=1, values=lambda output: output[..., 0])
    damage = planted_damage(net, model)
    layer = find_layer(model, "rnn.0")
    ends = Ends(torch.tensor([[0.0]]), torch.tensor([[0.1]]))
    step = respond(layer, DriveCorpus([drives.step(400)], ends))["rnn.0.hidden", "response"]
    ends = Ends(torch.tensor([[-1.0]]), torch.tensor([[1.0]]))
    (sine,) = respond(layer, DriveCorpus([drives.sine(400, 0.05)], ends))
    readout = net.head.weight.detach().abs().squeeze().numpy()
    metrics = {"amplitude": sine.metric("amplitude"), "delta": np.abs(step.metric("delta"))}
    scores = with_baselines(metrics, readout, np.ones(32), np.ones(32), seed)
    ranking = rank([(scores, damage)], draws=50)
    assert ranking["amplitude × readout"].rho >= 0.99
    assert ranking["delta × readout"].rho >= 0.85
    assert abs(ranking["random"].rho) < 0.5
    true = np.ceil(np.log(0.1) / np.log(net.poles) - 1e-9) - 1
    assert stats.spearmanr(step.metric("settling"), true).statistic >= 0.99
