"""Auxiliary prediction tasks (Adi et al. 2017): length, whether a word is there, and which of two comes first.

The words that are asked about stand in the labels ``word``, or ``first`` and ``second``; a probe reads the sentence's
vector with theirs beside it. Without the sentence's vector it measures what the words alone give away.
"""

import random
from collections import Counter
from collections.abc import Sequence

from unitscope.corpus.sentence import Sentence
from unitscope.corpus.sentence_tasks.surface import binned
from unitscope.corpus.sentence_tasks.task import Candidate, SentenceTask, build, is_punctuation

BINS = ((5, 8), (9, 12), (13, 16), (17, 20), (21, 25), (26, 29), (30, 33), (34, 70))
WORD, FIRST, SECOND = "word", "first", "second"


def length(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Number of words: one of eight bins, 5–8 to 34–70."""
    labelled = [(s, binned(len(s.words), BINS)) for s in sentences]
    found = [Candidate(s.words, label, s.document, where=s.where) for s, label in labelled if label]
    return build("length", found, seed)


def content(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Whether a word is in the sentence. A word that is not is one of another sentence, so both are as usual."""
    draw = random.Random(seed)
    chosen = [(s, forms) for s in sentences if binned(len(s.words), BINS) and (forms := _forms(s))]
    found = []
    for s, own in chosen:
        held = draw.random() < 0.5
        other = draw.choice(draw.choice(chosen)[1])
        word = draw.choice(own) if held else other
        if held or word not in own:
            found.append(Candidate(s.words, "in" if held else "out", s.document, {WORD: word}, where=s.where))
    return build("content", found, seed)


def order(sentences: Sequence[Sentence], seed: int = 0) -> SentenceTask:
    """Whether the first of two words of the sentence comes before the second; each is there once."""
    draw = random.Random(seed)
    found = []
    for s in sentences:
        once = [form for form, count in Counter(_forms(s)).items() if count == 1]
        if not binned(len(s.words), BINS) or len(once) < 2:
            continue
        one, two = draw.sample(range(len(once)), 2)
        label = "before" if one < two else "after"
        others = {FIRST: once[one], SECOND: once[two]}
        found.append(Candidate(s.words, label, s.document, others, where=s.where))
    return build("order", found, seed)


def _forms(sentence: Sentence) -> list[str]:
    return [word.form.lower() for word in sentence.words if not is_punctuation(word)]
