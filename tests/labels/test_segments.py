"""Words end where words end, in every script, and not at a mark."""

import unicodedata

import numpy as np
import pytest

from unitscope.labels import find
from unitscope.labels.segments import pieces


@pytest.mark.parametrize("text", ["café noir", "नमस्ते दुनिया", "שָׁלוֹם עולם", "العَرَبِيَّة لغة", "Việt Nam"])
def test_marks_belong_to_the_word_before(text):
    for form in ("NFC", "NFD"):
        written = unicodedata.normalize(form, text)
        inside = find("inside-word")(written)
        assert (~inside).sum() == 1
        assert written[int(np.flatnonzero(~inside)[0])] == " "
        length = find("word-length")(written)
        assert len(set(length[:2].tolist())) == 1
        assert find("words-in-sentence")(written)[-1] == 2
        position = find("position-in-word")(written)
        assert position[0] == 1
        assert (np.diff(position[inside][: written.index(" ")]) >= 0).all()


def test_decomposed_letters_count_once():
    assert find("word-length")("cafe\u0301").tolist() == [4] * 5
    assert find("position-in-word")("e\u0301t").tolist() == [1, 1, 2]
    assert find("inside-word")(" \u0301a").tolist() == [False, False, True]


@pytest.mark.parametrize("text", ["กินน้ำ", "日本語", "ភាសាខ្មែរ", "မြန်မာ"])
def test_scripts_without_spaces_have_no_words_by_rule(text):
    for name in ("position-in-word", "word-length", "words-in-sentence"):
        assert np.isnan(find(name)(f"ab {text}")[3:]).all(), name
        assert np.isfinite(find(name)(f"ab {text}")[:3]).all(), name
    assert find("inside-word")(text).all()


def test_pieces_are_words_and_signs():
    text = "né\u0301e, (x_1)!"
    assert [text[first:after] for first, after in pieces(text)] == ["né\u0301e", ",", "(", "x_1", ")", "!"]
