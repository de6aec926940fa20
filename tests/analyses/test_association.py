import math

import numpy as np
import pytest
import torch
from planted import fold, one_site, planted
from scipy import signal, stats

from unitscope.analyses.association import DIFFERENCES, Association, AssociationResult, Pairs
from unitscope.errors import InputError
from unitscope.evidence.correlation import WHY
from unitscope.fold.analyze import analyze
from unitscope.fold.state import pack
from unitscope.models.site import Site


def remembering(lengths, columns, seed, memory=0.9):
    """Independent processes in which neighbouring tokens of a sequence are alike; sequences are independent."""
    noise = np.random.default_rng(seed).normal(size=(len(lengths), lengths[0], columns))
    noise[:, 1:] *= (1 - memory**2) ** 0.5
    x = signal.lfilter([1.0], [1.0, -memory], noise, axis=1)
    return torch.from_numpy(x.reshape(-1, columns)).float()


def associated(x, labels, lengths, **more) -> AssociationResult:
    source = one_site(x, lengths, low=-torch.inf, high=torch.inf, token_labels=labels, batch=7)
    analysis = Association(of=tuple(name for name in labels if name != "group"), **more)
    result = analyze(source, [analysis])["planted", analysis.key]
    assert isinstance(result, AssociationResult)
    return result


@pytest.fixture(scope="module")
def made():
    """Unit 0 follows the flag, unit 1 the number, unit 2 is constant, the others follow nothing."""
    lengths = [60] * 100
    flag, number = (remembering(lengths, 1, 1)[:, 0] > 1).float(), remembering(lengths, 1, 2)[:, 0]
    partial = number.clone()
    partial[::3] = torch.nan
    holed = flag.clone()
    holed[1::5] = torch.nan
    x = remembering(lengths, 8, 3) + 5
    x[:, 0] += 3 * flag
    x[:, 1] -= 2 * number
    x[:, 2] = 0.7
    labels = {
        "flag": flag, "number": 1e4 + number, "partial": partial, "holed": holed, "never": torch.zeros(6_000),
    }  # fmt: skip
    return x, labels, lengths


