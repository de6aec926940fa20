"""A network that does no better than frequencies is said to do so, first."""

import numpy as np
import pytest
import torch
from torch import nn

from unitscope.corpus.open import open_corpus
from unitscope.models.module import ModuleModel
from unitscope.page.parts.skill import Skilled
from unitscope.source.live import Live
from unitscope.source.skill import skill

TEXT = "abcabdabcabe" * 60


class Follows(nn.Module):
    """The logits of what follows each symbol."""

    def __init__(self, logits):
        super().__init__()
        self.table = nn.Embedding.from_pretrained(logits)
        self.out = nn.Linear(len(logits), len(logits), bias=False)
        nn.init.eye_(self.out.weight)

    def forward(self, tokens):
        return self.out(self.table(tokens))


def source(tmp_path, logits):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return Live(ModuleModel(Follows(logits)), open_corpus(tmp_path / "text.txt", length=40, context=0))


def test_better_than_frequencies_or_not(tmp_path):
    corpus = open_corpus_of(tmp_path)
    ids = np.array([corpus.vocabulary.ids[symbol] for symbol in TEXT])
    pairs = np.full((len(corpus.vocabulary),) * 2, 1e-3)
    np.add.at(pairs, (ids[:-1], ids[1:]), 1)
    good = skill(source(tmp_path, torch.tensor(np.log(pairs / pairs.sum(1, keepdims=True))).float()))
    counts = np.bincount(ids) / len(ids)
    entropy = -(counts * np.log(counts)).sum()
    assert good.is_skilled
    assert good.unigrams == pytest.approx(entropy, abs=0.05)
    assert good.loss < entropy / 2
    bad = skill(source(tmp_path, torch.randn(len(counts), len(counts), generator=torch.Generator().manual_seed(0)) * 3))
    assert not bad.is_skilled
    assert bad.sentence.startswith("Warning: Follows predicts no better")


def open_corpus_of(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return open_corpus(tmp_path / "text.txt", length=40, context=0)


def test_first_on_the_page_and_kept(tmp_path):
    live = source(tmp_path, torch.randn(5, 5, generator=torch.Generator().manual_seed(0)) * 3)
    found = skill(live)
    Skilled(found).save(tmp_path)
    (part,) = Skilled.load(tmp_path)
    assert part.skill == found
    assert part.order < 10
    assert part.story(live) == found.sentence
    (section,) = part.sections(live)
    assert section.views[0].rows == [["the network", found.loss], ["frequencies of symbols", found.unigrams]]


def test_too_little_says_nothing(tmp_path):
    live = source(tmp_path, torch.zeros(5, 5))
    assert skill(Live(live.model, live.corpus, sequences=[0])) is None
