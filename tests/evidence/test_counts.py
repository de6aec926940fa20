"""AUC, IoU and information from counts, against scikit-learn; ties; bias."""

import numpy as np
import pytest
from sklearn.metrics import jaccard_score, mutual_info_score, roc_auc_score

from unitscope.evidence.counts import area, area_error, information, overlap, told_apart


def counted(x, flag, thresholds):
    above = x > thresholds[:, None]
    return float(len(x)), float(flag.sum()), above.sum(1).astype(float), (above & flag).sum(1).astype(float)


def test_they_are_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    flag = draw.random(3000) < 0.2
    x = draw.normal(size=3000) + flag
    thresholds = np.quantile(x, np.arange(0.05, 1, 0.05))
    counts = counted(x, flag, thresholds)
    binned = np.searchsorted(thresholds, x)
    assert area(*counts) == pytest.approx(roc_auc_score(flag, binned))
    assert abs(area(*counts) - roc_auc_score(flag, x)) <= area_error(*counts)
    for k, threshold in enumerate(thresholds):
        assert overlap(*counts)[k] == pytest.approx(jaccard_score(flag, x > threshold))
        assert overlap(*counts, side=-1)[k] == pytest.approx(jaccard_score(flag, x <= threshold))
    plug_in = mutual_info_score(flag, binned) / np.log(2)
    assert information(*counts) == pytest.approx(plug_in - 19 / (2 * 3000 * np.log(2)))


def test_information_of_nothing_is_nothing_on_average():
    draw = np.random.default_rng(1)
    found = []
    for _ in range(300):
        x, flag = draw.normal(size=400), draw.random(400) < 0.3
        found.append(information(*counted(x, flag, np.quantile(x, np.arange(0.1, 1, 0.1)))))
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(300) + 5e-4
    assert np.mean(found) + 9 / (2 * 400 * np.log(2)) > 10 * abs(np.mean(found))  # the plug-in value is far off


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.6, 0.999])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_unit_that_is_exactly_the_flag_scores_one(share, sign):
    flag = np.arange(4000) < 4000 * share
    x = sign * flag.astype(np.float32)
    thresholds = told_apart(np.quantile(x, [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]).astype(np.float32)[:, None])[:, 0]
    counts = counted(x, flag, thresholds)
    assert np.nanmax(overlap(*counts, side=sign)) == 1
    assert area(*counts) == (1 if sign > 0 else 0)


def test_without_both_classes_there_is_no_number():
    x = np.arange(10.0)
    for flag in (np.zeros(10, bool), np.ones(10, bool)):
        counts = counted(x, flag, np.array([3.5]))
        assert np.isnan(area(*counts)) and np.isnan(information(*counts))
