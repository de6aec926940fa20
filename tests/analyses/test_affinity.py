import numpy as np
import pytest
import torch
from planted import one_site
from scipy import signal, stats
from sklearn.metrics import mutual_info_score, roc_auc_score

from unitscope.analyses.affinity import Affinity, AffinityResult
from unitscope.analyses.quantiles import LEVELS
from unitscope.fold.analyze import analyze


def remembering(lengths, columns, seed, memory=0.9):
    """Independent processes in which neighbouring tokens of a sequence are alike; sequences are independent."""
    noise = np.random.default_rng(seed).normal(size=(len(lengths), lengths[0], columns))
    noise[:, 1:] *= (1 - memory**2) ** 0.5
    x = signal.lfilter([1.0], [1.0, -memory], noise, axis=1)
    return torch.from_numpy(x.reshape(-1, columns)).float()


def affinity(x, labels, lengths) -> AffinityResult:
    source = one_site(x, lengths, low=-torch.inf, high=torch.inf, token_labels=labels, batch=7)
    result = analyze(source, [Affinity(hypotheses=tuple(labels))])["planted", Affinity(hypotheses=tuple(labels)).key]
    assert isinstance(result, AffinityResult)
    return result


@pytest.fixture(scope="module")
def planted():
    """Unit 0 follows the flag, unit 1 the number, unit 2 is constant, the others follow nothing."""
    lengths = [60] * 100
    flag, number = (remembering(lengths, 1, 1)[:, 0] > 1).float(), remembering(lengths, 1, 2)[:, 0]
    partial = number.clone()
    partial[::3] = torch.nan
    x = remembering(lengths, 8, 3)
    x[:, 0] += 3 * flag
    x[:, 1] -= 2 * number
    x[:, 2] = 0.7
    labels = {"flag": flag, "number": number, "partial": partial, "never": torch.zeros(6_000)}
    return x, labels, affinity(x, labels, lengths)


def test_correlation_is_that_of_numpy(planted):
    x, labels, result = planted
    live = [0, 1, 3, 4, 5, 6, 7]
    for k, name in enumerate(("flag", "number", "partial")):
        defined = ~labels[name].isnan()
        expected = [np.corrcoef(x[defined, u], labels[name][defined])[0, 1] for u in live]
        np.testing.assert_allclose(result.r[live, k], expected, atol=1e-6)
    np.testing.assert_array_equal(result.tokens, [6_000, 6_000, 4_000, 6_000])


def test_auc_is_that_of_scikit_learn_within_the_stated_error(planted):
    x, labels, result = planted
    for u in (0, 1, 3, 4):
        exact = roc_auc_score(labels["flag"], x[:, u])
        assert abs(result.auc[u, 0] - exact) <= result.auc_error[u, 0]
        assert result.auc_error[u, 0] < 0.05
        assert abs(result.auc[u, 0] - exact) < 0.005
    above = (labels["number"] > labels["number"].median()).float()
    assert abs(result.auc[1, 1] - roc_auc_score(above, x[:, 1])) < 0.005


def test_overlap_and_information_are_those_of_a_loop(planted):
    x, labels, result = planted
    flag = labels["flag"].bool()
    for u in (0, 3):
        thresholds = np.quantile(x[:, u].numpy(), LEVELS).astype(np.float32)
        overlaps = []
        for threshold in thresholds:
            for beyond in (x[:, u] > float(threshold), x[:, u] <= float(threshold)):
                overlaps.append(float((beyond & flag).sum() / (beyond | flag).sum()))
        assert result.iou[u, 0] == pytest.approx(max(overlaps), abs=1e-3)
        bins = np.searchsorted(thresholds, x[:, u].numpy(), side="left")
        bits = mutual_info_score(flag, bins) / np.log(2)
        assert result.information[u, 0] == pytest.approx(bits, abs=2e-3)


