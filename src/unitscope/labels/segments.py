"""Where words are, in any script.

Letters and digits make words, and so does the underscore. Combining marks (Unicode categories Mn, Mc, Me) and joiners
belong to what they stand on, so the vowel signs of Thai or Hindi and a decomposed accent are no borders.
"""

import regex

_PIECE = regex.compile(r"[\p{L}\p{N}_][\p{L}\p{M}\p{N}_\u200c\u200d]*|[^\s\p{L}\p{N}_]\p{M}*")


def pieces(text: str) -> list[tuple[int, int]]:
    """Words and single signs: the first character of each, and the one after its last."""
    return [found.span() for found in _PIECE.finditer(text)]
