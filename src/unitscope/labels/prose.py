"""Labels for written language: sentences, paragraphs, words and their letters."""

import re
import unicodedata

import numpy as np

from unitscope.labels.label import Flags, Numbers, flag, number
from unitscope.labels.scan import Positions, after, blank_lines, count_since, marked, shared, since, spans, where

# A full stop after a title ends no sentence.
_SENTENCE_END = re.compile(
    r"(?<!\bMr)(?<!\bDr)(?<!\bSt)(?<!\bMrs)(?:(?<![.!?…])[.!?…]++[\"'”’)\]]*+(?=\s)|\n[ \t\r]*(?=\n))\s*"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@shared
def _sentence_starts(text: str) -> Flags:
    return marked(len(text), spans(_SENTENCE_END, text)[1])


@shared
def _words(text: str) -> tuple[Positions, Positions]:
    return spans(_WORD, text)


@flag("start of sentence")
def start_of_sentence(text: str) -> Flags:
    """The first character of a sentence: after . ! ? and white space, or after a blank line."""
    return _sentence_starts(text)


@number("position in sentence")
def position_in_sentence(text: str) -> Numbers:
    """Characters since the sentence began, 0 at its first."""
    return since(_sentence_starts(text)).astype(np.float32)


@number("words in sentence")
def words_in_sentence(text: str) -> Numbers:
    """Words of the sentence that have begun."""
    return count_since(_sentence_starts(text), marked(len(text), _words(text)[0])).astype(np.float32)


@number("position in paragraph")
def position_in_paragraph(text: str) -> Numbers:
    """Characters since the last blank line."""
    blank = blank_lines(text)
    return since(blank | after(blank)).astype(np.float32)


@number("word length")
def word_length(text: str) -> Numbers:
    """Letters of the whole word (looks ahead), an apostrophe or hyphen inside it counted; 0 outside words."""
    starts, ends = _words(text)
    change = np.zeros(len(text) + 1, np.int64)
    change[starts] += ends - starts
    change[ends] -= ends - starts
    return np.cumsum(change)[:-1].astype(np.float32)


@flag("inside capitalised word")
def inside_capitalised_word(text: str) -> Flags:
    """In a word that began with an upper-case letter."""
    starts, ends = _words(text)
    first = where(text, str.isupper)[starts]
    change = np.zeros(len(text) + 1, np.int64)
    change[starts[first]] += 1
    change[ends[first]] -= 1
    return np.cumsum(change)[:-1].astype(np.bool_)


@flag("vowel")
def vowel(text: str) -> Flags:
    """One of a, e, i, o, u, with or without an accent."""
    return where(text, lambda character: unicodedata.normalize("NFD", character)[0] in "aeiouAEIOU")
