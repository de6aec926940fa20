"""What is read of the objects of spaCy, stanza and benepar, made here without their models; and what errors say."""

import importlib
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

from unitscope.banks.candidates import constituents, lemmas, words
from unitscope.banks.parsers import parser, subtrees
from unitscope.corpus.sentence import Sentence
from unitscope.errors import InputError


@contextmanager
def quiet() -> Iterator[None]:
    """What these libraries warn of is their own matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def library(name: str) -> Any:
    """The library, or the test is skipped."""
    with quiet():
        return pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)


def phrases(sentence: Sentence) -> list[tuple[str, str]]:
    return [(place.text, place.label) for place in constituents()(sentence)]


def forms(sentence: Sentence) -> list[str]:
    return [sentence.text[word.start : word.stop] for word in sentence.words]


def test_a_parser_that_is_not_there_says_what_to_install_and_what_works_without_it(monkeypatch) -> None:
    with pytest.raises(InputError, match="write spacy:MODEL"):
        parser("spacy")
    with pytest.raises(InputError, match="no parser is called 'treetagger:en'"):
        parser("treetagger:en")

    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    for name in ("spacy:en_core_web_sm", "stanza:en", "benepar:benepar_en3"):
        own = name.partition(":")[0]
        with pytest.raises(InputError, match=rf"{own} is not installed: pip install {own}.*\.ptb.*n-grams$"):
            parser(name)


@pytest.mark.parametrize("name", ["spacy:en_no_such_model", "stanza:xx-none", "benepar:benepar_none"])
def test_a_model_that_is_not_there_says_how_to_get_one(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("STANZA_RESOURCES_DIR", str(tmp_path))
    own, _, model = name.partition(":")
    library(own)
    with (
        quiet(),
        pytest.raises(InputError, match=f"{own} cannot open its model '{model}'.*pip install {own}.*{model}.*n-grams$"),
    ):
        parser(name)


def parsed_by_spacy(text: str, language: str = "en") -> Any:
    """The dog, that she fed, (two blanks) ran home: a dependency parse by hand."""
    spacy = library("spacy")
    pipeline = spacy.blank(language)
    document = pipeline.make_doc(text)
    names = [token.text for token in document]
    assert names == ["The", "dog", "she", "fed", "  ", "ran", "home"]
    heads, deps = [1, 5, 3, 1, 3, 5, 5], ["det", "nsubj", "nsubj", "relcl", "dep", "ROOT", "advmod"]
    pos = ["DET", "NOUN", "PRON", "VERB", "SPACE", "VERB", "ADV"]
    spaces = [bool(token.whitespace_) for token in document]
    lemma = ["the", "dog", "she", "feed", "  ", "run", "home"]
    return spacy.tokens.Doc(document.vocab, names, spaces, heads=heads, deps=deps, pos=pos, lemmas=lemma)


def test_noun_chunks_and_subtrees_of_spacy() -> None:
    sentence = subtrees(parsed_by_spacy("The dog she fed   ran home"), 3)
    assert forms(sentence) == [word.form for word in sentence.words] == ["The", "dog", "she", "fed", "ran", "home"]
    assert ("The dog", "NP") in phrases(sentence)
    assert {text for text, _ in phrases(sentence)} == {"The dog", "she fed", "The dog she fed"}
    assert [place.text for place in lemmas(sentence)] == ["the", "dog", "she", "feed", "run", "home"]
    assert [place.label for place in words(sentence)][:2] == ["DET", "NOUN"]
    assert sentence.document == "text 3"


def test_a_language_without_noun_chunks_has_its_subtrees() -> None:
    found = {text for text, _ in phrases(subtrees(parsed_by_spacy("The dog she fed   ran home", "xx"), 0))}
    assert found == {"she fed", "The dog she fed"}


def test_a_pipeline_of_spacy_from_disk(tmp_path: Path) -> None:
    spacy = library("spacy")
    with quiet():
        pipeline = spacy.blank("en")
        component = pipeline.add_pipe("parser")
        for label in ("nsubj", "dep"):
            component.add_label(label)
        pipeline.initialize()
        pipeline.to_disk(tmp_path / "small")
        spacy.blank("en").to_disk(tmp_path / "blank")
        (sentence, other) = parser(f"spacy:{tmp_path / 'small'}")(["The dog ran.", "Home it went."])
        with pytest.raises(InputError, match=r"cannot open its model .*it has no dependency parser.*n-grams"):
            parser(f"spacy:{tmp_path / 'blank'}")
    assert forms(sentence) == ["The", "dog", "ran", "."]
    assert other.document == "text 1"
    assert sentence.spans  # of a parser that has learnt nothing; each is some words
    assert all(span.start < span.stop <= 4 for span in sentence.spans)


class Tree(NamedTuple):
    """What benepar's own parsers give of a sentence."""

    starts: np.ndarray
    ends: np.ndarray
    labels: np.ndarray
    tags: None = None


