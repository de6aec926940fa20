import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unitscope.banks.bank import make_bank
from unitscope.banks.candidates import BLANKS, sentence_of, words
from unitscope.banks.separation import separation

RANDOM = np.random.default_rng(0)
TEXTS = [" ".join(RANDOM.choice(list("abcdefgh"), 3)) for _ in range(120)]
BANK = make_bank([sentence_of(text, str(n), BLANKS) for n, text in enumerate(TEXTS)], [words])
HOLDS = np.array([[w in text.split() for text in TEXTS] for w in BANK.texts]).T
X = RANDOM.normal(size=(120, 40)).astype(np.float32)
X[:, :5] += 2 * HOLDS[:, :5]


def test_area_is_sklearns() -> None:
    concepts = np.arange(40) % len(BANK)
    found = separation(X, BANK, concepts)
    for unit, concept in enumerate(concepts):
        assert found.auroc[unit] == pytest.approx(roc_auc_score(HOLDS[:, concept], X[:, unit]))
        assert found.texts[unit] == HOLDS[:, concept].sum()
    flipped = separation(X, BANK, concepts, sign=-1)
    np.testing.assert_allclose(flipped.auroc, 1 - found.auroc)


def test_top_texts_are_left_out() -> None:
    without = np.argsort(-X, axis=0)[:10].T
    found = separation(X, BANK, np.zeros(40, int), without)
    kept = np.ones(120, bool)
    kept[without[7]] = False
    assert found.auroc[7] == pytest.approx(roc_auc_score(HOLDS[kept, 0], X[kept, 7]))


def test_planted_units_are_found_and_no_others() -> None:
    found = separation(X, BANK, np.arange(40) % len(BANK))
    assert found.significant()[:5].all()
    assert found.significant()[5:].sum() <= 2
    shuffled = separation(X, BANK, np.arange(40) % len(BANK), shuffled=1)
    assert not shuffled.significant().any()
    assert abs(np.nanmean(shuffled.auroc) - 0.5) < 0.05


def test_undefined() -> None:
    constant = np.zeros_like(X)
    assert np.isnan(separation(constant, BANK, np.zeros(40, int)).auroc).all()
    assert np.isnan(separation(X, BANK, np.full(40, -1)).auroc).all()
    assert np.isnan(separation(X, BANK, np.zeros(40, int), least=200).p).all()
    assert not separation(X, BANK, np.full(40, -1)).significant().any()
