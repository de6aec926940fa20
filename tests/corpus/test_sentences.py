"""Sentences on the disk are those that were given."""

import pytest

from unitscope.corpus import sentences, spilled
from unitscope.corpus.sentence import ROOT, Sentence, Span, Word
from unitscope.corpus.sentences import Sentences


def test_sentences_come_back_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilled, "HELD", 100)
    monkeypatch.setattr(sentences, "KEPT", 2)
    words = (Word("Où", 0, 2, {"upos": "ADV"}, ROOT), Word("\u0e01\U0001f600", 3, 5, {}, 0), Word("?", 5, 6, {}))
    given = [
        Sentence("Où \u0e01\U0001f600?", words, f"d{n // 2}", f"a.conllu:{n}", (Span(0, 2, "NP", "SBJ"),),
                 (Word("", 2, 2, {"deps": "x"}),), {"mood": "so"}, "dev")
        for n in range(5)
    ]  # fmt: skip
    made = Sentences(given)
    assert list(made) == given == made[:] and made[-1] == given[-1]
    assert [made[number] for number in (3, 0, 4, 3)] == [given[number] for number in (3, 0, 4, 3)]