class SmallBenepar:
    """A parser in benepar's sense. Nodes are in the order of a walk, of those with one beginning the longest first."""

    config: ClassVar = {"label_vocab": {"": 0, "S": 1, "NP": 2, "VP": 3, "S::VP": 4}, "tag_vocab": {"X": 0}}

    def parse(self, sentences: Iterable[Any], **_: Any) -> Iterator[Tree]:
        trees = {
            4: [(0, 4, 1), (0, 2, 2), (0, 1, 0), (1, 2, 0), (2, 3, 3), (3, 4, 0)],
            5: [(0, 5, 1), (0, 1, 2), (1, 4, 4), (1, 2, 0), (2, 4, 2), (2, 3, 0), (3, 4, 0), (4, 5, 0)],
        }
        return (Tree(*np.array(trees[len(sentence.words)]).T) for sentence in sentences)


def test_trees_of_benepar_of_all_sentences_of_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    library("benepar")
    from benepar.integrations import spacy_plugin

    monkeypatch.setattr(spacy_plugin, "load_trained_model", lambda name: SmallBenepar())
    with quiet():
        (sentence,) = parser("benepar:small")(["The cats ran. They ate the fish."])
    assert forms(sentence) == ["The", "cats", "ran", ".", "They", "ate", "the", "fish", "."]
    assert phrases(sentence) == [
        ("The cats ran.", "S"),
        ("The cats", "NP"),
        ("They ate the fish.", "S"),
        ("ate the fish", "S"),
        ("the fish", "NP"),
    ]


def test_trees_of_stanza_with_words_that_share_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    stanza = library("stanza")
    with quiet():
        from stanza.models.common.doc import Document
        from stanza.models.constituency.tree_reader import read_trees
    text = "I can't go. Ann ran."
    rows = [
        [
            {"id": 1, "text": "I", "upos": "PRON", "lemma": "I", "start_char": 0, "end_char": 1},
            {"id": (2, 3), "text": "can't", "start_char": 2, "end_char": 7},
            {"id": 2, "text": "ca", "upos": "AUX", "lemma": "can"},
            {"id": 3, "text": "n't", "upos": "PART", "lemma": "not"},
            {"id": 4, "text": "go", "upos": "VERB", "lemma": "go", "start_char": 8, "end_char": 10},
            {"id": 5, "text": ".", "upos": "PUNCT", "lemma": ".", "start_char": 10, "end_char": 11},
        ],
        [
            {"id": 1, "text": "Ann", "upos": "PROPN", "start_char": 12, "end_char": 15},
            {"id": 2, "text": "ran", "upos": "VERB", "lemma": "run", "start_char": 16, "end_char": 19},
            {"id": 3, "text": ".", "upos": "PUNCT", "lemma": ".", "start_char": 19, "end_char": 20},
        ],
    ]
    document = Document(rows, text=text)
    document.sentences[0].constituency = read_trees(
        "(ROOT (S (NP (PRP I)) (VP (MD ca) (RB n't) (VP (VB go))) (. .)))", use_tqdm=False
    )[0]
    document.sentences[1].constituency = read_trees("(ROOT (S (NP (NNP Ann)) (VP (VBD ran)) (. .)))", use_tqdm=False)[0]

    def pipeline(language: str, *, processors: str, verbose: bool, download_method: None) -> Any:
        assert (language, processors.split(",")[-1]) == ("en", "constituency")
        return {text: document}.__getitem__

    monkeypatch.setattr(stanza, "Pipeline", pipeline)
    (sentence,) = parser("stanza:en")([text])
    assert forms(sentence) == ["I", "can't", "can't", "go", ".", "Ann", "ran", "."]
    assert [word.labels.get("lemma") for word in sentence.words] == ["I", "can", "not", "go", ".", None, "run", "."]
    assert phrases(sentence) == [("I can't go.", "ROOT"), ("can't go", "VP"), ("Ann ran.", "ROOT")]
