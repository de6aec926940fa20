"""The language in which labels are written."""

from pathlib import Path

import pytest

from unitscope.errors import InputError
from unitscope.labels import find, given, parse
from unitscope.labels.language import FUNCTION, PREFIXES


def marked(name: str, text: str) -> str:
    return "".join(c if on else "." for c, on in zip(text, given(name)(text), strict=True))


@pytest.mark.parametrize(
    ("text", "form", "rest"),
    [
        ("digit", "", "digit"),
        ("class=HUM", "", "class=HUM"),
        ("regex:a.py:b", "regex:", "a.py:b"),
        ("words:the,a", "words:", "the,a"),
        ("column:upos=NOUN", "column:", "upos=NOUN"),
        ("concept:words: a list", "concept:", "words: a list"),
        ("bank:gum", "bank:", "gum"),
        ("neighbours:gum", "neighbours:", "gum"),
        ("role:", "role:", ""),
        ("my/file.py:rhyme", FUNCTION, "my/file.py:rhyme"),
    ],
)
def test_forms(text: str, form: str, rest: str) -> None:
    label = parse(text)
    assert (label.text, label.form, label.rest) == (text, form, rest)


@pytest.mark.parametrize("prefix", [prefix for prefix in PREFIXES if prefix != "role:"])
def test_a_prefix_alone_says_what_to_write(prefix: str) -> None:
    with pytest.raises(InputError, match=f"says no label; write {prefix}"):
        parse(prefix + " ")


def test_an_empty_name() -> None:
    with pytest.raises(InputError, match="says no label; write its name, for example digit"):
        parse("")


@pytest.mark.parametrize("name", ["column:upos", "bank:gum", "neighbours:gum", "role:user"])
def test_what_needs_more_than_a_text(name: str) -> None:
    with pytest.raises(InputError, match="is asked of more than a text; give a source with what it needs"):
        find(name)


def test_words_in_any_case_and_nowhere_inside_others() -> None:
    assert marked("words:the, A", "The other a: a-the, THE.") == "The.......a..a.the..THE."
    assert find("words:the,a").kind == "flag"
    assert find("words:the,a").key == "words:the,a"


def test_words_of_scripts_without_spaces() -> None:
    assert marked("words:猫,กิน", "我的猫很大 กินน้ำ") == "..猫...กิน..."
    assert marked("words:กิ", "กิน") == "กิ."
    assert not find("words:กน")("กน้ำ").any()  # a mark belongs to the letter before it
    assert not find("words:e")("e\u0301").any()


def test_of_words_that_overlap_the_longest_counts() -> None:
    assert marked("words:new,new york", "in New York, new") == "...New York..new"


def test_a_phrase_may_be_broken_over_lines() -> None:
    assert marked("concept:in the City", "in the\n  city; within the city") == "in the\n  city" + "." * 17


def test_signs_in_a_concept_are_themselves() -> None:
    assert marked("concept:c++ (new)", "C++ (new) c+++") == "C++ (new)....."


def test_words_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pronouns.txt"
    path.write_text("he\n\nshe\n")
    # A name that was read from a file names no other file, until the user does.
    assert not find(f"words:{path}")("he, she").any()
    assert marked(f"words:{path}", "he, she, it") == "he..she...."
    assert given(f"words:{path}").key == f"words:{path}"
    assert find(f"words:{path}")("he, she").any()


def test_a_file_of_no_words(tmp_path: Path) -> None:
    path = tmp_path / "none.txt"
    path.write_text("\n\n")
    with pytest.raises(InputError, match="lists no word"):
        given(f"words:{path}")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is no list of words in UTF-8"):
        given(f"words:{path}")


@pytest.mark.parametrize("name", ["regex:\udcff", "words:a,\udcff", "concept:\udcff", "\udcff", "f\udcff.py:f"])
def test_what_is_no_text_is_no_label(name: str) -> None:
    with pytest.raises(InputError, match=r"the label .*\\xff.* is no text in UTF-8") as said:
        given(name)
    str(said.value).encode()


def test_no_word() -> None:
    with pytest.raises(InputError, match="lists no word; write words:the,a,an"):
        find("words:,,")
