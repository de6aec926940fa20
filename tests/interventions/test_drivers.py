"""A network in which it is known what drives what."""

import numpy as np
import pytest
import torch

from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.interventions.drivers import drivers, raised
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet


@pytest.fixture
def corpus(tmp_path):
    draw = np.random.default_rng(0)
    (tmp_path / "text.txt").write_text("".join(draw.choice(list("abcd"), 600)))
    return open_corpus(tmp_path / "text.txt", length=60)


def wired(corpus, cell):
    """Units 0 to 7 read symbols at random; unit 8 is driven by unit 2 of the step before, and a little by unit 5."""
    torch.manual_seed(0)
    net = CharNet(CharConfig(len(corpus.vocabulary), cell, 1, 9, forget_bias=0.0))
    with torch.no_grad():
        for name, weight in net.rnn.named_parameters():
            if "hh" in name or "bias" in name:
                weight.zero_()
        net.rnn.weight_ih_l0.mul_(5)
        rows = slice(18, 27) if cell == "lstm" else slice(0, 9)  # what is let in, or the new state itself
        net.rnn.weight_ih_l0[rows][8] = 0.0
        net.rnn.weight_hh_l0[rows][8, 2] = 3.0
        net.rnn.weight_hh_l0[rows][8, 5] = 0.5
    return ModuleModel(net, name="wired")


@pytest.mark.parametrize(("cell", "site"), [("rnn", "rnn.0.hidden"), ("lstm", "rnn.0.cell")])
def test_what_was_wired_is_found_and_judged_on_other_text(corpus, cell, site):
    model = wired(corpus, cell)
    found = drivers(model, corpus, f"{site}/8", range(5), range(5, 10), first=1)
    assert found.names[found.order[0]] == "rnn.0.hidden/2"
    assert found.drive[found.order[0]] > 0
    assert found.lost > 0.2
    assert found.lost > 3 * np.median(found.random)
    assert found.ratio >= 3
    assert found.views()[0].rows[0][0] == "rnn.0.hidden/2"
    again = drivers(model, corpus, f"{site}/8", range(5), range(5, 10), first=1)
    np.testing.assert_array_equal(again.random, found.random)


def test_a_unit_that_only_reads_symbols_loses_nothing_by_others(corpus):
    found = drivers(wired(corpus, "rnn"), corpus, "rnn.0.hidden/0", range(5), range(5, 10))
    assert found.lost == 0 and found.random.max() == 0


def test_what_a_unit_raises_is_its_column_of_the_readout():
    readout = torch.nn.Linear(3, 4)
    with torch.no_grad():
        readout.weight.copy_(torch.tensor([[0.0, 2.0, 0], [0, 0.0, 0], [0, -1.0, 0], [0, -1.0, 0]]))
    up, down = raised(readout, 1, 0.5, ["a", "b", "c", "d"], count=1)
    assert up == [("a", 1.0)] and down == [("d", -0.5)]


@pytest.mark.parametrize("address", ["rnn.0.hidden", "readout.output/3", "rnn.0.hidden/99"])
def test_what_is_no_unit_of_a_state_is_refused(corpus, address):
    with pytest.raises(InputError, match=r"is no unit|has 9 units"):
        drivers(wired(corpus, "rnn"), corpus, address, range(2), range(2, 4))
