import numpy as np
import pytest
import torch
from scipy.special import rel_entr

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.networks.char import CharConfig, CharNet
from unitscope.studies.library.visualizing_rnns.held_out import HeldOut
from unitscope.studies.library.visualizing_rnns.model_map import apart, distances, scaled, tsne


@pytest.fixture(scope="module")
def compared():
    ids = np.random.default_rng(0).integers(0, 5, (4, 61))
    held_out = HeldOut(ids, Vocabulary(tuple("abcde")))
    torch.manual_seed(0)
    nets = {cell: CharNet(CharConfig(5, cell, 1, 6, initial_range=1.0)) for cell in ("lstm", "gru", "rnn")}
    return held_out, nets, distances(held_out, nets)


def test_distances_against_brute_force(compared):
    held_out, nets, found = compared
    p = [np.exp(np.concatenate(list(held_out.distributions(net)), 1)).reshape(-1, 5) for net in nets.values()]
    for i in range(3):
        for j in range(3):
            kl = (rel_entr(p[i], p[j]).sum(1).mean() + rel_entr(p[j], p[i]).sum(1).mean()) / 2
            assert found.divergence[i, j] == pytest.approx(kl, abs=1e-6)
            assert found.disagreement[i, j] == pytest.approx((p[i].argmax(1) != p[j].argmax(1)).mean())


def test_few_models_have_no_map(compared):
    kinds = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
    assert [type(view).__name__ for view in compared[2].views(kinds)] == ["Heatmap", "Heatmap"]


def test_classical_scaling_gives_places_back():
    places = np.random.default_rng(0).normal(size=(7, 2))
    table = np.linalg.norm(places[:, None] - places, axis=2)
    found = scaled(table)
    np.testing.assert_allclose(np.linalg.norm(found[:, None] - found, axis=2), table, atol=1e-9)


def test_t_sne_keeps_two_clusters_apart():
    pytest.importorskip("sklearn")
    table = np.full((10, 10), 10.0)
    table[:5, :5] = table[5:, 5:] = 0.1
    np.fill_diagonal(table, 0)
    places = tsne(table)
    across = np.linalg.norm(places[:5].mean(0) - places[5:].mean(0))
    assert across > max(places[:5].std(0).max(), places[5:].std(0).max())


def test_a_kind_that_lies_apart_and_one_that_does_not():
    points = np.concatenate([np.random.default_rng(0).normal(size=(8, 2)), [[9, 9], [9, 8], [8, 9], [8, 8]]])
    table = np.linalg.norm(points[:, None] - points, axis=2)
    found = apart(table, [False] * 8 + [True] * 4)
    assert found.across > found.within
    assert found.p < 0.01
    assert apart(table[:8, :8], [True, False] * 4).p > 0.05
