import dataclasses

import pytest

from unitscope.corpus.open import open_corpus
from unitscope.corpus.splits import Split
from unitscope.errors import InputError
from unitscope.networks.card import Card, load, save
from unitscope.networks.context import ContextConfig, ContextNet
from unitscope.studies.visualizing_rnns.grid import Plan, is_trained, plans, train_grid, trained


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("the quick brown fox jumps over the lazy dog. " * 100)
    return path


@pytest.fixture
def corpus(text):
    return open_corpus(text, split=Split("interleaved", "all", (0.8, 0.1, 0.1), 10, 20))


def none(*_):
    """Nobody watches."""


def test_every_combination_has_a_name_of_its_own():
    made = plans(("lstm", "gru"), (1, 2), (64, 128), ("modern", "paper"))
    assert len({plan.name for plan in made}) == 16
    assert Plan("lstm", 3, 64, "paper", 1.0).name == "lstm-3-64-paper-bias1"
    twice = plans(("rnn",), (1,), (64,), ("modern",), seeds=2)
    assert [plan.name for plan in twice] == ["rnn-1-64-modern", "rnn-1-64-modern-seed2"]


def test_the_two_protocols(text, corpus, tmp_path):
    modern = Plan("lstm", 2, 128).options(text, corpus, tmp_path, 10)
    paper = Plan("gru", 1, 64, "paper").options(text, corpus, tmp_path, 50)
    assert (modern.recipe, modern.epochs, modern.layers) == ("modern", 10, 2)
    assert (paper.recipe, paper.epochs, paper.rows, paper.rate) == ("paper", 50, 10, None)
    for options in (modern, paper):
        assert (options.split, options.split_rows, options.split_steps) == ("interleaved", 10, 20)
    assert modern.keep
    assert not paper.keep


def test_networks_are_trained_once_and_found_again(text, corpus, tmp_path):
    jobs = [Plan(cell, 1, 8).options(text, corpus, tmp_path / "grid", 1) for cell in ("lstm", "rnn")]
    seen = []
    train_grid(jobs, 1, lambda name, done, total: seen.append(name))
    assert set(seen) == {"lstm-1-8-modern", "rnn-1-8-modern"}
    members = trained(tmp_path / "grid", corpus.documents.fingerprint, len(corpus.vocabulary))
    assert [m.name for m in members] == ["lstm-1-8-modern", "rnn-1-8-modern"]
    lstm, rnn = members
    assert (lstm.cell, lstm.layers, lstm.protocol, lstm.forget_bias) == ("lstm", 1, "modern", 1.0)
    assert lstm.size == sum(weight.numel() for weight in load(lstm.folder)[0].parameters())
    assert lstm.validation == lstm.history[0]["validation"]
    assert {0.5, 1.0} <= set(lstm.snapshots())
    assert not rnn.snapshots()
    train_grid([dataclasses.replace(job, text=("gone",)) for job in jobs], 1, none)  # nothing is missing


def test_what_is_no_network_of_this_text_is_left_out(text, corpus, tmp_path):
    job = Plan("rnn", 1, 8).options(text, corpus, tmp_path / "grid", 1)
    assert not is_trained(tmp_path / "grid" / "rnn-1-8-modern")
    train_grid([job], 1, none)
    config = ContextConfig(28, 1, 4)
    save(tmp_path / "grid" / "n-NN" / "1", ContextNet(config), Card("context", config))
    assert len(trained(tmp_path / "grid", corpus.documents.fingerprint, len(corpus.vocabulary))) == 1
    with pytest.raises(InputError, match="learnt another text"):
        trained(tmp_path / "grid", "another", len(corpus.vocabulary))
    assert trained(tmp_path / "nothing", "another", 3) == []
