r"""The dictionary of LSTMVis: a line ``token id`` for each token.

LSTMVis divides each line at white space, so a token that is or holds white space breaks it: every character model has
one. What is written here has none in it: blanks, control characters, the backslash and what is not ASCII are written
as Python's escapes (``\x20``, ``\n``, ``\\``, ``\xe9``), and the empty token as one backslash. ``lstm.yml`` says so
(``unitscope: {escaped: true}``), and only then are escapes undone. Dictionaries of others are taken as they stand; a
token there is all that is before the last blank and the number, be it a blank or a line break itself.
"""

import re
from pathlib import Path

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

EMPTY = "\\"
LINE = re.compile(r"(.*?)[ \t](\d+)[ \t]*(?:\r?\n|\Z)", re.DOTALL)


def dictionary_bytes(vocabulary: Vocabulary) -> bytes:
    """Every token in escapes, with its number."""
    return "".join(f"{escaped(symbol)} {number}\n" for number, symbol in enumerate(vocabulary.symbols)).encode("ascii")


def read_dictionary(path: Path, unescape: bool) -> dict[int, str]:
    """The token of each number. Raises ``InputError`` for a file that is no dictionary, or says a number twice."""
    try:
        content = path.read_text(encoding="utf-8", errors="strict")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a dictionary: {error}") from error
    found: dict[int, str] = {}
    end = 0
    while end < len(content):
        line = LINE.match(content, end)
        if line is None:
            raise InputError(f"{path} is no dictionary: after {len(found)} tokens a line has no number at its end")
        token, number = line[1], int(line[2])
        if number in found:
            raise InputError(f"{path} has the number {number} twice, for {found[number]!r} and {token!r}")
        found[number] = unescaped(token, path) if unescape else token
        end = line.end()
    return found


def escaped(symbol: str) -> str:
    """Without white space, for ASCII files."""
    return symbol.encode("unicode_escape").decode("ascii").replace(" ", r"\x20") or EMPTY


def unescaped(token: str, path: Path) -> str:
    """Inverse of ``escaped``. Raises ``InputError`` for anything that ``escaped`` never gives."""
    if token == EMPTY:
        return ""
    try:
        return token.encode("ascii").decode("unicode_escape")
    except UnicodeError as error:
        raise InputError(f"{path} holds {token!r}, which is no escaped token: {error}") from error
