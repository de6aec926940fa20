"""The concept bank: what is collected, where, how often, and what is refused."""

import numpy as np
import pytest
from treebanks import treebank, written

from unitscope.banks.bank import Bank, make_bank
from unitscope.banks.candidates import BLANKS, constituents, lemmas, morphemes, ngrams, sentence_of, words
from unitscope.banks.morphemes import Morphemes, learn_morphemes
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError

TREE = "(S (NP-SBJ (NNP Ann)) (VP (VBD fed) (NP (DT the) (NNS cats))))\n"


def test_the_candidates_of_the_paper(tmp_path) -> None:
    """Ann fed the cats → its words, its phrases, and the morphemes of cats."""
    sentences = read_treebank(written(tmp_path, TREE, "one.ptb"))
    bank = make_bank(sentences, [words, constituents(), morphemes(Morphemes({"cats": ("cat", "s")}))])
    assert set(bank.texts) == {"Ann", "fed", "the", "cats", "the cats", "fed the cats", "Ann fed the cats", "cat", "s"}
    row = bank.table.iloc[bank.find("the cats")]
    assert (row["kind"], row["words"], row["label"], row["count"]) == ("phrase", 2, "NP", 1)
    assert bank.table.iloc[bank.find("s")]["kind"] == "morpheme"
    text = sentences[0].text
    found = {(bank.texts[c], text[start:stop]) for c, start, stop in bank.within(0)}
    assert found == {(name, name) for name in bank.texts}


def test_concepts_are_counted_once_whatever_their_case() -> None:
    texts = [sentence_of(text, str(i)) for i, text in enumerate(["The cat. The dog", "the end", "no"])]
    bank = make_bank(texts, [words])
    the = bank.find("THE")
    assert bank.texts[the] == "The"
    assert bank.table.iloc[the][["count", "sentences"]].tolist() == [3, 2]
    assert bank.inclusion[:, [the]].toarray().ravel().tolist() == [1, 1, 0]
    assert "." not in bank.texts


def test_a_morpheme_that_is_a_word_is_one_concept_with_all_its_places() -> None:
    texts = [sentence_of("cat cats", "0"), sentence_of("cats", "1")]
    bank = make_bank(texts, [words, morphemes(Morphemes({"cats": ("cat", "s")}))])
    assert bank.table["text"].tolist().count("cat") == 1
    cat = bank.find("cat")
    assert bank.table.iloc[cat][["kind", "count", "sentences"]].tolist() == ["word", 3, 2]


def test_every_run_of_words_is_an_ngram() -> None:
    bank = make_bank([sentence_of("a b, c", "0")], [ngrams(3)])
    assert bank.texts == ["a b"]
    assert make_bank([sentence_of("a b c", "0", BLANKS)], [ngrams(3)]).texts == ["a b", "a b c", "b c"]


def test_lemmas_stand_where_their_words_do(tmp_path) -> None:
    bank = make_bank(read_treebank(written(tmp_path)), [words, lemmas])
    lemma = bank.find("not", "lemma")
    assert bank.table.iloc[lemma]["kind"] == "lemma"
    go = [i for i, text in enumerate(bank.texts) if text == "go"]
    assert len(go) == 2
    assert bank.is_first[go].tolist() == [True, False]


def test_a_bank_is_saved_and_read_again(tmp_path) -> None:
    bank = make_bank([sentence_of("a b a", "0"), sentence_of("b", "1")], [words, ngrams()])
    bank.save(tmp_path / "bank")
    again = Bank.load(tmp_path / "bank")
    assert again.table.equals(bank.table)
    np.testing.assert_array_equal(again.places, bank.places)
    assert again.only([1]).texts == [bank.texts[1]]
    with pytest.raises(InputError, match="holds no concept bank"):
        Bank.load(tmp_path)
    make_bank([sentence_of("c d", "0")], [words]).save(tmp_path / "other")
    (tmp_path / "other" / "places.parquet").rename(tmp_path / "bank" / "places.parquet")
    with pytest.raises(InputError, match=r"places\.parquet is damaged"):
        Bank.load(tmp_path / "bank")


def test_what_never_occurs_is_refused() -> None:
    bank = make_bank([sentence_of("the cats ran", "0")], [words])
    with pytest.raises(InputError, match=r"'cat' never occurs in the 1 sentences; did you mean 'cats'"):
        bank.find("cat")
    with pytest.raises(InputError, match="no concept occurs 5 times"):
        make_bank([sentence_of("the cats ran", "0")], [words], min_count=5)


def test_gold_trees_of_a_real_treebank() -> None:
    folder = treebank("GUM_clean")
    file = sorted((folder / "const").glob("*.ptb"))[0]
    sentences = read_treebank(file)
    bank = make_bank(sentences, [words, constituents()])
    assert (bank.table["words"] <= 5).all()
    for concept, sentence, start, stop in bank.places[:: max(1, len(bank.places) // 200)]:
        assert " ".join(sentences[sentence].text[start:stop].lower().split()) == bank.texts[concept].lower()
    labels = bank.table.loc[bank.table["kind"] == "phrase", "label"]
    assert labels.value_counts().index[0] == "NP"


def test_morphemes_are_learnt_and_spell_their_words() -> None:
    pytest.importorskip("morfessor")
    stems = ["play", "work", "walk", "talk", "jump", "call", "paint", "kick", "laugh", "climb", "clean", "cook"]
    stems += ["count", "cover", "crawl", "dream", "fish", "gain"]
    text = " ".join(stem + ending for stem in stems for ending in ("", "s", "ed", "ing", "er"))
    segment = learn_morphemes([sentence_of(text, "0")])
    assert all("".join(segment(word)) == word for word in text.split())
    assert segment("Walking") == ("Walk", "ing")
    assert segment("unknown") == ("unknown",)
    assert segment.parts == learn_morphemes([sentence_of(text, "0")]).parts
