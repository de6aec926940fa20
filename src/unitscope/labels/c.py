"""Labels for C and languages that look like it: comments, strings, heads, calls and blocks."""

import re

import numpy as np

from unitscope.labels.label import Flags, Numbers, flag, number
from unitscope.labels.lexer import Lexed, lex
from unitscope.labels.scan import (
    Positions,
    among,
    blank_lines,
    depth,
    line_starts,
    marked,
    matched,
    paint,
    pairs,
    shared,
    spans,
)

LANGUAGE = re.compile(r".*[;{}]$"), 0.15
_TOKEN = re.compile(
    r"""
    (?P<comment> /\* .*? (?: \*/ | \Z ) | // [^\\\r\n]*+ (?: \\ (?: \r\n | . ) [^\\\r\n]*+ )*+ )
    | (?P<string> " [^"\\\r\n]*+ (?: \\ (?: \r\n | . ) [^"\\\r\n]*+ )*+ "?
                | ' (?: \\ [^\r\n]{1,9}? | [^'\\\r\n] ) ' )
    """,
    re.DOTALL | re.VERBOSE,
)
_KEYWORDS = (
    "auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|long"
    "|register|restrict|return|short|signed|sizeof|static|struct|switch|typedef|union|unsigned|void|volatile|while"
    "|_Alignas|_Alignof|_Atomic|_Bool|_Generic|_Noreturn|_Static_assert|_Thread_local"
)


@shared
def lexed(text: str) -> Lexed:
    """Take a document apart once for all labels."""
    return lex(_TOKEN, text)


@shared
def parentheses(text: str) -> tuple[Positions, Positions]:
    """Where each parenthesis of the code opens and ends; a blank line ends all."""
    code = lexed(text).code
    return pairs(among(code, "("), among(code, ")"), blank_lines(text))


def _head(text: str, pattern: re.Pattern[str]) -> Flags:
    """Inside the parentheses that open at the first group of a pattern."""
    starts, ends = parentheses(text)
    chosen = marked(len(text), spans(pattern, lexed(text).code, 1)[0])[starts]
    return paint(len(text), starts[chosen], ends[chosen])


@flag("inside C comment")
def inside_c_comment(text: str) -> Flags:
    """From // to the end of its line, or from /* to */, the marks included."""
    return lexed(text).comment


@flag("inside C string")
def inside_c_string(text: str) -> Flags:
    """A string or character literal of C, quotes included."""
    return lexed(text).string


@flag("C keyword")
def c_keyword(text: str) -> Flags:
    """A keyword of C, outside comments and strings."""
    return matched(_KEYWORD, lexed(text).code)


_KEYWORD = re.compile(rf"\b(?:{_KEYWORDS})\b")


@number("C block depth")
def c_block_depth(text: str) -> Numbers:
    """Braces that are open, those in comments and strings left out; one that begins a line closes all."""
    code = lexed(text).code
    closing = among(code, "}")
    return depth(among(code, "{"), closing, closing & line_starts(code)).astype(np.float32)


_IF = re.compile(r"\bif[ \t]*(\()")


@flag("inside C if head")
def inside_c_if_head(text: str) -> Flags:
    """Inside the parentheses of an if."""
    return _head(text, _IF)


_LOOP = re.compile(r"\b(?:for|while)[ \t]*(\()")


@flag("inside C loop head")
def inside_c_loop_head(text: str) -> Flags:
    """Inside the parentheses of a for or while."""
    return _head(text, _LOOP)


_ARGUMENTS = re.compile(rf"\b(?:{_KEYWORDS})[ \t]*\(|(?<=\w)(\()")


@flag("inside C argument list")
def inside_c_argument_list(text: str) -> Flags:
    """Inside parentheses that follow a name at once: a call, or the parameters of a function."""
    return _head(text, _ARGUMENTS)


_DIRECTIVE = re.compile(r"^[ \t]*#[^\\\n]*+(?:\\(?:\r\n|.)[^\\\n]*+)*+\n?", re.MULTILINE | re.DOTALL)


@flag("inside preprocessor line")
def inside_preprocessor_line(text: str) -> Flags:
    """A directive such as #include or #define, with the lines that a backslash adds."""
    return matched(_DIRECTIVE, lexed(text).code)


_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b[^\n]*\n?", re.MULTILINE)


@flag("inside include")
def inside_include(text: str) -> Flags:
    """An #include line."""
    return matched(_INCLUDE, lexed(text).code)
