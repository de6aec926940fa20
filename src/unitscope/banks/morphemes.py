"""Morphemes by Morfessor Baseline (Creutz & Lagus 2007; Virpioja et al. 2013), learnt from the words of a corpus."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from unitscope.corpus.sentence import Sentence
from unitscope.errors import InputError


@dataclass(frozen=True)
class Morphemes:
    """A segmentation of the words that it was learnt from. Words are folded to lower case; others stay whole."""

    parts: Mapping[str, tuple[str, ...]]

    def __call__(self, word: str) -> tuple[str, ...]:
        parts = self.parts.get(word.lower(), (word,))
        if len(word.lower()) != len(word):  # folding changed the letters themselves
            return (word,)
        cut, at = [], 0
        for part in parts:
            cut.append(word[at : at + len(part)])
            at += len(part)
        return tuple(cut)


def learn_morphemes(sentences: Iterable[Sentence], seed: int = 0) -> Morphemes:
    """Learn a segmentation from the words of sentences, each type counted once (dampening "ones").

    Raises ``InputError`` if Morfessor is not installed, or there is no word of letters.
    """
    try:
        import morfessor
        import morfessor.utils
    except ImportError as error:
        raise InputError(
            "morphemes need another package: pip install 'unitscope[morphemes]'; words, lemmas and phrases work without"
        ) from error
    counts = Counter(word.form.lower() for sentence in sentences for word in sentence.words if word.form.isalpha())
    if not counts:
        raise InputError("there are no words to learn morphemes from; give sentences with words of letters")
    model = morfessor.BaselineModel()
    state, bar = random.getstate(), morfessor.utils.show_progress_bar
    morfessor.utils.show_progress_bar = False
    random.seed(seed)  # Morfessor shuffles its words by Python's own generator
    try:
        model.load_data((1, word) for word in sorted(counts))
        model.train_batch()
    finally:
        random.setstate(state)
        morfessor.utils.show_progress_bar = bar
    return Morphemes({word: tuple(model.viterbi_segment(word)[0]) for word in counts})
