"""Labels for written language: sentences, paragraphs, words and their letters."""

import re
import unicodedata

import numpy as np

from unitscope.labels.label import Flags, Numbers, flag, number
from unitscope.labels.scan import after, blank_lines, count_since, marked, shared, since, spans, where
from unitscope.labels.segments import marks, unspaced, words

# A full stop after a title ends no sentence.
_SENTENCE_END = re.compile(
    r"(?<!\bMr)(?<!\bDr)(?<!\bSt)(?<!\bMrs)(?:(?<![.!?…])[.!?…]++[\"'”’)\]]*+(?=\s)|\n[ \t\r]*(?=\n))\s*"
)


@shared
def _sentence_starts(text: str) -> Flags:
    return marked(len(text), spans(_SENTENCE_END, text)[1])


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
    """Words of the sentence that have begun; undefined in scripts that do not set words apart."""
    begun = count_since(_sentence_starts(text), marked(len(text), words(text)[0])).astype(np.float32)
    begun[unspaced(text)] = np.nan
    return begun


@number("position in paragraph")
def position_in_paragraph(text: str) -> Numbers:
    """Characters since the last blank line."""
    blank = blank_lines(text)
    return since(blank | after(blank)).astype(np.float32)


@number("word length")
def word_length(text: str) -> Numbers:
    """Letters of the whole word (looks ahead), an apostrophe or hyphen inside it counted; 0 outside words, undefined in
    scripts that do not set words apart."""
    starts, ends = words(text)
    letters = np.append(0, np.cumsum(~marks(text)))
    change = np.zeros(len(text) + 1, np.int64)
    change[starts] += letters[ends] - letters[starts]
    change[ends] -= letters[ends] - letters[starts]
    length = np.cumsum(change)[:-1].astype(np.float32)
    length[unspaced(text)] = np.nan
    return length


@flag("inside capitalised word")
def inside_capitalised_word(text: str) -> Flags:
    """In a word that began with an upper-case letter."""
    starts, ends = words(text)
    first = where(text, str.isupper)[starts]
    change = np.zeros(len(text) + 1, np.int64)
    change[starts[first]] += 1
    change[ends[first]] -= 1
    return np.cumsum(change)[:-1].astype(np.bool_)


@flag("vowel")
def vowel(text: str) -> Flags:
    """One of a, e, i, o, u, with or without an accent."""
    return where(text, lambda character: unicodedata.normalize("NFD", character)[0] in "aeiouAEIOU")
