import pytest

from unitscope.corpus.open import open_corpus
from unitscope.corpus.splits import Split
from unitscope.errors import InputError
from unitscope.networks.card import Card, load, save
from unitscope.networks.context import ContextConfig, ContextNet
from unitscope.networks.lessons.text import train
from unitscope.studies.library.visualizing_rnns.grid import Plan, is_trained, trained


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("the quick brown fox jumps over the lazy dog. " * 100)
    return path


@pytest.fixture
def corpus(text):
    return open_corpus(text, split=Split("interleaved", "all", (0.8, 0.1, 0.1), 10, 20))


def test_every_kind_has_a_name_of_its_own():
    made = [Plan(c, n, r, p) for c in ("lstm", "gru") for n in (1, 2) for r in (64, 128) for p in ("modern", "paper")]
    assert len({plan.name for plan in made}) == 16
    assert Plan("lstm", 3, 64, "paper", 1.0).name == "lstm-3-64-paper-bias1"
    assert Plan("rnn", 1, 64, seed=2).name == "rnn-1-64-modern-seed2"


def test_the_two_protocols(text, corpus, tmp_path):
    modern = Plan("lstm", 2, 128).options(text, corpus, tmp_path, 10)
    paper = Plan("gru", 1, 64, "paper").options(text, corpus, tmp_path, 50)
    assert (modern.recipe, modern.epochs, modern.layers) == ("modern", 10, 2)
    assert (paper.recipe, paper.epochs, paper.rows, paper.rate) == ("paper", 50, 10, None)
    for options in (modern, paper):
        assert (options.split, options.split_rows, options.split_steps) == ("interleaved", 10, 20)
    assert modern.keep
    assert not paper.keep


def test_trained_networks_are_found(text, corpus, tmp_path):
    for cell in ("lstm", "rnn"):
        train(Plan(cell, 1, 8).options(text, corpus, tmp_path / "grid", 1))
    members = trained(tmp_path / "grid", corpus.documents.fingerprint, len(corpus.vocabulary))
    assert [m.name for m in members] == ["lstm-1-8-modern", "rnn-1-8-modern"]
    lstm, rnn = members
    assert (lstm.cell, lstm.layers, lstm.protocol, lstm.forget_bias) == ("lstm", 1, "modern", 1.0)
    assert lstm.size == sum(weight.numel() for weight in load(lstm.folder)[0].parameters())
    assert lstm.validation == lstm.history[0]["validation"]
    assert {0.5, 1.0} <= set(lstm.snapshots())
    assert not rnn.snapshots()


def test_what_is_no_network_of_this_text_is_left_out(text, corpus, tmp_path):
    job = Plan("rnn", 1, 8).options(text, corpus, tmp_path / "grid", 1)
    assert not is_trained(tmp_path / "grid" / "rnn-1-8-modern")
    train(job)
    config = ContextConfig(28, 1, 4)
    save(tmp_path / "grid" / "n-NN" / "1", ContextNet(config), Card("context", config))
    assert len(trained(tmp_path / "grid", corpus.documents.fingerprint, len(corpus.vocabulary))) == 1
    with pytest.raises(InputError, match="learnt another text"):
        trained(tmp_path / "grid", "another", len(corpus.vocabulary))
    assert trained(tmp_path / "nothing", "another", 3) == []
