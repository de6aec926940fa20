import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitscope.errors import InputError
from unitscope.labels import find, regular_expression


def test_matched_characters() -> None:
    the = find(r"regex:(?i)\bthe\b")
    assert (the.kind, the.key, the.name) == ("flag", r"regex:(?i)\bthe\b", r"matches (?i)\bthe\b")
    text = "The other: the"
    assert "".join(c if on else "." for c, on in zip(text, the(text), strict=True)) == "The........the"


@settings(deadline=None)
@given(st.text(alphabet="ab\n"))
def test_a_class_of_characters(text: str) -> None:
    assert find("regex:[b]")(text).tolist() == [character == "b" for character in text]


def test_an_empty_match_marks_nothing() -> None:
    assert not find("regex:x*")("abc").any()


def test_wrong_pattern() -> None:
    with pytest.raises(InputError, match=r"'regex:\(' is no regular expression: missing \)"):
        find("regex:(")


def test_a_pattern_that_never_ends_is_stopped(monkeypatch) -> None:
    monkeypatch.setattr(regular_expression, "SECONDS", 0.05)
    with pytest.raises(
        InputError, match="takes more than 0 s on a text of 300 characters; write it without repetitions"
    ):
        find("regex:(?:(?:a|a)+)+b|c")("a" * 300)
