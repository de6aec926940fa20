import numpy as np
import pytest
import torch
from planted import fold, one_site
from torch import nn

from unitscope.analyses.gate_saturation import GateSaturation
from unitscope.analyses.saturation_by_step import SaturationByStep
from unitscope.corpus.open import open_corpus
from unitscope.fold.analyze import analyze
from unitscope.models.module import ModuleModel
from unitscope.source.live import Live


def test_shares_of_a_step_are_counted_and_the_ends_are_strict():
    x = torch.tensor([[0.05], [0.5], [0.1], [0.95], [0.02], [0.9]])
    found = fold(SaturationByStep(steps=2), one_site(x, [2, 2, 2], low=0.0, high=1.0))
    assert found.left[:, 0].tolist() == pytest.approx([2 / 3, 0])
    assert found.right[:, 0].tolist() == pytest.approx([0, 1 / 3])
    assert found.columns()[0].values[0] == pytest.approx(1 / 3)


def test_a_gru_with_a_bias_of_20_is_saturated_at_every_step(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("abcdefgh" * 40)
    corpus = open_corpus(path, length=16)
    torch.manual_seed(0)
    layer = nn.GRU(3, 6, batch_first=True)
    with torch.no_grad():
        layer.bias_ih_l0[6:8] = 20.0  # the update gate is the second third
        layer.bias_ih_l0[8] = -20.0
    model = ModuleModel(nn.Sequential(nn.Embedding(len(corpus.vocabulary), 3), layer), logits=lambda _: None)
    site = "1.0.update_gate"
    results = analyze(Live(model, corpus), [SaturationByStep(), GateSaturation()], [site])
    for name in ("saturation_by_step", "gate_saturation"):
        left, right = (np.atleast_2d(getattr(results[site, name], end)) for end in ("left", "right"))
        assert (right[:, :2] == 1).all() and (left[:, :2] == 0).all()
        assert (left[:, 2] == 1).all() and (right[:, 2] == 0).all()
        assert left[:, 3:].max() < 1 and right[:, 3:].max() < 1
