import numpy as np
import pytest
import torch

from unitscope.corpus.splits import Split
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.ngram import NGram
from unitscope.networks.card import Card, save
from unitscope.networks.char import CharConfig, CharNet
from unitscope.networks.context import ContextConfig, ContextNet
from unitscope.studies.library.visualizing_rnns.dynamics import divergence, ngram_predictions, resemblance
from unitscope.studies.library.visualizing_rnns.held_out import HeldOut

VOCABULARY = Vocabulary(tuple("abcd"))


@pytest.fixture(scope="module")
def texts():
    dice = np.random.default_rng(0)
    return [dice.integers(0, 4, 200) for _ in range(5)], HeldOut(dice.integers(0, 4, (6, 31)), VOCABULARY)


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snapshots")
    for epoch in (1, 2):
        torch.manual_seed(epoch)
        net = CharNet(CharConfig(4, units=5))
        save(folder / str(epoch), net, Card("char", net.config, VOCABULARY.symbols, split=Split()))
    return {float(epoch): folder / str(epoch) for epoch in (1, 2)}


def test_divergences_are_those_of_the_definition(texts, snapshots):
    segments, held_out = texts
    ngram = NGram.fit(segments, 4, 3)
    torch.manual_seed(3)
    near = ContextNet(ContextConfig(4, 2, 3))
    found = resemblance(held_out, snapshots, ngram, {2: near}, contexts=[1, 3], stretches=3)
    assert found.names == ["1-gram", "3-gram", "2-NN"]
    torch.manual_seed(2)
    net = CharNet(CharConfig(4, units=5)).eval()
    tokens = torch.from_numpy(held_out.ids[[0, 2, 5]])
    p = torch.log_softmax(net(tokens[:, :-1]), 2)
    q = torch.log_softmax(near(tokens[:, :-1]), 2)
    kl = torch.nn.functional.kl_div
    forth = kl(q, p, log_target=True, reduction="none").sum(2).mean(1)
    back = kl(p, q, log_target=True, reduction="none").sum(2).mean(1)
    np.testing.assert_allclose(found.forward[1, 2], forth.detach(), rtol=1e-4)
    np.testing.assert_allclose(found.symmetric[1, 2], ((forth + back) / 2).detach(), rtol=1e-4)
    loss = torch.nn.functional.cross_entropy(p.flatten(0, 1), tokens[:, 1:].flatten())
    assert found.loss[1] == pytest.approx(float(loss.detach()), rel=1e-5)


def test_the_ngram_predicts_what_it_scores(texts):
    segments, held_out = texts
    ngram = NGram.fit(segments, 4, 3)
    for context in (0, 3):
        whole = ngram_predictions(held_out, ngram, context)
        np.testing.assert_allclose(np.exp(whole).sum(2), 1, rtol=1e-5)
        own = np.take_along_axis(whole, held_out.targets[..., None], 2)[..., 0]
        np.testing.assert_allclose(own, held_out.ngram_scores(ngram)[context], rtol=1e-4)


def test_the_nearest_model(texts, snapshots):
    segments, held_out = texts
    found = resemblance(held_out, snapshots, NGram.fit(segments, 4, 3), contexts=[1, 2, 3])
    table = found.forward.mean(2)
    assert found.nearest().tolist() == (table.argmin(1) + 1).tolist()
    assert ((found.sure() > 0) & (found.sure() <= 1)).all()
    assert found.of("NN") == []
    assert len(found.views()) == 4


def test_a_model_is_no_distance_from_itself():
    p = np.log(np.random.default_rng(0).dirichlet(np.ones(4), (2, 5))).astype(np.float32)
    assert divergence(p, p).tolist() == [0, 0]
    assert (divergence(p, p[:, ::-1]) > 0).all()
