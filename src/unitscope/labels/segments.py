"""Where words are, in any script.

Letters and digits make words, and so does the underscore. Combining marks (Unicode categories Mn, Mc, Me) and joiners
belong to the character that they stand on, so vowel signs of Thai or Hindi and a decomposed accent are no borders.
Chinese, Japanese, Thai, Lao, Khmer, Burmese and Tibetan do not set words apart (Unicode Annex 29): there a word
cannot be found by rule, and what is said of words is undefined.
"""

import numpy as np
import regex

from unitscope.labels.label import Flags
from unitscope.labels.scan import Positions, shared, spans_of, where

_PIECE = regex.compile(r"[\p{L}\p{N}_][\p{L}\p{M}\p{N}_\u200c\u200d]*|[^\s\p{L}\p{N}_]\p{M}*")
_WORD = regex.compile(r"\p{L}[\p{L}\p{M}\u200c\u200d]*(?:['’-]\p{L}[\p{L}\p{M}\u200c\u200d]*)*")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]")
_MARK = regex.compile(r"[\p{M}\u200c\u200d]")


def pieces(text: str) -> list[tuple[int, int]]:
    """Words and single signs: the first character of each, and the one after its last."""
    return [found.span() for found in _PIECE.finditer(text)]


@shared
def words(text: str) -> tuple[Positions, Positions]:
    """Words of letters, with apostrophes and hyphens inside: where each begins, and the character after its last."""
    return spans_of(found.span() for found in _WORD.finditer(text))


@shared
def marks(text: str) -> Flags:
    """True at what stands on the character before it."""
    return where(text, lambda character: _MARK.match(character) is not None)


@shared
def of_words(text: str) -> Flags:
    """True at letters, digits and underscores, and at the marks on them."""
    base = where(text, lambda character: character.isalnum() or character == "_")
    if not marks(text).any():
        return base
    stands_on = np.maximum.accumulate(np.where(marks(text), 0, np.arange(len(text))))
    flags: Flags = base[stands_on]
    return flags


@shared
def unspaced(text: str) -> Flags:
    """True at the characters of scripts that do not set words apart."""
    return where(text, lambda character: _UNSPACED.match(character) is not None)
