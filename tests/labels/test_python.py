"""Python's own tokenizer and parser are the oracles, on the standard library's source."""

import ast
import io
import keyword
import sysconfig
import tokenize
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitscope.labels import find, names

LIBRARY = Path(sysconfig.get_path("stdlib"))
MODULES = ("argparse", "ast", "bdb", "dataclasses", "email/_header_value_parser", "functools", "inspect", "textwrap")
STRING_START = {getattr(tokenize, name, None) for name in ("FSTRING_START", "TSTRING_START")} - {None}
STRING_END = {getattr(tokenize, name, None) for name in ("FSTRING_END", "TSTRING_END")} - {None}
SKIPPED = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)


class Oracle:
    """Every label about Python, from tokens and syntax tree, with a stack and no regular expression."""

    def __init__(self, text: str) -> None:
        self.lines = list(io.StringIO(text, newline="\n"))
        self.starts = np.cumsum([0, *map(len, self.lines)])
        self.values = {key: np.zeros(len(text)) for key in names("python")}
        self.read(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                self.set("inside-docstring", self.place(node, ""), self.place(node, "end_"))

    def set(self, key: str, start: int, end: int, value: float = 1) -> None:
        self.values[key][start:end] = value

    def place(self, node: ast.AST, end: str) -> int:
        """Where a node begins or ends; the syntax tree counts bytes."""
        line, column = getattr(node, f"{end}lineno"), getattr(node, f"{end}col_offset")
        return int(self.starts[line - 1]) + len(self.lines[line - 1].encode()[:column].decode())

    def at(self, position: tuple[int, int]) -> int:
        return int(self.starts[position[0] - 1]) + position[1]

    def read(self, text: str) -> None:
        stack: list[tuple[str, int]] = []
        statement, before = [], None
        formatted, formatted_start = 0, 0
        for token in tokenize.generate_tokens(io.StringIO(text, newline="\n").readline):
            start, end = self.at(token.start), self.at(token.end)
            if token.type in STRING_START:
                formatted_start = formatted_start if formatted else start
                formatted += 1
            elif token.type in STRING_END:
                formatted -= 1
                if not formatted:
                    self.set("inside-python-string", formatted_start, end)
                    before = token
            elif formatted:
                continue
            elif token.type == tokenize.COMMENT:
                self.set("inside-python-comment", start, end)
            elif token.type == tokenize.STRING:
                self.set("inside-python-string", start, end)
            elif token.type == tokenize.NAME and keyword.iskeyword(token.string):
                self.set("python-keyword", start, end)
            if token.type == tokenize.OP and token.string in "([{":
                stack.append((self.opener(token, before, statement), start))
                self.set("python-nesting-depth", start, len(text), len(stack))
            elif token.type == tokenize.OP and token.string in ")]}":
                kind, opened = stack.pop()
                self.set("python-nesting-depth", start, len(text), len(stack))
                if kind:
                    self.set(kind, opened, start)
            if token.type == tokenize.NAME and statement and statement[-1].string in ("def", "class"):
                self.set("inside-defined-name", start, end)
            if token.type == tokenize.OP and token.string == ":" and not stack:
                first = statement[0] if statement else token
                if first.string in ("if", "elif") and all(part.string != ":" for part in self.flat(statement)):
                    self.set("inside-python-if-head", self.at(first.start), start)
            if token.type == tokenize.NEWLINE:
                self.finish(statement, end)
                statement, before = [], None
            elif token.type not in SKIPPED:
                statement.append(token)
                before = token

    @staticmethod
    def flat(statement: list[tokenize.TokenInfo]) -> list[tokenize.TokenInfo]:
        """The tokens of a statement that are in no bracket."""
        depth, found = 0, []
        for token in statement:
            depth -= token.type == tokenize.OP and token.string in ")]}"
            if not depth:
                found.append(token)
            depth += token.type == tokenize.OP and token.string in "([{"
        return found

    @staticmethod
    def opener(token: tokenize.TokenInfo, before: tokenize.TokenInfo | None, statement: list) -> str:
        """What a parenthesis opens: parameters after ``def name``, a call right after a value, or neither."""
        if token.string != "(" or before is None:
            return ""
        if len(statement) > 1 and statement[-2].string in ("def", "class"):
            return "inside-parameter-list" if statement[-2].string == "def" else ""
        value = before.type in (tokenize.NAME, tokenize.STRING, tokenize.NUMBER, *STRING_END) or before.string in ")]"
        return (
            "inside-python-call" if value and not keyword.iskeyword(before.string) and before.end == token.start else ""
        )

    def finish(self, statement: list[tokenize.TokenInfo], end: int) -> None:
        first, last_line = statement[0], statement[-1].end[0]
        starts = {"import": "inside-import", "from": "inside-import", "@": "inside-decorator"}
        if first.string in starts:
            self.set(starts[first.string], self.at(first.start), end)
        in_string = {
            line
            for part in statement
            for line in range(part.start[0] + 1, part.end[0] + 1)
            if part.type == tokenize.STRING
        }
        for line in range(first.start[0] + 1, last_line + 1):
            if line not in in_string:
                self.set("inside-continuation-line", int(self.starts[line - 1]), int(self.starts[line]))


@pytest.mark.parametrize("module", MODULES)
def test_standard_library(module: str) -> None:
    text = (LIBRARY / f"{module}.py").read_text("utf-8")
    expected = Oracle(text).values
    for key in names("python"):
        wrong = find(key)(text) != expected[key]
        place = int(wrong.argmax())
        assert wrong.mean() <= 0.001, (key, wrong.mean(), text[place - 80 : place + 40])


@pytest.mark.parametrize("key", names("python"))
def test_windows_line_ends_change_nothing(key: str) -> None:
    text = (LIBRARY / "textwrap.py").read_text("utf-8")[:8000]
    windows = text.replace("\n", "\r\n")
    kept = np.array([character != "\r" for character in windows])
    np.testing.assert_array_equal(find(key)(windows)[kept], find(key)(text))


def test_all_hold_somewhere() -> None:
    text = "".join((LIBRARY / f"{module}.py").read_text("utf-8") for module in MODULES)
    assert all(find(key)(text).any() for key in names("python"))


def slow_scan(text: str) -> tuple[list[bool], list[bool]]:
    """Comments and strings by reading one character after the other."""
    comment, string = [False] * len(text), [False] * len(text)
    i = 0
    while i < len(text):
        start = i
        if text[i] == "#":
            while i < len(text) and text[i] not in "\r\n":
                comment[i] = True
                i += 1
        elif text[i] in "\"'":
            quote = text[i] * 3 if text[i : i + 3] == text[i] * 3 else text[i]
            i += len(quote)
            while i < len(text) and text[i : i + len(quote)] != quote:
                if len(quote) == 1 and text[i] in "\r\n":
                    break
                if text[i] == "\\":
                    # A backslash at the very end escapes nothing and is no part of an open string.
                    if i + 1 == len(text):
                        break
                    i += 2 if text[i : i + 3] == "\\\r\n" else 1
                i += 1
            if text[i : i + len(quote)] == quote:
                i += len(quote)
            while start > 0 and text[start - 1] in "rb" and not string[start - 1]:
                start -= 1
            prefix_end = start + len(text[start:i]) - len(text[start:i].lstrip("rb"))
            if text[start:prefix_end] not in ("r", "b", "rb", "br") or text[:start][-1:] in tuple("ax"):
                start = prefix_end
            string[start:i] = [True] * (i - start)
        else:
            i += 1
    return comment, string


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="#'\"\\\r\nrba ", max_size=25))
def test_broken_text(text: str) -> None:
    comment, string = slow_scan(text)
    assert find("inside-python-comment")(text).tolist() == comment
    assert find("inside-python-string")(text).tolist() == string


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("inside-python-call", "f(a)(b) if (c) g (d)", ".(a.(b.............."),
        ("inside-python-call", "class A(B): x[0](y)", "................(y."),
        ("inside-parameter-list", "def f(a, b=(1)): g(a)", ".....(a, b=(1)......."),
        ("inside-python-if-head", "if a[1:2]: b if c else d", "if a[1:2]..............."),
        ("inside-python-if-head", "if (y := 1) and z:= 2:\n", "if (y := 1) and z:= 2.."),
        ("inside-docstring", "def f(): 'd'\nx = 'no'", ".........'d'........."),
        ("inside-docstring", "f(\n'no'\n)\n'yes'", "..........'yes'"),
        ("inside-docstring", "b'no'\nf'no'\n'no' 'no'", "." * 21),
        ("inside-import", "from a import (\nb)\nfrom here on", "from a import (\nb)\n............"),
        ("inside-decorator", "@a(\n1)\ndef f(): pass", "@a(\n1)\n............."),
        ("inside-defined-name", "class Ab: def cd", "......Ab......cd"),
        ("inside-continuation-line", "a = 1 + \\\n 2\nb", ".......... 2\n."),
        ("inside-continuation-line", "f(\n1\ndef g(): pass", "...1\n............."),
    ],
)
def test_example(key: str, text: str, expected: str) -> None:
    assert "".join(c if on else "." for c, on in zip(text, find(key)(text), strict=True)) == expected
