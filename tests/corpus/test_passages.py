"""Short texts as a corpus: tokens, labels and words for characters, bytes and sub-words."""

import numpy as np
import pytest
from subword_tokenizer import word_pieces
from treebanks import written

from unitscope.corpus.dialect import Notes
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters, Subwords
from unitscope.corpus.treebank import TreebankCorpus, read_treebank
from unitscope.corpus.vocabulary import UnknownSymbols, Vocabulary
from unitscope.errors import InputError

LETTERS = Vocabulary.of("abcdefghijklmnopqrstuvwxyzé .\n")


def test_each_text_is_a_sequence_of_its_own() -> None:
    corpus = Passages(["ann fed", "cats"], "pets", Characters(LETTERS))
    batch = corpus.batch([0, 1])
    assert batch.lengths.tolist() == [7, 4]
    assert batch.context.tolist() == [0, 0]
    assert "".join(LETTERS.decode(batch.tokens[0].tolist())) == "ann fed"
    assert LETTERS.decode(batch.targets[1][:3].tolist()) == list("ats")
    assert batch.targets[1].tolist()[3:] == [-1] * 4
    assert corpus.mean_length == 5.5


def test_a_bytes_reading_knows_the_character_of_each_byte() -> None:
    symbols = Vocabulary(tuple(chr(i) for i in range(256)))
    corpus = Passages(["né"], "one", Characters(symbols, "bytes"))
    assert corpus.batch([0]).tokens[0].tolist() == list("né".encode())
    assert corpus.offsets(0).tolist() == [[0, 1], [1, 2], [1, 2]]
    assert corpus.tokens_of(0, np.array([[1, 2]])).tolist() == [[1, 3]]


def test_what_the_model_does_not_know_is_said() -> None:
    for reading, text in (Characters(LETTERS, stand_in="."), "a猫 b"), (Subwords(word_pieces()), "the 猫 dog"):
        notes = Notes()
        with pytest.warns(UnknownSymbols, match="猫"):
            corpus = Passages([text], "one", reading, notes=notes)
        assert "symbols that the model does not know" in corpus.describe()["as read"]


def test_what_a_vocabulary_lacks_is_refused_or_replaced() -> None:
    with pytest.raises(InputError, match=r"holds .X.*stand-in"):
        Passages(["aXb"], "one", Characters(LETTERS)).batch([0])
    corpus = Passages(["aXb"], "one", Characters(LETTERS, stand_in="."))
    assert LETTERS.decode(corpus.batch([0]).tokens[0].tolist()) == ["a", ".", "b"]
    with pytest.raises(InputError, match="no symbol of the vocabulary"):
        Characters(LETTERS, stand_in="!")


def test_sentences_have_words_context_and_labels_of_the_whole_document(tmp_path) -> None:
    sentences = read_treebank(written(tmp_path))
    theirs = TreebankCorpus(sentences, "small", unit="characters", context=6)
    ours = Passages(sentences, "small", Characters(theirs.vocabulary), context=6)
    for number in range(len(sentences)):
        assert ours.words(number).tolist() == theirs.words(number).tolist()
        assert ours.text(number) == theirs.text(number)
        np.testing.assert_array_equal(
            ours.labels("position-in-line", number), theirs.labels("position-in-line", number)
        )
    mine, others = ours.batch([0, 1]), theirs.batch([0, 1])
    assert mine.context.tolist() == others.context.tolist()
    assert mine.tokens[1].tolist() == others.tokens[1].tolist()
    assert ours.window(1).document == ours.window(0).document


def test_sub_words_stand_between_special_tokens(tmp_path) -> None:
    tokenizer = word_pieces()
    corpus = Passages(["the lazy dog", "fox"], "two", Subwords(tokenizer))
    batch = corpus.batch([0, 1])
    assert batch.tokens[0].tolist() == tokenizer.encode("the lazy dog").ids
    assert batch.context.tolist() == [1, 1]
    assert batch.lengths.tolist() == [len(tokenizer.encode(text).ids) - 1 for text in ("the lazy dog", "fox")]
    first, after = corpus.tokens_of(0, np.array([[4, 8]]))[0]
    assert (
        "".join(corpus.vocabulary.decode(batch.tokens[0, 1 + first : 1 + after].tolist())).replace("##", "") == "lazy"
    )


def test_texts_are_cut_and_too_long_ones_refused() -> None:
    assert Passages(["abcdef"], "one", Characters(LETTERS), longest=4).lengths([0]) == [4]
    with pytest.raises(InputError, match="6 tokens long and the model reads 5"):
        Passages(["abcdef"], "one", Characters(LETTERS, limit=5)).batch([0])
    with pytest.raises(InputError, match="has no texts"):
        Passages([], "none", Characters(LETTERS))
    with pytest.raises(InputError, match="no token"):
        Passages([""], "none", Characters(LETTERS)).batch([0])


def test_the_fingerprint_follows_text_and_cut() -> None:
    plain = Passages(["ab", "cd"], "x", Characters(LETTERS)).fingerprint
    assert plain == Passages(["ab", "cd"], "x", Characters(LETTERS)).fingerprint
    assert plain != Passages(["ab", "ce"], "x", Characters(LETTERS)).fingerprint
    assert plain != Passages(["ab", "cd"], "x", Characters(LETTERS), longest=1).fingerprint
