"""Measures of units against hypotheses, against numpy, scipy and scikit-learn on the same tokens."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import average_precision_score, jaccard_score, mutual_info_score, roc_auc_score

from unitscope.analyses.quantiles import LEVELS
from unitscope.concepts import pairs as pairs_module
from unitscope.concepts.measures import MEASURES, find_measure
from unitscope.concepts.pairs import Hypotheses, Pairs, Scale
from unitscope.errors import InputError

TOKENS, UNITS = 700, 6
NAMES = ("common", "rare", "number", "holed", "never", "always")
HYPOTHESES = Hypotheses(NAMES, np.array([True, True, False, True, True, True]), np.array([0, 0, 0, 1, 0, 0]))
NUMBER, HOLED, NEVER = 2, 3, 4
CONSTANT = 5


def made(seed=0):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(TOKENS, UNITS, generator=random) + 3
    y = torch.rand(TOKENS, len(NAMES), generator=random)
    y[:, 0] = (x[:, 0] + torch.randn(TOKENS, generator=random) > 3).float()
    y[:, 1] = (y[:, 1] > 0.99).float()
    y[:, NUMBER] = 100 + 10 * x[:, 1] + torch.randn(TOKENS, generator=random)
    y[:, HOLED] = torch.where(y[:, HOLED] < 0.3, torch.nan, (y[:, HOLED] > 0.6).float())
    y[:, NEVER], y[:, 5] = 0, 1
    x[:, CONSTANT] = 2.0
    return x, y


def counted(x, y, parts=1):
    scale = Scale.of(x, y, HYPOTHESES, LEVELS)
    tables = Pairs(UNITS, HYPOTHESES, scale)
    for rows in torch.arange(len(x)).chunk(parts):
        tables.update(x[rows], y[rows])
    return tables


def flags(y, k):
    """The flag of hypothesis k, and where it is defined."""
    defined = ~np.isnan(y[:, k])
    values = y[defined, k]
    return values > (np.sort(values)[(len(values) - 1) // 2] if k == NUMBER else 0.5), defined


def iou(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)


@pytest.mark.parametrize("rows", [2048, 64])
def test_correlation_and_differences(rows, monkeypatch) -> None:
    monkeypatch.setattr(pairs_module, "ROWS", rows)
    x, y = made()
    tables = counted(x, y)
    found = {name: MEASURES[name](tables) for name in ("correlation", "difference", "standardised", "labelled")}
    x, y = x.double().numpy(), y.double().numpy()
    for k in (0, 1, NUMBER, HOLED):
        flag, defined = flags(y, k)
        for u in range(CONSTANT):
            a = x[defined, u]
            assert found["correlation"][u, k] == pytest.approx(stats.pearsonr(a, y[defined, k])[0], abs=1e-6)
            difference = a[flag].mean() - a[~flag].mean()
            assert found["difference"][u, k] == pytest.approx(difference, abs=1e-6)
            assert found["standardised"][u, k] == pytest.approx(difference / a.std(), abs=1e-6)
            labelled = abs(difference) / (np.ptp(x[:, u]) + 1e-7)
            assert found["labelled"][u, k] == pytest.approx(labelled, abs=1e-6)


@pytest.mark.parametrize("dense", [0.0, 1.0])
def test_what_is_counted_above_quantiles(dense, monkeypatch) -> None:
    monkeypatch.setattr(pairs_module, "DENSE", dense)
    x, y = made()
    tables = counted(x, y)
    thresholds = tables.scale.thresholds.numpy()
    found = {name: measure(tables) for name, measure in MEASURES.items()}
    x, y = x.numpy(), y.numpy()
    for k in (0, 1, NUMBER, HOLED):
        flag, defined = flags(y, k)
        for u in range(CONSTANT):
            a = x[defined, u]
            binned = (a[:, None] > thresholds[:, u]).sum(1)
            for name, expected in {
                "auroc": roc_auc_score(flag, binned),
                "precision": average_precision_score(flag, binned),
                "information": mutual_info_score(flag, binned) / np.log(2),
                "iou": jaccard_score(flag, a > thresholds[LEVELS.index(0.995), u]),
                "iou-below": jaccard_score(flag, a <= thresholds[LEVELS.index(0.005), u]),
                "jaccard": max(max(jaccard_score(flag, a > t), jaccard_score(flag, a <= t)) for t in thresholds[:, u]),
            }.items():
                assert found[name][u, k] == pytest.approx(expected, abs=1e-6), name


def test_what_is_undefined_is_nan_and_never_infinite() -> None:
    tables = counted(*made())
    for name, measure in MEASURES.items():
        found = measure(tables)
        assert np.isnan(found[CONSTANT]).all(), name
        assert not np.isinf(found).any(), name
        if name not in ("precision", "iou", "iou-below", "jaccard"):
            assert np.isnan(found[:, [NEVER, 5]]).all(), name
        assert np.isfinite(found[:CONSTANT, 0]).all(), name


def test_any_division_of_the_tokens_gives_the_same_sums() -> None:
    x, y = made()
    whole = counted(x, y)
    left, right = whole.fresh(), whole.fresh()
    left.update(x[:300], y[:300])
    right.update(x[300:], y[300:])
    both = left.merge(right)
    for name, measure in MEASURES.items():
        np.testing.assert_allclose(measure(both), measure(whole), atol=1e-6, err_msg=name)
    assert float(left.n[0]) == 300


def test_units_are_read_in_parts(monkeypatch) -> None:
    tables = counted(*made())
    expected = MEASURES["auroc"](tables)
    monkeypatch.setattr("unitscope.concepts.measures.UNITS", 2)
    np.testing.assert_allclose(MEASURES["auroc"](tables), expected, atol=1e-12)


def test_an_unknown_measure_is_refused() -> None:
    with pytest.raises(InputError, match="no measure is called 'r'; there are: correlation"):
        find_measure("r")
    with pytest.raises(InputError, match="no token to measure"):
        Scale.of(torch.zeros(0, 2), torch.zeros(0, 1), Hypotheses.of_flags(["a"]), ())
