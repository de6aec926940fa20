"""Labels for Python: comments, strings, docstrings, statements and their parts."""

import keyword
import re
from dataclasses import dataclass

import numpy as np

from unitscope.labels.label import Flags, Numbers, flag, number
from unitscope.labels.lexer import Lexed, lex
from unitscope.labels.scan import (
    Counts,
    Positions,
    after,
    among,
    depth,
    line_starts,
    marked,
    matched,
    next_after,
    paint,
    pairs,
    shared,
    spans,
)

LANGUAGE = (
    re.compile(r"(?:def \w+\(|class \w+.*:$|(?:if|elif|for|while|with) .*:$|import \w+|from \S+ import )"),
    0.03,
)
_TOKEN = re.compile(
    r"""
    (?P<comment> \#[^\r\n]*+ )
    | (?P<string>
        (?: (?<!\w) (?: [bB][rR]? | [rR][bBfF]? | [fF][rR]? | [uU] ) )?+
        (?: \"{3} [^"\\]*+ (?: (?: \\. | "(?!"") ) [^"\\]*+ )*+ (?: \"{3} )?
          | '{3}  [^'\\]*+ (?: (?: \\. | '(?!'') ) [^'\\]*+ )*+ (?: '{3}  )?
          | "     [^"\\\r\n]*+ (?: \\ (?: \r\n | . ) [^"\\\r\n]*+ )*+ "?
          | '     [^'\\\r\n]*+ (?: \\ (?: \r\n | . ) [^'\\\r\n]*+ )*+ '?
        )
      )
    """,
    re.DOTALL | re.VERBOSE,
)
# These words begin a statement and nothing else: a bracket that is open before them was never closed.
_STATEMENT = re.compile(
    r"^[ \t]*(?:def|class|import|return|raise|with|while|try|except|finally|elif|pass|break|continue|del"
    r"|global|nonlocal|assert)\b",
    re.MULTILINE,
)
_CONTINUED = re.compile(r"\\\r?\n")


@dataclass(frozen=True)
class Layout:
    """Where the statements of a document begin and how deep its brackets are."""

    lexed: Lexed
    level: Counts
    """Brackets open after each character."""
    reset: Flags
    """Where brackets that were never closed are given up."""
    logical: Flags
    """The first character of each logical line: brackets and backslashes join physical lines."""


@shared
def layout(text: str) -> Layout:
    """Take a document apart once for all labels."""
    lexed = lex(_TOKEN, text)
    code = lexed.code
    reset = marked(len(code), spans(_STATEMENT, code)[0])
    level = depth(among(code, "([{"), among(code, ")]}"), reset)
    inside = np.append(0, level[:-1]) > 0
    joined = (inside & ~reset) | marked(len(code), spans(_CONTINUED, code)[1])
    return Layout(lexed, level, reset, line_starts(code) & ~joined)


def _statements(text: str, pattern: re.Pattern[str]) -> tuple[Positions, Positions]:
    """Logical lines that begin with a pattern, from its first group to the end of the line."""
    parts = layout(text)
    starts = np.array(
        [match.start(1) for match in pattern.finditer(parts.lexed.code) if parts.logical[match.start()]], np.int64
    )
    return starts, next_after(starts, np.flatnonzero(parts.logical), len(text))


def _brackets(text: str, pattern: re.Pattern[str]) -> Flags:
    """Inside the brackets that open at the first group of a pattern."""
    parts = layout(text)
    code = parts.lexed.code
    starts, ends = pairs(among(code, "([{"), among(code, ")]}"), parts.reset)
    chosen = marked(len(code), spans(pattern, code, 1)[0])[starts]
    return paint(len(code), starts[chosen], ends[chosen])


@flag("inside Python comment")
def inside_python_comment(text: str) -> Flags:
    """From a # to the end of its line."""
    return layout(text).lexed.comment


@flag("inside Python string")
def inside_python_string(text: str) -> Flags:
    """A string literal of Python, prefix and quotes included."""
    return layout(text).lexed.string


