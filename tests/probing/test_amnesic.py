import pytest
import torch

from unitscope.corpus.arithmetic import ArithmeticCorpus
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.probing.amnesic import amnesia, amnesia_view, edit_of, random_units
from unitscope.probing.erasure import Eraser, inlp, random_directions
from unitscope.source.live import Live

SITE = "rnn.0.hidden"


def model() -> tuple[ModuleModel, ArithmeticCorpus]:
    corpus = ArithmeticCorpus((3, 4), 15)
    torch.manual_seed(0)
    net = CharNet(CharConfig(len(corpus.vocabulary), units=8))
    net.readout.weight.data *= 10
    return ModuleModel(net), corpus


def test_the_edit_is_the_eraser() -> None:
    """On the readout's side of the last layer: what is read after the edit has lost exactly what the eraser takes."""
    net, corpus = model()
    x = torch.cat([chunk[SITE].activations for chunk in Live(net, corpus).chunks([SITE])])
    y = (x[:, 0] > x[:, 0].median()).long()
    eraser = inlp(x, y, 2, rounds=1)
    assert eraser.rank >= 1
    after = torch.cat([c[SITE].activations for c in Live(net, corpus, edits=(edit_of(eraser, SITE),)).chunks([SITE])])
    taken = torch.eye(8, dtype=torch.float64) - eraser.matrix
    assert float(((after.double() - eraser.mean) @ taken.T).abs().max()) < 1e-5
    first = torch.tensor([chunk.position[0] for chunk in [next(iter(Live(net, corpus).chunks([SITE])))[SITE]]])
    assert int(first) == 0
    torch.testing.assert_close(after[0], eraser(x[:1])[0], atol=1e-5, rtol=1e-5)  # nothing came before


def test_costs_against_the_model_itself() -> None:
    net, corpus = model()
    x = torch.cat([chunk[SITE].activations for chunk in Live(net, corpus).chunks([SITE])])
    nothing = Eraser(torch.eye(8, dtype=torch.float64), x.mean(0).double(), 0)
    everything = Eraser(torch.zeros(8, 8, dtype=torch.float64), x.mean(0).double(), 8)
    found = {
        row.name: row
        for row in amnesia(
            net,
            corpus,
            SITE,
            {
                "nothing": nothing,
                "all": everything,
                "directions": random_directions(x, 2, 0),
                "units": random_units(x, 2, 0),
            },
            range(20),
        )
    }
    assert found["nothing"].cost == pytest.approx(0, abs=1e-6)
    assert found["nothing"].divergence == pytest.approx(0, abs=1e-6)
    assert found["nothing"].accuracy == 0
    assert found["all"].divergence > found["units"].divergence > 0
    assert found["directions"].divergence > 0
    assert found["all"].low <= found["all"].cost <= found["all"].high
    edited = Live(net, corpus, edits=(edit_of(everything, SITE),), sequences=range(20))
    intact = Live(net, corpus, sequences=range(20))
    means = [
        float(torch.cat([c["output.loss"].activations for c in source.chunks(["output.loss"])]).mean())
        for source in (intact, edited)
    ]
    assert found["all"].cost == pytest.approx(means[1] - means[0], abs=1e-5)
    assert [row[0] for row in amnesia_view(list(found.values()), "Amnesia").rows] == list(found)


def test_a_model_that_predicts_nothing() -> None:
    net = ModuleModel(torch.nn.Sequential(torch.nn.Embedding(25, 4)), logits=lambda _: None)
    with pytest.raises(InputError, match="predicts no symbols"):
        amnesia(net, ArithmeticCorpus((2,), 5), "0.output", {}, range(3))
