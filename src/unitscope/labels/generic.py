"""Labels for any text: kinds of characters, positions, quotes, brackets and the character to come."""

import re
import unicodedata

import numpy as np

from unitscope.labels.label import Flags, Numbers, flag, number
from unitscope.labels.scan import (
    Counts,
    after,
    among,
    before,
    blank_lines,
    count_since,
    depth,
    latch,
    line_breaks,
    line_starts,
    matched,
    since,
    where,
)
from unitscope.labels.segments import marks, of_words, unspaced

TAB_WIDTH = 8
FAR_COLUMN = 60
QUOTES = "\"'`“”‘’"


@flag("inside double quotes")
def inside_double_quotes(text: str) -> Flags:
    """Between double quotes: each one switches, a blank line switches off."""
    nowhere = np.zeros(len(text), np.bool_)
    return latch(nowhere, blank_lines(text), among(text, '"“”'))


@flag("inside single quotes")
def inside_single_quotes(text: str) -> Flags:
    """Between single quotes, apostrophes inside words left out; a blank line switches off."""
    mark = among(text, "'‘’")
    word = of_words(text)
    space = where(text, str.isspace)
    # A quote may open where no word precedes it, and close where none follows; where both hold it switches.
    opens = mark & ~after(word) & ~before(space)
    closes = mark & ~before(word) & ~after(space)
    off = blank_lines(text) | (closes & ~opens)
    return latch(opens & ~closes, off, opens & closes)


def _open(text: str, opening: str, closing: str) -> Counts:
    return depth(among(text, opening), among(text, closing), blank_lines(text))


def _open_braces(text: str) -> Counts:
    # A block may hold blank lines, so braces are closed by one that stands where no line is indented.
    closing = among(text, "}")
    return depth(among(text, "{"), closing, closing & line_starts(text))


@flag("inside parentheses")
def inside_parentheses(text: str) -> Flags:
    """After an open parenthesis that is not closed yet; a blank line closes all."""
    return _open(text, "(", ")").astype(np.bool_)


@flag("inside brackets")
def inside_brackets(text: str) -> Flags:
    """After an open square bracket that is not closed yet; a blank line closes all."""
    return _open(text, "[", "]").astype(np.bool_)


@flag("inside braces")
def inside_braces(text: str) -> Flags:
    """After an open brace that is not closed yet; a closing brace that begins a line closes all."""
    return _open_braces(text).astype(np.bool_)


@number("parenthesis depth")
def parenthesis_depth(text: str) -> Numbers:
    """Parentheses that are open; a blank line closes all."""
    return _open(text, "(", ")").astype(np.float32)


@number("bracket depth")
def bracket_depth(text: str) -> Numbers:
    """Square brackets that are open; a blank line closes all."""
    return _open(text, "[", "]").astype(np.float32)


@number("brace depth")
def brace_depth(text: str) -> Numbers:
    """Braces that are open; a closing brace that begins a line closes all."""
    return _open_braces(text).astype(np.float32)


@number("nesting depth")
def nesting_depth(text: str) -> Numbers:
    """Parentheses, square brackets and braces that are open, together."""
    return np.asarray(_open(text, "(", ")") + _open(text, "[", "]") + _open_braces(text), np.float32)


@number("position in line")
def position_in_line(text: str) -> Numbers:
    """Characters since the line break; 0 at the break itself, 1 at the first character of a line."""
    starts = line_starts(text)
    at_break = np.append(starts[1:], text.endswith(("\n", "\r")))
    return np.where(at_break, 0, since(starts) + 1).astype(np.float32)


@number("indentation")
def indentation(text: str) -> Numbers:
    """Columns of white space that the line began with, as far as it was read; a tab counts 8."""
    return np.asarray(_leading(text, " ") + TAB_WIDTH * _leading(text, "\t"), np.float32)


@number("tab depth")
def tab_depth(text: str) -> Numbers:
    """Tabs that the line began with, as far as it was read."""
    return _leading(text, "\t").astype(np.float32)


def _leading(text: str, character: str) -> Counts:
    """Number of the line's leading blanks so far that are this character."""
    starts = line_starts(text)
    leading = count_since(starts, ~among(text, " \t")) == 0
    return count_since(starts, leading & among(text, character))