_ALONE = re.compile(r'^(?:[ \t]*(?:async[ \t]+def|def|class)\b[^\n]*:)?[ \t]*("+)[ \t\r;]*$', re.MULTILINE)
_PREFIX = re.compile(r"[rRuU]?[\"']")


@flag("inside docstring")
def inside_docstring(text: str) -> Flags:
    """A string that stands as a statement of its own, quotes included."""
    parts = layout(text)
    found = [
        match.span(1)
        for match in _ALONE.finditer(parts.lexed.code)
        if parts.logical[match.start()] and parts.level[match.start(1)] == 0 and _PREFIX.match(text, match.start(1))
    ]
    both = np.array(found, np.int64).reshape(-1, 2)
    return paint(len(text), both[:, 0], both[:, 1])


_KEYWORD = re.compile(rf"\b(?:{'|'.join(keyword.kwlist)})\b")


@flag("Python keyword")
def python_keyword(text: str) -> Flags:
    """A keyword of Python, outside comments and strings."""
    return matched(_KEYWORD, layout(text).lexed.code)


@number("Python nesting depth")
def python_nesting_depth(text: str) -> Numbers:
    """Brackets of all kinds that are open, those in comments and strings left out."""
    return layout(text).level.astype(np.float32)


@flag("inside continuation line")
def inside_continuation_line(text: str) -> Flags:
    """On a line that goes on with a statement because of a bracket or a backslash; lines in a string do not count."""
    parts = layout(text)
    lines = np.flatnonzero(line_starts(text))
    # The line break before the line is part of a string if the line begins inside it.
    later = lines[~parts.logical[lines] & ~after(parts.lexed.string)[lines]]
    return paint(len(text), later, next_after(later, lines, len(text)))


_IF = re.compile(r"^[ \t]*((?:el)?if\b)", re.MULTILINE)
_COLON = re.compile(r":(?!=)")


@flag("inside Python if head")
def inside_python_if_head(text: str) -> Flags:
    """From the word if or elif of a statement to its colon."""
    parts = layout(text)
    starts, ends = _statements(text, _IF)
    colons = spans(_COLON, parts.lexed.code)[0]
    colons = colons[parts.level[colons] == 0]
    return paint(len(text), starts, np.minimum(ends, next_after(starts, colons, len(text))))


_NAMED = re.compile(r"\b(?:def|class)[ \t]+(\w+)")


@flag("inside defined name")
def inside_defined_name(text: str) -> Flags:
    """The name after def or class."""
    return matched(_NAMED, layout(text).lexed.code, 1)


_TYPES = r"(?:\[[^\]\n]*\][ \t]*)?"
_PARAMETERS = re.compile(rf"\bdef[ \t]+\w+[ \t]*{_TYPES}(\()")


@flag("inside parameter list")
def inside_parameter_list(text: str) -> Flags:
    """Inside the parentheses of a def."""
    return _brackets(text, _PARAMETERS)


_CALL = re.compile(rf"\b(?:def|class)[ \t]+\w+[ \t]*\(?|\b(?:{'|'.join(keyword.kwlist)})[ \t]*\(|(?<=[\w)\]\"])(\()")


@flag("inside Python call")
def inside_python_call(text: str) -> Flags:
    """Inside the parentheses of a call: those that follow a name, a bracket or a string at once."""
    return _brackets(text, _CALL)


_IMPORT = re.compile(r"^[ \t]*(import\b|from\b[^\n]*?\bimport\b)", re.MULTILINE)


@flag("inside import")
def inside_import(text: str) -> Flags:
    """In an import statement, up to its last line break."""
    return paint(len(text), *_statements(text, _IMPORT))


_DECORATOR = re.compile(r"^[ \t]*(@)", re.MULTILINE)


@flag("inside decorator")
def inside_decorator(text: str) -> Flags:
    """From the @ of a decorator to its last line break."""
    return paint(len(text), *_statements(text, _DECORATOR))
