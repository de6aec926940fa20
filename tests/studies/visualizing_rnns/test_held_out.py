import numpy as np
import pytest
import torch

from unitscope.corpus.open import open_corpus
from unitscope.corpus.splits import Split
from unitscope.errors import InputError
from unitscope.models.ngram import NGram
from unitscope.networks.char import CharConfig, CharNet
from unitscope.studies.library.visualizing_rnns.held_out import HeldOut, estimate, train_segments


@pytest.fixture
def corpus(tmp_path):
    letters = np.random.default_rng(0).choice(list("abcd \n"), 6000)
    (tmp_path / "text.txt").write_text("".join(letters))
    return open_corpus(tmp_path / "text.txt", split=Split("interleaved", "all", (0.8, 0.1, 0.1), 5, 10))


@pytest.fixture
def held_out(corpus):
    return HeldOut.of(corpus, "test")


def test_stretches_are_those_of_the_split(corpus, held_out):
    whole = corpus.document_text(0)
    spans = corpus.split.of("test").spans(corpus.tokens)
    assert [held_out.text(row) for row in range(5)] == [whole[first:after] for first, after in spans]
    assert [len(segment) for segment in train_segments(corpus)] == [960] * 5


def test_scores_are_log_probabilities_of_what_comes_next(held_out):
    torch.manual_seed(0)
    net = CharNet(CharConfig(6, "gru", 2, 8))
    scores = held_out.scores(net)
    logits = net(torch.from_numpy(held_out.ids))[:, :-1]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.from_numpy(held_out.targets).flatten())
    assert scores.shape == held_out.targets.shape
    assert -scores.mean() == pytest.approx(float(loss.detach()), rel=1e-5)


def test_reading_predictions_leaves_gradients_alone(held_out):
    blocks = held_out.distributions(CharNet(CharConfig(6, "rnn", 1, 4)), steps=10)
    assert next(blocks).shape == (5, 10, 6)
    assert not torch.is_inference_mode_enabled()


def test_n_grams_predict_the_same_characters(corpus, held_out):
    ngram = NGram.fit(train_segments(corpus), 6, 2)
    scores = held_out.ngram_scores(ngram)
    assert scores.shape == (3, *held_out.targets.shape)
    own = ngram.log_probs([held_out.ids[3]])[2]
    np.testing.assert_allclose(scores[2, 3], own[1:], rtol=1e-6)


def test_an_interval_is_that_of_the_stretches():
    values = np.random.default_rng(0).normal(1, 1, (400, 1)) + np.zeros((400, 50))  # alike within a stretch
    found = estimate(values)
    assert found.mean == pytest.approx(values.mean())
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(values[:, 0].std() / 20, rel=0.1)
    where = np.zeros(values.shape, bool)
    where[0] = True
    assert estimate(values, where).mean == pytest.approx(values[0, 0])
    assert np.isnan(estimate(values, np.zeros(values.shape, bool)).mean)


def test_a_part_that_is_too_short(tmp_path):
    (tmp_path / "text.txt").write_text("ab" * 500)
    corpus = open_corpus(tmp_path / "text.txt", split=Split("interleaved", "all", (0.8, 0.1, 0.1), 10, 10))
    with pytest.raises(InputError, match="too few"):
        HeldOut.of(corpus, "test")