@flag("long line")
def long_line(text: str) -> Flags:
    """More than 60 characters into the line."""
    beyond: Flags = since(line_starts(text)) > FAR_COLUMN
    return beyond


@flag("start of line")
def start_of_line(text: str) -> Flags:
    """The first character of a line."""
    return line_starts(text)


@flag("blank line")
def blank_line(text: str) -> Flags:
    """On a line that holds nothing but white space."""
    return blank_lines(text)


@number("characters to line end")
def characters_to_line_end(text: str) -> Numbers:
    """Characters until the line break, 0 at its last character (looks ahead); undefined after the last one."""
    backwards = line_breaks(text)[::-1]
    distance = since(backwards).astype(np.float32)
    distance[np.cumsum(backwards) == 0] = np.nan
    return distance[::-1]


@number("position in file")
def position_in_file(text: str) -> Numbers:
    """The share of the document that is read, from 0 to 1."""
    return (np.arange(len(text)) / max(len(text), 1)).astype(np.float32)


@number("position in document")
def position_in_document(text: str) -> Numbers:
    """Characters of the document so far, 1 at its first."""
    return np.arange(1, len(text) + 1, dtype=np.float32)


@flag("inside word")
def inside_word(text: str) -> Flags:
    """A letter, digit or underscore, or a mark on one."""
    return of_words(text)


@number("position in word")
def position_in_word(text: str) -> Numbers:
    """Letters and digits of the word so far, 1 at its first; 0 outside words, undefined in scripts that do not set
    words apart."""
    word = of_words(text)
    position = count_since(~word | ~after(word), word & ~marks(text)).astype(np.float32)
    position[unspaced(text)] = np.nan
    return position


@flag("upper case")
def upper_case(text: str) -> Flags:
    """An upper-case letter."""
    return where(text, str.isupper)


@flag("lower case")
def lower_case(text: str) -> Flags:
    """A lower-case letter."""
    return where(text, str.islower)


@flag("digit")
def digit(text: str) -> Flags:
    """A digit."""
    return where(text, str.isdigit)


@flag("white space")
def white_space(text: str) -> Flags:
    """A space, tab, line break or other white space."""
    return where(text, str.isspace)


@flag("punctuation")
def punctuation(text: str) -> Flags:
    """A punctuation mark or symbol."""
    return where(text, lambda character: unicodedata.category(character)[0] in "PS")


_NUMBER = re.compile(r"(?<!\w)(?:0[xX][0-9a-fA-F]+|\d+(?:[.,_]\d+)*(?:[eE][+-]?\d+)?)")
_ADDRESS = re.compile(r"(?<!\w)(?:(?:https?|ftp|file)://|www\.)[^\s<>\"'`()\[\]{}]+")


@flag("inside number")
def inside_number(text: str) -> Flags:
    """Within a number such as 1,024, 3.5e-7 or 0xFF."""
    return matched(_NUMBER, text)


@flag("inside URL")
def inside_url(text: str) -> Flags:
    """Within an address of the web such as https://example.org/a."""
    return matched(_ADDRESS, text)


@flag("next is newline")
def next_is_newline(text: str) -> Flags:
    """The next character begins a line break (in CR LF text, the CR)."""
    line_feed = among(text, "\n")
    carriage_return = among(text, "\r")
    return before(carriage_return | (line_feed & ~after(carriage_return)))


@flag("next is space")
def next_is_space(text: str) -> Flags:
    """The next character is a space."""
    return before(among(text, " "))


@flag("next is closing bracket")
def next_is_closing_bracket(text: str) -> Flags:
    """The next character is ), ] or }."""
    return before(among(text, ")]}"))


@flag("next is quote")
def next_is_quote(text: str) -> Flags:
    """The next character is a quotation mark or apostrophe."""
    return before(among(text, QUOTES))


@flag("next is upper case")
def next_is_upper_case(text: str) -> Flags:
    """The next character is an upper-case letter."""
    return before(where(text, str.isupper))


@flag("next is digit")
def next_is_digit(text: str) -> Flags:
    """The next character is a digit."""
    return before(where(text, str.isdigit))
