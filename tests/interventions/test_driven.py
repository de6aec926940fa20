import numpy as np
import pytest
import torch
from torch import nn

from unitscope.corpus.drives import DriveCorpus, Ends, each_channel, impulse, sine, step
from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.interventions.driven import Driven, respond_coupled, values_of
from unitscope.models.module import ModuleModel


class Causal(nn.Module):
    """Each step's embedding, then a convolution over this step and the two before it, and a leaky sum by hand."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 2, dtype=torch.float64)
        self.conv = nn.Conv1d(2, 3, 3, dtype=torch.float64)
        self.act = nn.Identity()

    def forward(self, tokens):
        x = nn.functional.pad(self.embedding(tokens).transpose(1, 2), (2, 0))
        return self.act(self.conv(x).transpose(1, 2))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return ModuleModel(Causal(), logits=lambda _: None)


def test_a_convolution_settles_when_the_step_has_passed_through_it(model):
    with torch.no_grad():
        model.module.conv.weight.copy_(torch.tensor([[[1.0, 1, 1]] * 2, [[0, 0, 1]] * 2, [[1, 0, 0]] * 2]))
    ends = Ends(torch.zeros(1, 2), torch.ones(1, 2))
    drives = DriveCorpus([step(40), impulse(40)], ends)
    results = respond_coupled(model, "embedding.output", drives, ["act.output"])
    stepped, struck = results
    assert stepped.metric("settling").tolist() == [2, 0, 2]
    np.testing.assert_allclose(stepped.metric("delta"), [6, 2, 2], atol=1e-6)
    bias = model.module.conv.bias.detach().numpy()
    np.testing.assert_allclose(
        struck.response[18:24] - bias, [[0, 0, 0]] * 2 + [[2, 2, 0], [2, 0, 0], [2, 0, 2], [0] * 3], atol=1e-6
    )


def test_a_sine_passes_a_convolution_with_the_gain_of_its_filter(model):
    ends = Ends(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    (result,) = respond_coupled(model, "embedding.output", DriveCorpus([sine(200, 0.05)], ends), ["conv.output"])
    taps = model.module.conv.weight[:, 0].detach().numpy()  # oldest first
    gain = np.abs(taps @ np.exp(2j * np.pi * 0.05 * np.arange(-2, 1)))
    np.testing.assert_allclose(result.metric("gain"), gain, rtol=1e-6)


def test_what_the_model_reads_makes_no_difference(model):
    drives = DriveCorpus([step(20)], Ends(torch.zeros(1, 2), torch.ones(1, 2)))
    found = [respond_coupled(model, "embedding.output", drives, ["act.output"], symbol=s) for s in (0, 5)]
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one.response, other.response)


def test_attention_responds_too(tmp_path):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, dropout=0.0)
    model = ModuleModel(nn.Sequential(nn.Embedding(7, 4), layer), logits=lambda _: None)
    (tmp_path / "a.txt").write_text("abc cba\n" * 10)
    corpus = open_corpus(tmp_path / "a.txt", length=16, context=0)
    ends = each_channel(values_of(model, corpus, "0.output", range(3)))
    drives = DriveCorpus([step(30)], ends, torch.float32)
    results = respond_coupled(model, "0.output", drives, ["1.linear1.output"])
    (result,) = results
    assert result.ways == 4
    assert (np.abs(result.metric("delta")) > 0).all()
    source = Driven(model, "0.output", drives)
    (chunk,) = source.chunks(["0.output"], ["step"])
    expected = drives.batch(range(4)).tokens.flatten(0, 1)
    torch.testing.assert_close(chunk["0.output"].activations, expected)


def test_drives_have_the_width_of_the_site(model):
    with pytest.raises(InputError, match="2 units but the drives have 3"):
        Driven(model, "embedding.output", DriveCorpus([step(9)], Ends(torch.zeros(1, 3), torch.ones(1, 3))))
    with pytest.raises(InputError, match="no site 'nowhere'"):
        Driven(model, "nowhere", DriveCorpus([step(9)], Ends(torch.zeros(1, 2), torch.ones(1, 2))))
