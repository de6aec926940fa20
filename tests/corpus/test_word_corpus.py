from pathlib import Path

import pytest
import torch
from treebanks import written

from unitscope.corpus.corpus import Corpus
from unitscope.corpus.treebank import read_treebank
from unitscope.corpus.vocabulary import UNKNOWN, Vocabulary
from unitscope.corpus.word_corpus import WordCorpus, word_vocabulary
from unitscope.errors import InputError
from unitscope.probing.words import HasWords


def test_words_are_tokens(tmp_path: Path) -> None:
    sentences = read_treebank(written(tmp_path))
    vocabulary = Vocabulary((UNKNOWN, "i", "go", "café"))
    corpus = WordCorpus(sentences, "small", vocabulary)
    assert isinstance(corpus, Corpus)
    assert isinstance(corpus, HasWords)
    batch = corpus.batch([1, 0])
    assert batch.tokens.tolist() == [[3, 0, 0, 0, 0], [1, 0, 0, 2, 0]]
    assert batch.targets.tolist() == [[0, 0, 0, -1, -1], [0, 0, 2, 0, -1]]
    assert corpus.lengths([0, 1]) == [5, 4]
    assert corpus.words(1).tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]
    tags = corpus.labels("upos", 0)
    assert [corpus.classes("upos")[int(k)] for k in tags] == ["PRON", "AUX", "PART", "VERB", "PUNCT"]
    assert torch.isnan(corpus.labels("feats.Number", 0)).tolist() == [False, True, True, True, True]
    assert WordCorpus(sentences[:1], "small", vocabulary).fingerprint != corpus.fingerprint


def test_vocabulary(tmp_path: Path) -> None:
    sentences = read_treebank(written(tmp_path))
    assert word_vocabulary([*sentences, sentences[0]], 2).symbols == (UNKNOWN, ".", "do", "go", "i", "n't")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    sentences = read_treebank(written(tmp_path))
    with pytest.raises(InputError, match="no sentences"):
        WordCorpus([], "none", word_vocabulary(sentences))
    with pytest.raises(InputError, match="symbol for unknown words"):
        WordCorpus(sentences, "small", Vocabulary(("i",)))
    with pytest.raises(InputError, match="no label 'mood'; there are: deprel"):
        WordCorpus(sentences, "small", word_vocabulary(sentences)).labels("mood", 0)
