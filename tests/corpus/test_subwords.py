"""Sub-words line up with the characters they are made of."""

import itertools

import numpy as np
import pytest
import torch
from subword_tokenizer import TEXT, byte_pairs, word_pieces
from torch import nn

from unitscope.corpus.open import open_corpus
from unitscope.corpus.subwords import SubwordCorpus
from unitscope.corpus.vocabulary import UnknownSymbols
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.recording.record import record
from unitscope.source.live import Live

BOTH = pytest.mark.parametrize("tokenizer", [byte_pairs(), word_pieces()], ids=["byte pairs", "word pieces"])


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return open_corpus(tmp_path / "text.txt", unit="characters")


@BOTH
def test_windows_hold_every_token_once(text, tokenizer):
    corpus = SubwordCorpus(text, tokenizer, length=50, context=10)
    expected = tokenizer.encode(TEXT, add_special_tokens=False).ids
    batch = corpus.batch(range(len(corpus)))
    assert batch.tokens[batch.counted].tolist() == expected
    assert sum(corpus.lengths(range(len(corpus)))) == len(expected)
    ends = (batch.lengths - 1).tolist()
    assert batch.targets[batch.counted][:-1].tolist() == expected[1:]
    assert (batch.targets[~batch.counted] == -1).all()
    assert len(ends) == len(corpus)


def test_special_tokens_stand_around_every_window_and_are_not_counted(text):
    tokenizer = word_pieces()
    corpus = SubwordCorpus(text, tokenizer, length=50, context=10)
    batch = corpus.batch([0, 1, len(corpus) - 1])
    cls, sep = (tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]"))
    assert (batch.tokens[:, 0] == cls).all()
    assert batch.tokens[torch.arange(3), batch.lengths].tolist() == [sep] * 3
    assert batch.context.tolist() == [1, 11, 11]
    assert not set(batch.tokens[batch.counted].tolist()) & {cls, sep}


@BOTH
def test_a_label_is_that_of_the_last_character(text, tokenizer):
    corpus = SubwordCorpus(text, tokenizer, length=50, context=10)
    by_character = text.labels("inside-double-quotes", 0)
    offsets = np.concatenate([corpus.offsets(number) for number in range(2)])
    found = torch.cat([corpus.labels("inside-double-quotes", number) for number in range(2)])
    assert found.tolist() == [float(by_character[stop - 1]) for _, stop in offsets]
    assert 0 < found.mean() < 1
    assert corpus.text(0) == TEXT[: offsets[49][1]].lstrip()


@BOTH
def test_symbols_read_as_text(text, tokenizer):
    corpus = SubwordCorpus(text, tokenizer, length=50)
    symbols = corpus.vocabulary.symbols
    assert len(symbols) == tokenizer.get_vocab_size()
    shown = "".join(corpus.vocabulary.decode(corpus.batch([0]).tokens[corpus.batch([0]).counted].tolist()))
    assert shown.split()[:2] == corpus.text(0).lower().split()[:2] or shown.split()[:2] == corpus.text(0).split()[:2]


def test_a_character_of_several_tokens_keeps_its_label(text):
    corpus = SubwordCorpus(text, byte_pairs(), length=10_000)
    values = corpus.labels("digit", 0)
    ids = corpus.batch([0]).tokens[0].tolist()
    euro = [place for place, (first, last) in enumerate(corpus.offsets(0)) if "€" in TEXT[first:last]]
    assert values.shape == (len(ids),)
    assert (values[euro] == 0).all()


@BOTH
def test_a_recording_answers_as_the_corpus_does(text, tokenizer, tmp_path):
    corpus = SubwordCorpus(text, tokenizer, length=50, context=10)
    model = ModuleModel(nn.Sequential(nn.Embedding(300, 4), nn.Linear(4, 300)))
    recording = record(Live(model, corpus), tmp_path / "run", ["0.output"])
    for name, sequence in itertools.product(("inside-double-quotes", "position-in-line"), (0, 3, len(corpus) - 1)):
        assert torch.equal(recording.labels(name, sequence), corpus.labels(name, sequence))


def test_fingerprint_sees_text_cut_and_tokenizer(text):
    prints = [
        SubwordCorpus(text, tokenizer, length).fingerprint
        for tokenizer, length in ((byte_pairs(), 50), (byte_pairs(), 60), (word_pieces(), 50))
    ]
    assert len(set(prints)) == 3


def test_what_it_cannot_read(text, tmp_path):
    with pytest.raises(InputError, match="unit='characters'"):
        SubwordCorpus(open_corpus(tmp_path / "text.txt"), byte_pairs())
    with pytest.raises(InputError, match="at least 1 token"):
        SubwordCorpus(text, byte_pairs(), length=0)
    (tmp_path / "blank.txt").write_text("\n \n")
    with pytest.raises(InputError, match="holds no token"):
        SubwordCorpus(open_corpus(tmp_path / "blank.txt", unit="characters"), word_pieces())


def test_unknown_words_are_said(tmp_path):
    (tmp_path / "text.txt").write_text("the lazy ☂ dog", encoding="utf-8")
    read = open_corpus(tmp_path / "text.txt", unit="characters")
    with pytest.warns(UnknownSymbols, match="of the symbols are none of the 80"):
        corpus = SubwordCorpus(read, word_pieces())
    assert "'☂'" in corpus.describe()["as read"]
    assert "as read" not in read.describe()
