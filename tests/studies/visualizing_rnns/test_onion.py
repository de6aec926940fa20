"""Each oracle on a text where it alone knows."""

from collections import Counter

import numpy as np
import pytest

from unitscope.corpus.vocabulary import UNKNOWN, Vocabulary
from unitscope.studies.library.visualizing_rnns.held_out import HeldOut
from unitscope.studies.library.visualizing_rnns.onion import KINDS, letters, onion, word_counts

SYMBOLS = (*' \n"abcdefgh.,!', UNKNOWN)
VOCABULARY = Vocabulary(SYMBOLS)


def ids(text):
    return [SYMBOLS.index(letter) for letter in text]


def peeled(text, p, words, ngrams=None, filler=0):
    """The cause of every target of one stretch of text, as the kind of its layer; a blank where there is no error."""
    held_out = HeldOut(np.array([ids(text)]), VOCABULARY)
    scores = np.log(np.broadcast_to(np.array(p, float), held_out.targets.shape))
    if ngrams is None:
        ngrams = np.full((10, *scores.shape), -3.0)
    found = onion(held_out, scores, ngrams, words)
    return found, ["" if c < 0 else found.layers[c][1] for c in found.cause[0]]


def test_every_oracle_has_its_own():
    text = 'abc abc def gh.a\n"h'
    words = Counter({"abc": 100, "def": 2, "a": 50, "h": 9, "gh": 80})
    found, names = peeled(text, 0.25, words)
    said = dict(enumerate(names, 1))  # target t of the text
    after = "after a blank, a quotation mark or a line break"
    assert said[1] == said[2] == "with 0.3 more"  # the first abc: nothing was before
    assert said[3] == "with 0.3 more"  # the blank after it
    assert said[4] == after  # the first letter of the second abc is not remembered
    assert said[5] == said[6] == "word within the last 100 characters"
    assert said[8] == said[9] == said[10] == "word seen 2 times in training"
    assert said[12] == after and said[13] == "with 0.3 more"  # gh is known, and was not read yet
    assert said[14] == "a punctuation mark"
    assert said[15] == "with 0.3 more"  # follows a full stop
    assert said[17] == after and said[18] == after  # the quotation mark, and what is in it
    assert found.errors == len(text) - 1
    assert sum(share.mean for share in found.shares().values()) == pytest.approx(1)
    assert found.counts().sum() == found.errors


def test_the_ngram_comes_first_and_only_up_to_nine():
    text = "abc abc"
    ngrams = np.full((12, 1, 6), -3.0)
    ngrams[9, 0, 4], ngrams[11, 0, 5], ngrams[0, 0, 3] = -0.1, -0.1, -0.1
    _, names = peeled(text, 0.25, Counter({"abc": 100}), ngrams)
    assert names[4] == "n-gram of 1 to 9 characters"
    assert names[5] == "word within the last 100 characters"
    assert names[3] == "after a blank, a quotation mark or a line break"
    short, names = peeled(text, 0.25, Counter({"abc": 100}), ngrams[:1])
    assert short.counts()[0] == 0


def test_memories_reach_so_far():
    text = "abc " + "d" * 500 + " abc"
    _, names = peeled(text, 0.25, Counter({"abc": 100, "d" * 500: 100}))
    assert names[-1] == names[-2] == "word within the last 1,000 characters"


def test_boosts_go_up_by_tenths_and_what_is_right_is_left():
    p = [0.6, 0.4, 0.41, 0.39, 0.3, 0.05, 0.001]
    _, names = peeled("aaaaaaaa", p, Counter({"aaaaaaaa": 100}))
    assert names == ["", *(f"with {b} more" for b in (0.1, 0.1, 0.2, 0.2, 0.5, 0.5))]


def test_a_smaller_model_is_compared(tmp_path):
    words = Counter({"abc": 100})
    worse, _ = peeled("abc.abc", 0.25, words)
    better, _ = peeled("abc.abc", [0.9, 0.9, 0.25, 0.25, 0.9, 0.9], words)
    table = worse.against(better, "small", "large")
    assert [row[0] for row in table.rows] == list(KINDS)
    assert sum(row[1] for row in table.rows) == worse.errors - better.errors == 4
    assert {row[0]: row[1] for row in table.rows}["memory"] == 2
    assert len(worse.views("small")) == 2


def test_words_are_counted_and_the_unknown_symbol_is_one_letter():
    segments = [np.array(ids("ab ab.cd")), np.array([*ids("ab"), len(SYMBOLS) - 1, *ids("ab")])]
    assert word_counts(segments, VOCABULARY) == Counter({"ab": 4, "cd": 1})
    assert len(letters(segments[1], VOCABULARY)) == 5
