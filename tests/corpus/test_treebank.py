import math
from pathlib import Path

import pytest
from treebanks import written

from unitscope.corpus.corpus import Corpus
from unitscope.corpus.treebank import TreebankCorpus, read_treebank
from unitscope.corpus.vocabulary import UnknownSymbols, Vocabulary
from unitscope.errors import InputError


def corpus(folder: Path, **options: object) -> TreebankCorpus:
    return TreebankCorpus(read_treebank(written(folder)), "small", **options)


@pytest.mark.parametrize("unit", ["bytes", "characters"])
def test_words_stand_where_their_forms_are(tmp_path: Path, unit: str) -> None:
    bank = corpus(tmp_path, unit=unit)
    assert isinstance(bank, Corpus)
    for sequence, sentence in enumerate(bank.sentences):
        text = bank.text(sequence)
        for word, (start, stop) in zip(sentence.words, bank.words(sequence).tolist(), strict=True):
            part = text[start:stop]
            spelled = part.encode("latin-1").decode() if unit == "bytes" else part
            assert spelled == sentence.text[word.start : word.stop]


def test_batch_has_context_of_the_same_document_and_targets(tmp_path: Path) -> None:
    bank = corpus(tmp_path, context=4)
    batch = bank.batch([1, 0])
    assert batch.context.tolist() == [4, 0]
    symbols = bank.vocabulary.symbols
    row = "".join(symbols[i] for i in batch.tokens[0, : batch.lengths[0]].tolist())
    assert row.encode("latin-1").decode() == "go.\nCafé du coin"
    first = int(batch.context[0])
    following = batch.targets[0, first : int(batch.lengths[0])]
    assert "".join(symbols[i] for i in following.tolist()).encode("latin-1").decode(errors="replace").endswith("coin\n")
    assert bool((batch.targets[0, :first] == -1).all())
    assert bank.lengths([1, 0]) == [len("Café du coin".encode()), len("I don't go.")]


def test_labels_are_classes_on_words_and_nan_between(tmp_path: Path) -> None:
    bank = corpus(tmp_path)
    upos = bank.labels("upos", 0)
    names = [bank.classes("upos")[int(v)] if not math.isnan(v) else " " for v in upos.tolist()]
    assert names == ["PRON", " ", "AUX", "AUX", "PART", "PART", "PART", " ", "VERB", "VERB", "PUNCT"]
    word = bank.labels("word", 1)  # "du" stands for two words; the first counts
    assert [int(v) if not math.isnan(v) else -1 for v in word.tolist()] == [0] * 5 + [-1] + [1] * 2 + [-1] + [3] * 4
    assert "lemma" not in bank.annotations
    assert bank.labels("lemma", 0).isfinite().sum() == 9


def test_fingerprint_is_of_text_and_labels(tmp_path: Path) -> None:
    one = corpus(tmp_path).fingerprint
    assert corpus(tmp_path).fingerprint == one
    text = written(tmp_path).read_text(encoding="utf-8").replace("PRON", "NOUN")
    assert TreebankCorpus(read_treebank(written(tmp_path, text)), "small").fingerprint != one


def test_unknown_symbols_are_refused_or_stood_in_for(tmp_path: Path) -> None:
    ascii_only = Vocabulary.of(chr(i) for i in range(128))
    with pytest.raises(InputError, match=r"small\.conllu:12: the sentence holds '©'"):
        corpus(tmp_path, vocabulary=ascii_only)
    with pytest.warns(UnknownSymbols, match="7.7% of the symbols"):
        bank = corpus(tmp_path, vocabulary=ascii_only, stand_in="?")
    assert bank.batch([1]).tokens[0, -1] == ascii_only.ids["n"]
    assert (bank.batch([1]).tokens == ascii_only.ids["?"]).sum() == 2
    with pytest.raises(InputError, match="no symbol of the vocabulary"):
        corpus(tmp_path, vocabulary=ascii_only, stand_in="é")


def test_unknown_names_and_endings(tmp_path: Path) -> None:
    bank = corpus(tmp_path)
    with pytest.raises(InputError, match="there are: deprel"):
        bank.classes("color")
    with pytest.raises(InputError):
        bank.labels("no-such-label", 0)
    with pytest.raises(InputError, match=r"some\.xml is of no known format of annotated sentences: it begins '<a>'"):
        read_treebank(written(tmp_path, "<a>", "some.xml"))
    with pytest.raises(InputError, match="no sentence"):
        read_treebank(written(tmp_path, "\n"))
