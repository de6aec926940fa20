"""Comments, strings and code: one regular expression over the whole document.

Lexers of a language stop at the first thing that is not of it. A document here may be a piece of a file, many
files in a row, or another language altogether, so these never fail: what is not closed ends with
its line, or with the document.
"""

import re
from dataclasses import dataclass

from unitscope.labels.scan import Flags, codes, paint, spans_of

BLANK, STRING, LINE_FEED, CARRIAGE_RETURN = (ord(character) for character in ' "\n\r')


@dataclass(frozen=True)
class Lexed:
    """A document taken apart."""

    comment: Flags
    string: Flags
    code: str
    """The document with comments as blanks and every character of a string as a double quote.

    It has the same length, so that patterns found in it are places in the document. Line breaks end in LF.
    """


def lex(pattern: re.Pattern[str], text: str) -> Lexed:
    """Take a document apart by a pattern with the groups ``comment`` and ``string``."""
    kinds: dict[str, list[tuple[int, int]]] = {"comment": [], "string": []}
    for match in pattern.finditer(text):
        kinds[match.lastgroup or ""].append(match.span())
    comment, string = (paint(len(text), *spans_of(spans)) for spans in kinds.values())
    letters = codes(text).copy()
    alone = letters == CARRIAGE_RETURN
    alone[:-1] &= letters[1:] != LINE_FEED
    letters[alone] = LINE_FEED
    letters[comment] = BLANK
    letters[string] = STRING
    if letters.itemsize == 1:
        return Lexed(comment, string, letters.tobytes().decode("latin-1"))
    return Lexed(comment, string, letters.tobytes().decode("utf-32-le", "surrogatepass"))
