"""Every label for any text against a loop that a reader can check."""

import re
import unicodedata
from collections.abc import Callable
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitscope.labels import find, names

TEXTS = st.text(alphabet="aBé1 _\t\n\r\x85.,:'\"“”’()[]{}0xX-λ", max_size=60)

Loop = Callable[[str], list[float]]


def lines(text: str) -> list[str]:
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def per_line(values: Callable[[str], list[float]]) -> Loop:
    return lambda text: [value for line in lines(text) for value in values(line)]


def per_character(value: Callable[[str], bool]) -> Loop:
    return lambda text: [value(character) for character in text]


def next_is(value: Callable[[str], bool]) -> Loop:
    return lambda text: [value(text[i + 1 : i + 2]) for i in range(len(text))]


def double_quotes(text: str) -> list[float]:
    inside, values = False, []
    for line in lines(text):
        for character in line:
            inside = inside != (character in '"“”')
            if line.isspace():
                inside = False
            values.append(inside)
    return values


def single_quotes(text: str) -> list[float]:
    inside, values = False, []
    blank = blank_line(text)
    for i, character in enumerate(text):
        previous, following = text[i - 1 : i] if i else "", text[i + 1 : i + 2]
        if character in "'‘’":
            may_open = not is_word(previous) and not following.isspace()
            may_close = not is_word(following) and not previous.isspace()
            if may_open and may_close:
                inside = not inside
            elif may_open:
                inside = True
            elif may_close:
                inside = False
        if blank[i]:
            inside = False
        values.append(inside)
    return values


def is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def depth(brackets: str) -> Loop:
    def loop(text: str) -> list[float]:
        level, values = 0, []
        for line in lines(text):
            for column, character in enumerate(line):
                if character == brackets[0]:
                    level += 1
                if character == brackets[1]:
                    level = max(level - 1, 0)
                if line.isspace() if brackets != "{}" else character == "}" and column == 0:
                    level = 0
                values.append(level)
        return values

    return loop


def inside(brackets: str) -> Loop:
    return lambda text: [level > 0 for level in depth(brackets)(text)]


def nesting(text: str) -> list[float]:
    return [sum(levels) for levels in zip(*(depth(pair)(text) for pair in ("()", "[]", "{}")), strict=True)]


def leading(widths: dict[str, int]) -> Loop:
    def of_line(line: str) -> list[float]:
        values: list[float] = []
        blanks = re.match(r"[ \t]*", line)
        assert blanks
        for i in range(len(line)):
            values.append(sum(widths.get(blank, 0) for blank in blanks.group()[: i + 1]))
        return values

    return per_line(of_line)


def to_line_end(line: str) -> list[float]:
    return [len(line) - 1 - i if line[-1] in "\r\n" else nan for i in range(len(line))]


def position_in_word(text: str) -> list[float]:
    count, values = 0, []
    for character in text:
        count = count + 1 if is_word(character) else 0
        values.append(count)
    return values


def blank_line(text: str) -> list[float]:
    return per_line(lambda line: [line.isspace()] * len(line))(text)


def within(pattern: str) -> Loop:
    def loop(text: str) -> list[float]:
        values = [False] * len(text)
        for match in re.finditer(pattern, text):
            for i in range(*match.span()):
                values[i] = True
        return values

    return loop


def next_is_newline(text: str) -> list[float]:
    return [text[i + 1 : i + 2] in ("\r", "\n") and text[i : i + 2] != "\r\n" for i in range(len(text))]


REFERENCE: dict[str, Loop] = {
    "inside-double-quotes": double_quotes,
    "inside-single-quotes": single_quotes,
    "inside-parentheses": inside("()"),
    "inside-brackets": inside("[]"),
    "inside-braces": inside("{}"),
    "parenthesis-depth": depth("()"),
    "bracket-depth": depth("[]"),
    "brace-depth": depth("{}"),
    "nesting-depth": nesting,
    "position-in-line": per_line(lambda line: [*range(1, len(line)), 0 if line[-1] in "\r\n" else len(line)]),
    "indentation": leading({" ": 1, "\t": 8}),
    "tab-depth": leading({"\t": 1}),
    "long-line": per_line(lambda line: [i > 60 for i in range(len(line))]),
    "start-of-line": per_line(lambda line: [i == 0 for i in range(len(line))]),
    "blank-line": blank_line,
    "characters-to-line-end": per_line(to_line_end),
    "position-in-file": lambda text: [i / len(text) for i in range(len(text))],
    "position-in-document": lambda text: [i + 1 for i in range(len(text))],
    "inside-word": per_character(is_word),
    "position-in-word": position_in_word,
    "upper-case": per_character(str.isupper),
    "lower-case": per_character(str.islower),
    "digit": per_character(str.isdigit),
    "white-space": per_character(str.isspace),
    "punctuation": per_character(lambda character: unicodedata.category(character)[0] in "PS"),
    "inside-number": within(r"(?<!\w)(?:0[xX][0-9a-fA-F]+|[0-9]+([.,_][0-9]+)*(?:[eE][+-]?[0-9]+)?)"),
    "inside-url": within(r"(?<!\w)(?:(?:https?|ftp|file)://|www\.)[^\s<>\"'`()\[\]{}]+"),
    "next-is-newline": next_is_newline,
    "next-is-space": next_is(lambda character: character == " "),
    "next-is-closing-bracket": next_is(lambda character: character in tuple(")]}")),
    "next-is-quote": next_is(lambda character: character in tuple("\"'`“”‘’")),
    "next-is-upper-case": next_is(str.isupper),
    "next-is-digit": next_is(str.isdigit),
}


def test_every_generic_hypothesis_has_a_reference() -> None:
    assert list(REFERENCE) == names("generic")


@pytest.mark.parametrize("key", REFERENCE)
@settings(deadline=None, max_examples=30)
@given(TEXTS)
def test_reference(key: str, text: str) -> None:
    np.testing.assert_allclose(find(key)(text), np.array(REFERENCE[key](text), float), rtol=1e-6)


@pytest.mark.parametrize("key", REFERENCE)
def test_reference_on_a_long_line(key: str) -> None:
    text = "\t  x" * 30 + ' "see (https://example.org/a?b=1,2) or [3.5e-7, 0xFF]"\r\n\r\n' * 3
    np.testing.assert_allclose(find(key)(text), np.array(REFERENCE[key](text), float), rtol=1e-6)


def marks(key: str, text: str) -> str:
    """The text with everything that is not flagged as dots."""
    return "".join(c if on else "." for c, on in zip(text, find(key)(text), strict=True))


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("inside-double-quotes", 'a "b" c', '.."b...'),
        ("inside-double-quotes", '"a\r\n\r\nb', '"a\r\n...'),
        ("inside-double-quotes", '"a\n \nb', '"a\n...'),
        ("inside-double-quotes", '"a\nb', '"a\nb'),
        ("inside-single-quotes", "'it isn't' so", "'it isn't...."),
        ("inside-number", "v2 costs 1,024.5 or 1e-9, 0x1F.", ".........1,024.5....1e-9..0x1F."),
        ("inside-url", "(see https://a.org/b?c=1)", ".....https://a.org/b?c=1."),
        ("next-is-newline", "ab\r\ncd\ne", ".b...d.."),
        ("inside-braces", "{ a }; { {\n}\nb", "{ a ...{ {\n..."),
    ],
)
def test_example(key: str, text: str, expected: str) -> None:
    assert marks(key, text) == expected
