import numpy as np
import pytest
import torch

from unitscope.corpus.open import open_corpus
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.studies.library.visualizing_rnns.exactness import recording_error
from unitscope.studies.library.visualizing_rnns.saturation import saturation


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "text.txt").write_text("abcd " * 200)
    return open_corpus(tmp_path / "text.txt", length=200, context=0)


def model(cell, layers=1):
    torch.manual_seed(0)
    return ModuleModel(CharNet(CharConfig(5, cell, layers, 6, initial_range=0.05, forget_bias=0.0)), name=cell)


def test_gates_that_are_held_open_and_shut(corpus):
    lstm = model("lstm", 2)
    with torch.no_grad():
        lstm.module.rnn.bias_ih_l0[6:12] = 20.0  # forget gates of the first layer
        lstm.module.rnn.bias_ih_l1[18:24] = -20.0  # output gates of the second
    found = saturation(lstm, corpus)
    assert found.right("forget_gate").tolist() == [1.0] * 6 + [0.0] * 6
    assert found.left("output_gate").tolist() == [0.0] * 6 + [1.0] * 6
    assert found.by_layer("input_gate") == [0.0, 0.0]
    assert [view.title for view in found.views()] == ["Input gate: lstm", "Forget gate: lstm", "Output gate: lstm"]


def test_the_update_gate_reads_as_the_paper_writes_it(corpus):
    """In ``nn.GRU`` z near 1 keeps the old state; in the paper it renews it."""
    gru = model("gru")
    with torch.no_grad():
        gru.module.rnn.bias_ih_l0[6:12] = 20.0
    found = saturation(gru, corpus)
    assert found.left("update_gate").tolist() == [1.0] * 6
    assert np.all(found.right("update_gate") == 0)


def test_a_network_without_gates(corpus):
    assert saturation(model("rnn"), corpus).gates == {}


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_what_is_recorded_is_what_is_computed(corpus, cell):
    assert recording_error(model(cell, 2), corpus) < 1e-6
