import numpy as np
import pytest
import torch

from unitscope.corpus.lookup_tables import LookupTables, draw_tables
from unitscope.corpus.pair_corpus import OutputCorpus, PairVocabulary
from unitscope.errors import InputError
from unitscope.interventions.group import GroupDamage, group_damage
from unitscope.models.edit import Edit
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.networks.seq2seq.network import Seq2SeqConfig, Seq2SeqNet

TASK = LookupTables(draw_tables(4, bits=2), held_compositions=1, held_inputs=1, validation=2)
PAIRS = [pair for pairs in TASK.splits().values() for pair in pairs]
CORPUS = OutputCorpus(PAIRS, PairVocabulary.of(PAIRS))
UNITS = 8


@pytest.fixture
def model():
    torch.manual_seed(1)
    net = Seq2SeqNet(Seq2SeqConfig(len(CORPUS.symbols.sources), len(CORPUS.symbols.targets), units=UNITS))
    return Seq2SeqModel(net, places=4).decoder


@pytest.mark.parametrize("measure", ["loss", "symbols", "sequences"])
def test_costs_are_those_of_a_loop(model, measure):
    values = [0.1 * unit for unit in range(UNITS)]
    found = group_damage(model, CORPUS, "encoder.hidden", [1, 4], values, measure=measure, draws=3, batch_size=7)
    for edits, cost in (((), found.intact), ((Edit("encoder.hidden", (1, 4), (0.1, 0.4)),), found.without)):
        costs = []
        for number in range(len(CORPUS)):
            batch = CORPUS.batch([number])
            read = model.run(batch, ["output.loss", "output.correct"], edits)
            loss, right = (read[name][0, batch.has_target[0], 0] for name in ("output.loss", "output.correct"))
            costs += loss.tolist() if measure == "loss" else (1 - right).tolist()
            if measure == "sequences":
                costs[-len(right) :] = [float(right.min() == 0)]
        assert cost == pytest.approx(np.mean(costs), abs=1e-5)
    assert found.random.shape == (3,)
    assert found.damage == found.without - found.intact


def test_excess_and_p_are_against_the_random_groups():
    found = GroupDamage("s", (0,), "loss", 0.0, 1.0, np.array([0.0, 1.0, 2.0, 0.5]))
    assert found.excess == pytest.approx(0.125)
    assert found.p == pytest.approx(3 / 5)


def test_a_group_of_all_units_is_every_random_group(model):
    found = group_damage(model, CORPUS, "decoder.hidden", range(UNITS), [0.0] * UNITS, draws=2)
    assert found.random.tolist() == [found.without] * 2
    assert found.p == 1


@pytest.mark.parametrize(
    ("site", "units", "says"),
    [("encoder.hidden", [], "at least one unit"), ("encoder.hidden", [1, 1], "each of them once"),
     ("encoder.hidden", [UNITS], "units 0 to 7"), ("encoder.colour", [0], "no site")],
)  # fmt: skip
def test_a_group_that_is_none_is_refused(model, site, units, says):
    with pytest.raises(InputError, match=says):
        group_damage(model, CORPUS, site, units, [0.0] * UNITS)
    with pytest.raises(InputError, match="cannot be read"):
        group_damage(model.whole.encoder, CORPUS, site, units, [0.0] * UNITS)