def test_correlation_is_that_of_numpy(made):
    x, labels, lengths = made
    result = associated(x, labels, lengths)
    live = [0, 1, 3, 4, 5, 6, 7]
    for k, name in enumerate(("flag", "number", "partial", "holed")):
        defined = ~labels[name].isnan()
        expected = [np.corrcoef(x[defined, u], labels[name][defined])[0, 1] for u in live]
        np.testing.assert_allclose(result.r[live, k], expected, atol=2e-6)
        assert result.label_mean[k] == pytest.approx(float(labels[name][defined].double().mean()), rel=1e-6)
        assert result.label_std[k] == pytest.approx(float(labels[name][defined].double().std(correction=0)), rel=1e-4)
    np.testing.assert_array_equal(result.tokens, [6_000, 6_000, 4_000, 4_800, 6_000])
    assert result.is_flag.tolist() == [True, False, False, True, True]
    np.testing.assert_allclose(result.mean, x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(result.std, x.std(0, correction=0), atol=1e-5)


def test_what_is_constant_has_a_reason_and_no_number(made):
    x, labels, lengths = made
    result = associated(x, labels, lengths)
    for table in (result.r, result.p, result.r_low):
        assert np.isnan(table[2]).all()
        assert np.isnan(table[:, 4]).all()
        assert not np.isinf(table).any()
    assert result.reason(2, 0) == "the unit is constant"
    assert result.reason(0, 4) == "the label is constant"
    assert result.reason(0, 0) == ""
    assert result.best()[0][2] == -1


def test_differences_are_those_of_a_loop(made):
    x, labels, lengths = made
    result = associated(x, labels, lengths, differences=True)
    for k, name in ((0, "flag"), (3, "holed")):
        defined = ~labels[name].isnan()
        flag = labels[name][defined] > 0.5
        for u in (0, 1, 3):
            a = x[defined, u].double()
            difference = float(a[flag].mean() - a[~flag].mean())
            span = float(x[:, u].max() - x[:, u].min())
            expected = {
                "difference": difference,
                "standardised": difference / float(a.std(correction=0)),
                "labelled": abs(difference) / span,
            }
            for at, measure in enumerate(DIFFERENCES):
                value, low, high = result.differences[at, :, u, k]
                assert value == pytest.approx(expected[measure], abs=1e-5)
                assert low < value < high
    assert np.isnan(result.differences[:, :, :, 1]).all()  # a number has no differences
    assert np.isnan(result.differences[:, 0, 2]).all()  # nor has a constant unit
    assert associated(x, labels, lengths).differences.shape[0] == 0


def test_interval_covers_the_truth_although_tokens_are_not_independent():
    """r = 0 between independent processes: 95 % of the intervals hold it, and p-values are uniform."""
    lengths = [64] * 128
    x, y = remembering(lengths, 30, 5, memory=0.95), remembering(lengths, 20, 6, memory=0.95)
    result = associated(x, {f"y{k}": y[:, k] for k in range(20)}, lengths)
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
    result = associated(x, {"y": y}, lengths)
    # The label is the same in all repetitions, so what varies is the noise of the units alone.
    covered = (result.r_low[:, 0] <= result.r.mean()) & (result.r_high[:, 0] >= result.r.mean())
    assert 0.92 < covered.mean() <= 1.0
    assert (result.r_low > 0.4).all()


def test_too_few_sequences_give_no_p_value():
    result = associated(torch.randn(20, 2), {"y": torch.randn(20)}, [10, 10])
    assert np.isnan(result.p).all()
    assert np.isfinite(result.r).all()
    assert "fewer than" in result.reason(0, 0)


def test_a_rare_flag_and_a_gate_that_is_nearly_always_open_are_no_certainty():
    """The few tokens with the flag all find the gate open: nothing has been shown by that."""
    draw = torch.Generator().manual_seed(0)
    lengths = [100] * 100
    gates = (torch.rand(10_000, 500, generator=draw) > 0.03).float() + 0.01 * torch.randn(10_000, 500, generator=draw)
    flag = torch.zeros(10_000)
    flag[torch.randperm(10_000, generator=draw)[:15]] = 1
    result = associated(gates, {"rare": flag}, lengths)
    assert np.nanmin(result.p) > 1e-4
    assert (result.p < 0.01).mean() < 0.03


def test_sequences_of_one_document_are_one_piece_of_evidence():
    """Each document has its own level of everything; taken one by one, its sequences would be evidence eight times."""
    draw = np.random.default_rng(0)
    lengths = [20] * 400
    document = np.repeat(np.arange(50), 8 * 20)
    x = torch.from_numpy(draw.normal(size=(50, 30))[document] + draw.normal(size=(8_000, 30))).float()
    y = torch.from_numpy(draw.normal(size=(50, 20))[document] + draw.normal(size=(8_000, 20))).float()
    labels = {f"y{k}": y[:, k] for k in range(20)} | {"group": torch.from_numpy(document).float()}
    together = associated(x, labels, lengths, groups="group", buckets=50)
    apart = associated(x, {name: y for name, y in labels.items() if name != "group"}, lengths)
    assert (together.p < 0.01).mean() < 0.03
    assert (apart.p < 0.01).mean() > 0.1


@pytest.mark.parametrize("rare", [False, True])
def test_numbers_of_a_pair_are_the_same_to_the_bit_in_any_company(rare):
    """Alone, among other labels in any order, and in a site of other units."""
    lengths = [37] * 40
    x = remembering(lengths, 70, 1)
    labels = {}
    for k in range(75):
        y = remembering(lengths, 1, 100 + k)[:, 0]
        labels[f"y{k}"] = (y > (2.6 if rare and k % 2 else 0.5)).float() if k % 3 else y
        if k % 5 == 0:
            labels[f"y{k}"][k::7] = torch.nan
    together = associated(x, labels, lengths)
    order = np.random.default_rng(0).permutation(75)
    mixed = associated(x, {f"y{k}": labels[f"y{k}"] for k in order}, lengths)
    for k in (0, 1, 5, 20, 31, 32, 33, 64, 74):
        alone = associated(x, {f"y{k}": labels[f"y{k}"]}, lengths)
        for name in ("r", "r_low", "r_high", "p", "error"):
            own = getattr(alone, name)[:, 0]
            np.testing.assert_array_equal(own, getattr(together, name)[:, k], err_msg=name)
            np.testing.assert_array_equal(own, getattr(mixed, name)[:, int(np.flatnonzero(order == k)[0])])
    for units in ([3], [69, 0], list(range(0, 70, 2))):
        some = associated(x[:, units].contiguous(), labels, lengths)
        np.testing.assert_array_equal(some.r, together.r[units])
        np.testing.assert_array_equal(some.p, together.p[units])


def test_families_share_what_depends_on_a_unit_alone(made):
    x, labels, lengths = made
    apart = associated(x, labels, lengths)
    shared = associated(x, labels, lengths, families="0 0 1 2 0")
    for name in ("r", "p", "r_low", "tokens", "pieces"):
        np.testing.assert_array_equal(getattr(apart, name), getattr(shared, name), err_msg=name)


def test_a_state_is_small():
    """12 sites of 3,072 units and 49 labels: at most 1.2 GB."""
    analysis = Association(of=tuple(f"y{k}" for k in range(49)), families=" ".join(["0"] * 49))
    packed = pack(analysis.start(Site("one", 3072), {}))
    assert 12 * sum(tensor.nbytes for tensor in packed.tensors.values()) <= 1.2e9


def test_sums_merge_although_they_are_about_other_means():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(400, 3, generator=draw) + torch.linspace(0, 1000, 400)[:, None]
    y = x[:, 0] + 10 * torch.randn(400, generator=draw)
    analysis = Association(of=("y",))
    source = one_site(x, [20] * 20, low=-math.inf, high=math.inf, token_labels={"y": y})
    states = []
    for part in ([0, 1, 2], [3, 4, 5, 6, 7, 8, 9], list(range(10, 20))):
        state = analysis.start(source.sites[0], {})
        for chunks in source.chunks(["planted"], ["y"], part):
            analysis.update(state, chunks["planted"])
        states.append(state)
    a, b, c = states
    assert isinstance(a, Pairs)
    assert not torch.equal(a.x_shift, b.x_shift)
    whole = fold(analysis, source)
    merged = analysis.compute(analysis.merge(analysis.merge(a, b), c))
    np.testing.assert_allclose(merged.r[:, 0], np.corrcoef(x.T.double(), y.double())[:3, 3], atol=1e-6)
    np.testing.assert_allclose(merged.r, whole.r, atol=1e-6)
    np.testing.assert_allclose(np.log(merged.p), np.log(whole.p), rtol=1e-3)


def test_what_cannot_be_asked_is_refused():
    site = Site("one", 3)
    with pytest.raises(InputError, match="association needs labels"):
        Association().start(site, {})
    with pytest.raises(InputError, match="2 labels have 1 families"):
        Association(of=("a", "b"), families="0").start(site, {})


def test_one_bucket_has_a_correlation_and_no_p():
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    source = planted({Site("one", 4): x}, [20] * 10, token_labels={"y": x[:, 0] + 1})
    result = analyze(source, [Association(of=("y",), buckets=1)])["one", Association(of=("y",), buckets=1).key]
    assert isinstance(result, AssociationResult)
    np.testing.assert_allclose(result.r[:, 0], np.corrcoef(x.T)[:, 0], atol=1e-6)
    assert np.isnan(result.p).all()
    assert result.reason(1, 0) == WHY[4]
