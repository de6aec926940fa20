"""softWPMI against its formula, written out."""

import numpy as np
import pytest

from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import sentence_of, words
from unitscope.concepts.wpmi import soft_wpmi, tf_idf
from unitscope.errors import InputError


def test_every_score_is_that_of_the_formula() -> None:
    random = np.random.default_rng(0)
    texts = random.normal(size=(50, 7)).astype(np.float32)
    similarity = random.normal(size=(50, 20)) / 5
    texts[:, 6] = 1.0
    found = soft_wpmi(texts, similarity, top=30, weight=0.7)
    p = np.exp(10 * similarity) / np.exp(10 * similarity).sum(1, keepdims=True)
    raw = np.zeros((6, 20))
    for unit in range(6):
        order = sorted(range(50), key=lambda i: -texts[i, unit])[:30]
        for rank, i in enumerate(order):
            trust = 0.998 - rank / 30 * (0.998 - 0.97)
            raw[unit] += np.log(1 + trust * (p[i] - 1) + 1e-7)
    expected = raw - 0.7 * np.log(np.exp(raw).mean(0))
    np.testing.assert_allclose(found[:6], expected, rtol=1e-9)
    assert np.isnan(found[6]).all()


def test_a_unit_of_a_concept_gets_its_name() -> None:
    texts = ["the cat", "a dog", "the end", "a cat ran", "dog dog", "no"] * 5
    bank = make_bank([sentence_of(text, str(i)) for i, text in enumerate(texts)], [words])
    unit = np.array([["cat" in text, "dog" in text] for text in texts], np.float32)
    labels = soft_wpmi(unit, tf_idf(bank), top=10).argmax(1)
    assert [bank.texts[c] for c in labels] == ["cat", "dog"]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="ask for fewer"):
        soft_wpmi(np.zeros((5, 2), np.float32), np.zeros((5, 3)))
    with pytest.raises(InputError, match="give the same texts"):
        soft_wpmi(np.zeros((5, 2), np.float32), np.zeros((4, 3)), 2)
    assert np.isnan(soft_wpmi(np.zeros((5, 2), np.float32), np.zeros((5, 3)), 2)).all()
