"""C against a reader that goes from one character to the next, on a listing and on part of the Linux kernel."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitscope.labels import find, names

DATA = Path(os.environ.get("UNITSCOPE_DATA", Path(__file__).parents[3] / "shared" / "data"))
KERNEL = DATA / "text" / "linux-4.1.18-kernel-dir.shuffled-seed0.txt"
LISTING = r"""#include <linux/audit.h>
#define MAX(a, b) \
	((a) > (b) ? (a) : (b))	/* not "quoted" */

/* Two lines, with if (x) {
 * and a quote: " */
static int audit_match(struct entry *e, char c)	// until \
here
{
	int i;

	for (i = 0; i < MAX(3, e->n); i++) {
		if (e->name[i] == '"' && (c != '\'' || strcmp("a\"b //", e->name)))
			continue;
		while (!done(e, (i + 1)))
			printk("%d %s\n", i, sizeof(*e) ? "{" : "/*");
	}
	return 0;
}
"""


def slow_scan(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Comments and literals by reading one character after the other."""
    comment, string = np.zeros(len(text), bool), np.zeros(len(text), bool)

    def escaped(i: int) -> int:
        """Where the text goes on after the backslash at i; a last one escapes nothing."""
        if i + 1 == len(text):
            return i
        return i + (3 if text[i + 1 : i + 3] == "\r\n" else 2)

    i = 0
    while i < len(text):
        start = i
        if text[i : i + 2] == "/*":
            close = text.find("*/", i + 2)
            i = len(text) if close < 0 else close + 2
            comment[start:i] = True
        elif text[i : i + 2] == "//" or text[i] == '"':
            end = '"\r\n' if text[i] == '"' else "\r\n"
            i += 1
            while i < len(text) and text[i] not in end:
                following = escaped(i) if text[i] == "\\" else i + 1
                if following == i:
                    break
                i = following
            if text[start] == '"':
                i += text[i : i + 1] == '"'
                string[start:i] = True
            else:
                comment[start:i] = True
        elif text[i] == "'":
            literal = re.match(r"'(?:\\[^\r\n]{1,9}?|[^'\\\r\n])'", text[i:])
            i += len(literal.group()) if literal else 1
            string[start:i] = literal is not None
        else:
            i += 1
    return comment, string


class Oracle:
    """Every label about C from one pass with a stack of parentheses."""

    def __init__(self, text: str) -> None:
        self.values = {key: np.zeros(len(text)) for key in names("c")}
        comment, string = slow_scan(text)
        self.values["inside-c-comment"][:] = comment
        self.values["inside-c-string"][:] = string
        code = "".join('"' if s else " " if c else t for t, c, s in zip(text, comment, string, strict=True))
        stack: list[tuple[str, int]] = []
        braces, word, before, spaced = 0, "", "", False
        column = 0
        lines = re.finditer(r"[^\n]*\n|[^\n]+", text)
        blanks = {i for line in lines if line.group().isspace() for i in range(*line.span())}
        for i, character in enumerate(code):
            if i in blanks:
                self.close(stack, i)
            if character.isalnum() or character == "_":
                word = word + character if not spaced and before and (before.isalnum() or before == "_") else character
                spaced = False
            elif character in " \t":
                spaced = True
            if character == "(":
                kind = ""
                if word and before and (before.isalnum() or before == "_"):
                    head = {"if": "inside-c-if-head", "for": "inside-c-loop-head", "while": "inside-c-loop-head"}
                    kind = head.get(word, "" if spaced or word in KEYWORDS else "inside-c-argument-list")
                stack.append((kind, i))
            if character == ")" and stack:
                kind, start = stack.pop()
                if kind:
                    self.values[kind][start:i] = 1
            braces += (character == "{") - (character == "}" and braces > 0)
            if character == "}" and column == 0:
                braces = 0
            self.values["c-block-depth"][i] = braces
            if character not in " \t":
                before, spaced = character, False
            column = 0 if character == "\n" else column + 1
        self.close(stack, len(code))
        for match in re.finditer(r"[A-Za-z_0-9]+", code):
            self.values["c-keyword"][slice(*match.span())] = match.group() in KEYWORDS
        directive = include = False
        continued = False
        for line in re.finditer(r"[^\n]*\n|[^\n]+", code):
            if not continued:
                directive = line.group().lstrip(" \t").startswith("#")
                include = re.match(r"[ \t]*#[ \t]*include\b", line.group()) is not None
            self.values["inside-preprocessor-line"][slice(*line.span())] = directive
            self.values["inside-include"][slice(*line.span())] = include and not continued
            continued = directive and line.group().endswith("\\\n")

    def close(self, stack: list[tuple[str, int]], end: int) -> None:
        for kind, start in stack:
            if kind:
                self.values[kind][start:end] = 1
        stack.clear()


KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """auto break case char const continue default do double else enum extern float for goto if inline int long
        register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
        _Alignas _Alignof _Atomic _Bool _Generic _Noreturn _Static_assert _Thread_local""",
    )
)


@pytest.mark.parametrize("key", names("c"))
def test_listing(key: str) -> None:
    values = find(key)(LISTING)
    assert values.any()
    np.testing.assert_array_equal(values, Oracle(LISTING).values[key])


@pytest.mark.skipif(not KERNEL.exists(), reason=f"{KERNEL.name} is not on this machine")
def test_kernel() -> None:
    text = KERNEL.read_bytes()[:400_000].decode("latin-1")
    expected = Oracle(text).values
    for key in names("c"):
        wrong = find(key)(text) != expected[key]
        place = int(wrong.argmax())
        assert wrong.mean() <= 0.001, (key, wrong.mean(), text[place - 80 : place + 40])


@pytest.mark.parametrize("key", names("c"))
def test_windows_line_ends_change_nothing(key: str) -> None:
    windows = LISTING.replace("\n", "\r\n")
    kept = np.array([character != "\r" for character in windows])
    np.testing.assert_array_equal(find(key)(windows)[kept], find(key)(LISTING))


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="/*'\"\\\r\na ", max_size=25))
def test_broken_text(text: str) -> None:
    comment, string = slow_scan(text)
    assert find("inside-c-comment")(text).tolist() == comment.tolist()
    assert find("inside-c-string")(text).tolist() == string.tolist()
