"""Sentences and words, by example and against loops."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitscope.labels import find, names

TEXTS = st.text(alphabet="aBé1 \t\n\r.!?'\"-’”M)r", max_size=60)


def shown(key: str, text: str) -> str:
    values = find(key)(text)
    if values.dtype == bool:
        return "".join(c if on else "." for c, on in zip(text, values, strict=True))
    return "".join(f"{int(value):x}" for value in values)


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("start-of-sentence", 'He. "No!" So?', '....".....S..'),
        ("start-of-sentence", "Mr. A... b 3.5", ".........b...."),
        ("start-of-sentence", "One\n\n Two", "......T.."),
        ("start-of-sentence", "One\r\n\r\nTwo", ".......T.."),
        ("position-in-sentence", "Ab c. De f.", "01234501234"),
        ("words-in-sentence", "Ab isn't. De", "111222222211"),
        ("position-in-paragraph", "ab\nc\n\nde", "01234001"),
        ("position-in-paragraph", "ab\r\n\r\nde", "01230001"),
        ("word-length", "It's ok-ay, x2", "44440555550010"),
        ("inside-capitalised-word", "Ab aB A-b", "Ab....A-b"),
        ("vowel", "Élan UP yes", "É.a..U...e."),
    ],
)
def test_example(key: str, text: str, expected: str) -> None:
    assert shown(key, text) == expected


def sentence_starts(text: str) -> set[int]:
    """Walk from each full stop or blank line to the next thing that is written."""
    starts = set()
    for i, character in enumerate(text):
        if character in ".!?…" and text[i + 1 : i + 2] not in tuple(".!?…"):
            first = re.search(r"[.!?…]+$", text[: i + 1])
            assert first
            if re.search(r"(?:\bMr|\bDr|\bSt|\bMrs)$", text[: first.start()]):
                continue
            closing = re.match(r"[\"'”’)\]]*", text[i + 1 :])
            assert closing
            end = i + 1 + closing.end()
            if not text[end : end + 1].isspace():
                continue
        elif character == "\n" and re.match(r"[ \t\r]*\n", text[i + 1 :]):
            end = i + 1
        else:
            continue
        while text[end : end + 1].isspace():
            end += 1
        starts.add(end)
    return starts


@settings(deadline=None, max_examples=150)
@given(TEXTS)
def test_sentences_against_a_walk(text: str) -> None:
    starts = sentence_starts(text)
    assert find("start-of-sentence")(text).tolist() == [i in starts for i in range(len(text))]
    latest, expected = 0, []
    for i in range(len(text)):
        latest = i if i in starts else latest
        expected.append(i - latest)
    np.testing.assert_array_equal(find("position-in-sentence")(text), expected)


@settings(deadline=None)
@given(TEXTS)
def test_words_against_a_walk(text: str) -> None:
    lengths = np.zeros(len(text))
    capitalised = np.zeros(len(text), bool)
    for match in re.finditer(r"[aBéMr]+(?:['’-][aBéMr]+)*", text):
        lengths[slice(*match.span())] = len(match.group())
        capitalised[slice(*match.span())] = match.group()[0].isupper()
    np.testing.assert_array_equal(find("word-length")(text), lengths)
    np.testing.assert_array_equal(find("inside-capitalised-word")(text), capitalised)


def test_all_are_tested_here() -> None:
    tested = {"start-of-sentence", "position-in-sentence", "words-in-sentence", "position-in-paragraph"}
    assert tested | {"word-length", "inside-capitalised-word", "vowel"} == set(names("prose"))