def test_what_is_constant_is_undefined_never_infinite(planted):
    _, _, result = planted
    assert np.isnan(result.r[2]).all()
    assert np.isnan(result.r[:, 3]).all()
    assert np.isnan(result.auc[:, 3]).all()
    assert np.isnan(result.iou[:, 3]).all()
    assert result.best()[0][2] == -1


def test_interval_covers_the_truth_although_tokens_are_not_independent():
    """r = 0 between independent processes: 95 % of the intervals hold it, and p-values are uniform."""
    lengths = [64] * 128
    x, y = remembering(lengths, 30, 5, memory=0.95), remembering(lengths, 20, 6, memory=0.95)
    result = affinity(x, {f"y{k}": y[:, k] for k in range(20)}, lengths)
    covered = ((result.r_low <= 0) & (result.r_high >= 0)).mean()
    assert 0.92 < covered < 0.98
    assert stats.kstest(result.p.ravel(), "uniform").pvalue > 1e-4
    # A test that took tokens as evidence would call far more than one in twenty significant.
    naive = 2 * stats.norm.sf(np.abs(result.r) * np.sqrt(len(x)))
    assert (naive < 0.05).mean() > 0.3


def test_interval_of_a_true_correlation():
    """The interval's own claim, by many repetitions: r of units that carry 0.6 of the label."""
    lengths = [40] * 96
    y = remembering(lengths, 1, 8)[:, 0]
    x = 0.6 * y[:, None] + 0.8 * remembering(lengths, 400, 9)
    result = affinity(x, {"y": y}, lengths)
    # The label is the same in all repetitions, so what varies is the noise of the units alone.
    covered = (result.r_low[:, 0] <= result.r.mean()) & (result.r_high[:, 0] >= result.r.mean())
    assert 0.92 < covered.mean() <= 1.0
    assert (result.r_low > 0.4).all()


def test_too_few_sequences_give_no_p_value():
    result = affinity(torch.randn(20, 2), {"y": torch.randn(20)}, [10, 10])
    assert np.isnan(result.p).all()
    assert np.isfinite(result.r).all()


def test_a_rare_flag_and_a_gate_that_is_nearly_always_open_are_no_certainty():
    """The few tokens with the flag all find the gate open: nothing has been shown by that."""
    draw = torch.Generator().manual_seed(0)
    lengths = [100] * 100
    gates = (torch.rand(10_000, 500, generator=draw) > 0.03).float() + 0.01 * torch.randn(10_000, 500, generator=draw)
    flag = torch.zeros(10_000)
    flag[torch.randperm(10_000, generator=draw)[:15]] = 1
    result = affinity(gates, {"rare": flag}, lengths)
    assert result.p.min() > 1e-4
    assert (result.p < 0.01).mean() < 0.03


def test_sequences_of_one_document_are_one_piece_of_evidence():
    """Each document has its own level of everything; taken one by one, its sequences would be evidence eight times."""
    draw = np.random.default_rng(0)
    lengths = [20] * 400
    document = np.repeat(np.arange(50), 8 * 20)
    x = torch.from_numpy(draw.normal(size=(50, 30))[document] + draw.normal(size=(8_000, 30))).float()
    y = torch.from_numpy(draw.normal(size=(50, 20))[document] + draw.normal(size=(8_000, 20))).float()
    labels = {f"y{k}": y[:, k] for k in range(20)} | {"document": torch.from_numpy(document).float()}
    names = tuple(f"y{k}" for k in range(20))
    source = one_site(x, lengths, low=-torch.inf, high=torch.inf, token_labels=labels, batch=50)
    together, apart = Affinity(hypotheses=names, groups="document"), Affinity(hypotheses=names)
    results = analyze(source, [together, apart])
    wrong = {key: float((results["planted", key].p < 0.01).mean()) for key in (together.key, apart.key)}
    assert wrong[together.key] < 0.03
    assert wrong[apart.key] > 0.1
