"""What lies on the disk is what was added, wherever the border of memory is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitscope.corpus import spilled
from unitscope.corpus.spilled import Firsts, Pairs, Rows, Some, Texts


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=6), max_size=12), st.integers(0, 20))
def test_texts_of_every_sign(texts: list[str], held: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spilled, "HELD", held)
        patch.setattr(spilled, "AHEAD", held // 2)
        pairs = [(text, text[::-1]) for text in texts]
        assert list(Pairs(pairs)) == pairs == Pairs(pairs)[:]
        assert list(Some(Firsts(Pairs(pairs)), np.arange(len(texts))[::-1])) == texts[::-1]
        made = Texts(texts)
        assert list(made) == texts == made[:]
        assert [made[number] for number in range(-len(texts), len(texts))] == texts * 2
        made.append("\ud800")
        assert made[-1] == "\ud800"


def test_rows_and_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spilled, "HELD", 100)
    monkeypatch.setattr(spilled, "NEAR", 4)
    rows = Rows(start="q", digest="3s")
    for number in range(50):
        rows.add(number, b"a\0\0")
        assert rows[number] == rows[-1] == (number, b"a\0\0")
    assert np.array_equal(rows.column("start"), np.arange(50))
    assert [start for start, _ in rows] == list(range(50))
    with pytest.raises(IndexError):
        rows[50]
