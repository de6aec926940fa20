"""Phrases from parsers that the user has installed. Everything else of the concept bank works without one.

``parser("benepar:benepar_en3")`` and ``parser("stanza:en")`` give constituents, as gold trees do;
``parser("spacy:en_core_web_sm")`` gives the noun chunks and the whole subtrees of a dependency parse, since spaCy knows
no constituents. Each takes texts and returns sentences with words and ``spans``.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from unitscope.corpus.sentence import Sentence, Span, Word
from unitscope.errors import InputError

Parser = Callable[[Sequence[str]], Iterator[Sentence]]

INSTALL = {
    "spacy": "pip install spacy && python -m spacy download {model}",
    "stanza": "pip install stanza && python -c \"import stanza; stanza.download('{model}')\"",
    "benepar": "pip install benepar && python -c \"import benepar; benepar.download('{model}')\"",
}
WITHOUT = "without it phrases come from the gold trees of a treebank (.ptb, .mrg), or from n-grams"


def parser(name: str) -> Parser:
    """The parser ``library:model``. Raises ``InputError`` if it is not known, not installed, or has no such model."""
    library, _, model = name.partition(":")
    if library not in INSTALL or not model:
        raise InputError(
            f"no parser is called {name!r}; write spacy:MODEL, stanza:LANGUAGE or benepar:MODEL, "
            "for example spacy:en_core_web_sm"
        )
    install = INSTALL[library].format(model=model)
    try:
        module: Any = importlib.import_module(library)
    except ImportError as error:
        raise InputError(f"the parser {library} is not installed: {install}; {WITHOUT}") from error
    try:
        made: Parser = {"spacy": _spacy, "stanza": _stanza, "benepar": _benepar}[library](module, model)
    except Exception as error:  # each library fails in its own way when a model is missing
        why = " ".join(str(error).replace("*", "").split())[:160]  # some print half a page
        raise InputError(
            f"{library} cannot open its model {model!r} ({why}); get it by: {install}; {WITHOUT}"
        ) from error
    return made


def _spacy(spacy: Any, model: str) -> Parser:
    pipeline = spacy.load(model)
    if "parser" not in pipeline.pipe_names:
        raise ValueError("it has no dependency parser")
    return lambda texts: (subtrees(document, number) for number, document in enumerate(pipeline.pipe(texts)))


def subtrees(document: Any, number: int) -> Sentence:
    """A parsed spaCy document: its words, and as spans its noun chunks and each subtree without a gap.

    Languages of which spaCy knows no noun chunks have the subtrees only.
    """
    chunks = document.noun_chunks if document.noun_chunks_iterator is not None else ()
    spans = {(chunk.start, chunk.end): "NP" for chunk in chunks}
    for token in document:
        inside = [other.i for other in token.subtree]
        if inside[-1] - inside[0] + 1 == len(inside):
            spans.setdefault((inside[0], inside[-1] + 1), token.pos_ or token.dep_)
    found = [Span(start, stop, label) for (start, stop), label in sorted(spans.items())]
    return _sentence(document, number, found)


def _benepar(_benepar: Any, model: str) -> Parser:
    pipeline = importlib.import_module("spacy").blank("en")  # which importing benepar has taught its parser
    pipeline.add_pipe("sentencizer")
    pipeline.add_pipe("benepar", config={"model": model})
    return lambda texts: (nodes(document, number) for number, document in enumerate(pipeline.pipe(texts)))


def nodes(document: Any, number: int) -> Sentence:
    """A spaCy document that benepar has parsed: its words, and the nodes of the trees of all of its sentences.

    The reference code of Na et al. reads only the first sentence.
    """
    spans = [
        Span(node.start, node.end, label)
        for sentence in document.sents
        for node in sentence._.constituents
        for label in node._.labels[:1]  # of nodes over the same words the highest
    ]
    return _sentence(document, number, spans)


def _sentence(document: Any, number: int, spans: Sequence[Span]) -> Sentence:
    words = tuple(
        Word(token.text, token.idx, token.idx + len(token.text), _known(upos=token.pos_, lemma=token.lemma_))
        for token in document
    )
    return _without_blanks(Sentence(document.text, words, f"text {number}", f"text {number}", tuple(spans)))


def _stanza(stanza: Any, language: str) -> Parser:
    # Nothing is downloaded unless the user asks for it.
    pipeline = stanza.Pipeline(
        language, processors="tokenize,pos,lemma,constituency", verbose=False, download_method=None
    )
    return lambda texts: (trees(pipeline(text), number) for number, text in enumerate(texts))


def trees(document: Any, number: int) -> Sentence:
    """A stanza document: its words, and the nodes of the trees of its sentences. Words of one token share its text."""
    words: list[Word] = []
    spans: list[Span] = []
    for part in document.sentences:
        first = len(words)
        for word in part.words:
            token = word if word.start_char is not None else word.parent
            start, stop = token.start_char, token.end_char
            words.append(Word(document.text[start:stop], start, stop, _known(upos=word.upos, lemma=word.lemma)))
        spans += _spans_of(part.constituency, first)[1]
    return Sentence(document.text, tuple(words), f"text {number}", f"text {number}", tuple(spans))


def _known(**labels: str | None) -> dict[str, str]:
    return {name: value for name, value in labels.items() if value}


def _spans_of(tree: Any, first: int) -> tuple[int, list[Span]]:
    """The word after a tree's last, and its inner nodes, a parent before its children."""
    if not tree.children:
        return first + 1, []
    if len(tree.children) == 1 and not tree.children[0].children:
        return first + 1, []  # a part of speech
    after, spans = first, []
    for child in tree.children:
        after, inside = _spans_of(child, after)
        spans += inside
    return after, [Span(first, after, str(tree.label)), *spans]


def _without_blanks(sentence: Sentence) -> Sentence:
    """spaCy counts runs of blanks as words; nobody else does."""
    kept = [i for i, word in enumerate(sentence.words) if word.form.strip()]
    if len(kept) == len(sentence.words):
        return sentence
    place = {old: new for new, old in enumerate(kept)}
    spans = []
    for span in sentence.spans:
        inside = [place[i] for i in range(span.start, span.stop) if i in place]
        if inside:
            spans.append(Span(inside[0], inside[-1] + 1, span.label))
    words = tuple(sentence.words[i] for i in kept)
    return Sentence(sentence.text, words, sentence.document, sentence.where, tuple(spans))
