import numpy as np
import pytest
import torch
from planted import one_site
from sklearn.metrics import average_precision_score, jaccard_score, mutual_info_score, roc_auc_score

from unitscope.analyses.detection import Detection, DetectionResult
from unitscope.analyses.quantiles import LEVELS, Quantiles, QuantilesResult
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.models.site import Site

TOKENS, UNITS, CONSTANT = 700, 6, 5
NAMES = ("common", "rare", "holed", "never", "always")


def made(seed=0):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(TOKENS, UNITS, generator=random) + 3
    y = torch.rand(TOKENS, len(NAMES), generator=random)
    y[:, 0] = (x[:, 0] + torch.randn(TOKENS, generator=random) > 3).float()
    y[:, 1] = (y[:, 1] > 0.99).float()
    y[:, 2] = torch.where(y[:, 2] < 0.3, torch.nan, (y[:, 2] > 0.6).float())
    y[:, 3], y[:, 4] = 0, 1
    x[:, CONSTANT] = 2.0
    return x, y


def detected(x, y, names=NAMES, **more) -> DetectionResult:
    labels = {name: y[:, k].contiguous() for k, name in enumerate(names)}
    labels["bucket"] = (torch.arange(len(x)) // 10 % 7).float()
    lengths = [10] * (len(x) // 10)
    source = one_site(x, lengths, low=-torch.inf, high=torch.inf, token_labels=labels, batch=7)
    analysis = Detection(of=tuple(names), **more)
    result = analyze(source, [analysis])["planted", analysis.key]
    assert isinstance(result, DetectionResult)
    return result


def test_measures_are_those_of_scikit_learn_on_the_same_bins():
    x, y = made()
    result = detected(x, y)
    quantiles = analyze(one_site(x, low=-torch.inf, high=torch.inf), [Quantiles()])["planted", "quantiles"]
    assert isinstance(quantiles, QuantilesResult)
    thresholds = quantiles.values.astype(np.float32)
    found = {"auroc": result.auc(), "precision": result.precision(), "information": result.information()}
    for k in (0, 1, 2):
        defined = ~y[:, k].isnan().numpy()
        flag = y[defined, k].numpy() > 0.5
        for u in range(CONSTANT):
            a = x[defined, u].numpy()
            binned = (a[:, None] > thresholds[:, u]).sum(1)
            plugin = mutual_info_score(flag, binned) / np.log(2)
            bias = (len(np.unique(binned)) - 1) / (2 * len(a) * np.log(2))
            assert found["auroc"][u, k] == pytest.approx(roc_auc_score(flag, binned), abs=1e-6)
            assert found["precision"][u, k] == pytest.approx(average_precision_score(flag, binned), abs=1e-6)
            assert found["information"][u, k] == pytest.approx(plugin - bias, abs=1e-6)
            assert abs(found["auroc"][u, k] - roc_auc_score(flag, a)) <= result.auc_error()[u, k] + 1e-9
            for side in (1, -1):
                level = LEVELS.index(0.9)
                beyond = a > thresholds[level, u] if side > 0 else a <= thresholds[level, u]
                assert result.iou(side)[level, u, k] == pytest.approx(jaccard_score(flag, beyond), abs=1e-6)


def test_what_is_undefined_is_nan_and_never_infinite():
    result = detected(*made())
    tables = {"auc": result.auc(), "precision": result.precision(), "information": result.information()}
    for name, table in tables.items():
        assert np.isnan(table[CONSTANT]).all(), name
        assert not np.isinf(table).any(), name
        assert np.isfinite(table[:CONSTANT, 0]).all(), name
    for name in ("auc", "information"):
        assert np.isnan(tables[name][:, 3:]).all(), name
    assert np.isnan(result.iou(1)[:, CONSTANT]).all()


@pytest.mark.parametrize("share", [0.004, 0.03, 0.3, 0.7])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_unit_that_is_exactly_the_flag_scores_one(share, sign):
    """Whatever its ties."""
    flag = (torch.rand(2000, 1, generator=torch.Generator().manual_seed(1)) < share).float()
    result = detected(sign * flag, flag, ("flag",))
    assert result.auc()[0, 0] == pytest.approx(1.0 if sign > 0 else 0.0)
    assert result.iou(sign)[:, 0, 0].max() == pytest.approx(1.0)
    if sign > 0:
        assert result.precision()[0, 0] == pytest.approx(1.0)


def test_buckets_add_up_and_give_intervals():
    x, y = made()
    apart, whole = detected(x, y, groups="bucket", buckets=7), detected(x, y)
    for name in ("n", "on", "above", "above_on"):
        np.testing.assert_array_equal(getattr(apart, name).sum(0), getattr(whole, name)[0])
    level = LEVELS.index(0.5)
    for measure, table in {
        "auroc": whole.auc(),
        "precision": whole.precision(),
        "information": whole.information(),
        "iou": whole.iou(1)[level],
    }.items():
        found = apart.estimate(measure, 0, 0, level)
        assert found.value == pytest.approx(table[0, 0])
        assert found.low < found.value < found.high
        assert not np.isfinite(whole.estimate(measure, 0, 0, level).low)


def test_it_must_be_told_what_to_detect():
    with pytest.raises(InputError, match="detection needs labels"):
        Detection().start(Site("one", 3), {})
