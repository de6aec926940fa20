"""r over pieces of evidence against SciPy and against brute force; reasons instead of numbers."""

import warnings

import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.correlation import WHY, Sums, correlate, partial


def made(x, y, piece, everywhere=None):
    """Sums from tokens, by brute force."""
    count = piece.max() + 1
    known = np.isfinite(y)
    y0 = np.nan_to_num(y)
    full = known.all() if everywhere is None else everywhere

    def by(values):
        return np.stack([values[piece == g].sum(0) for g in range(count)])

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kurtosis = [((v - np.nanmean(v, 0)) ** 4).mean(0) / np.nanvar(v, 0) ** 2 for v in (x, np.where(known, y, 0))]
    flags = np.array([set(np.unique(c[np.isfinite(c)])) <= {0.0, 1.0} for c in y.T])
    sums = {
        "n": by(known.astype(float)), "y": by(y0), "yy": by(y0**2),
        "x": by(x) if full else np.stack([x[piece == g].T @ known[piece == g] for g in range(count)]),
        "xx": by(x**2) if full else np.stack([(x[piece == g] ** 2).T @ known[piece == g] for g in range(count)]),
        "xy": np.stack([x[piece == g].T @ y0[piece == g] for g in range(count)]),
    }  # fmt: skip
    on = np.where(flags, by(y0), np.nan) if flags.any() else None
    return Sums(**sums, x_kurtosis=kurtosis[0], y_kurtosis=kurtosis[1], on=on)


def data(seed=0, pieces=9, tokens=60, units=4, labels=3):
    draw = np.random.default_rng(seed)
    piece = np.repeat(np.arange(pieces), tokens)
    level = draw.normal(size=(pieces, units))
    x = draw.normal(size=(len(piece), units)) + level[piece]
    y = draw.normal(size=(len(piece), labels)) + 0.5 * x[:, :1]
    y[:, 1] = y[:, 1] > 0
    return x, y, piece


def test_r_error_p_and_interval_are_those_of_a_brute_force_jackknife():
    x, y, piece = data()
    found = correlate(made(x, y, piece))
    for u in range(4):
        for k in range(3):
            r = stats.pearsonr(x[:, u], y[:, k]).statistic
            z = [np.arctanh(stats.pearsonr(x[piece != g, u], y[piece != g, k]).statistic) for g in range(9)]
            error = np.sqrt(8 / 9 * np.sum((np.array(z) - np.arctanh(r)) ** 2))
            assert found.r[u, k] == pytest.approx(r)
            assert found.error[u, k] == pytest.approx(error)
            assert found.p[u, k] == pytest.approx(2 * stats.t.sf(abs(np.arctanh(r)) / error, 8))
            width = stats.t.ppf(0.975, 8) * error
            assert found.low[u, k] == pytest.approx(np.tanh(np.arctanh(r) - width))
            assert found.high[u, k] == pytest.approx(np.tanh(np.arctanh(r) + width))
    assert found.freedom == pytest.approx([8, 8, 8])
    assert (found.why == 0).all()


def test_a_label_that_is_undefined_elsewhere_has_the_numbers_of_its_own_pieces_alone():
    x, y, piece = data(pieces=20)
    y[piece >= 5, 2] = np.nan
    both, alone = correlate(made(x, y, piece)), correlate(made(x[piece < 5], y[piece < 5][:, 2:], piece[piece < 5]))
    assert both.pieces.tolist() == [20, 20, 5]
    assert both.freedom == pytest.approx([19, 19, 4])
    for name in ("r", "p", "low", "high"):
        assert getattr(both, name)[:, 2] == pytest.approx(getattr(alone, name)[:, 0])


def test_numbers_of_a_pair_are_the_same_to_the_bit_in_any_company():
    x, y, piece = data(units=7, labels=5)
    sums = made(x, y, piece)
    whole = correlate(sums)
    one = Sums(
        sums.n[:, 3:4], sums.y[:, 3:4], sums.yy[:, 3:4], sums.x[:, 2:3], sums.xx[:, 2:3], sums.xy[:, 2:3, 3:4],
        sums.x_kurtosis[2:3], sums.y_kurtosis[3:4],
    )  # fmt: skip
    alone = correlate(one)
    for name in ("r", "error", "p", "low", "high"):
        assert getattr(whole, name)[2, 3] == getattr(alone, name)[0, 0]


def test_unequal_pieces_have_fewer_degrees_of_freedom():
    x, y, piece = data(pieces=8)
    keep = (piece > 0) | (np.arange(len(piece)) < 6)
    n = np.bincount(piece[keep])
    assert correlate(made(x[keep], y[keep], piece[keep])).freedom == pytest.approx(
        [n.sum() ** 2 / (n**2).sum() - 1] * 3
    )


def test_where_coincidences_are_few_the_error_is_not_below_that_of_independent_tokens():
    draw = np.random.default_rng(1)
    piece = np.repeat(np.arange(12), 500)
    x, y = (np.zeros((6000, 1)) for _ in range(2))
    for values, per in ((x, 3), (y, 2)):
        for g in range(12):
            values[500 * g + draw.choice(500, per, replace=False)] = 1.0
    x[y > 0] = 0  # never together, as rare things rarely are
    found = correlate(made(x, y, piece))
    assert found.error[0, 0] == pytest.approx(1 / np.sqrt(6000)) and found.p[0, 0] > 0.5


def test_within_one_text_what_drifts_is_in_neither():
    draw = np.random.default_rng(2)
    piece = np.repeat(np.arange(30), 100)
    drift = np.linspace(-5, 5, 3000)[:, None]
    x, y = drift + draw.normal(size=(3000, 1)), drift + draw.normal(size=(3000, 1))
    sums = made(x, y, piece)
    pooled, own = correlate(sums), correlate(sums, within=True)
    assert pooled.r[0, 0] > 0.8 and abs(own.r[0, 0]) < 0.06
    xs, ys = (values - np.stack([values[piece == g].mean(0) for g in range(30)])[piece] for values in (x, y))
    assert own.r[0, 0] == pytest.approx(stats.pearsonr(xs[:, 0], ys[:, 0]).statistic)


def test_reasons_stand_in_place_of_numbers():
    x, y, piece = data(units=2, labels=6)
    x[:, 1] = 0.3
    y[:, 1] = 1.0
    y[piece > 1, 2] = np.nan
    y[:, 3] = 0.0
    y[[3, 200], 3] = 1.0
    y[:, 4] = np.nan
    y[:, 5] = x[:, 0]
    found = correlate(made(x, y, piece))
    said = [WHY[code] for code in found.why[0]]
    assert said[0] == ""
    assert said[1] == "the label is constant"
    assert said[2].startswith("the label is defined in fewer than 3 pieces")
    assert said[3].startswith("the flag is on, or off, in fewer than 3 pieces")
    assert said[4] == "no token where the label is defined"
    assert found.r[0, 5] == pytest.approx(1)
    assert WHY[found.why[1, 0]] == "the unit is constant"
    assert np.isnan(found.p[found.why > 0]).all() and np.isfinite(found.p[found.why == 0]).all()


def test_nothing_at_all_is_said_in_words():
    empty = np.zeros((0, 2))
    found = correlate(Sums(empty, empty, empty, empty, empty, np.zeros((0, 2, 2)), np.ones(2), np.ones(2)))
    assert {WHY[code] for code in found.why.ravel()} == {"no token where the label is defined"}


def test_partial_correlation_is_that_of_residuals():
    draw = np.random.default_rng(0)
    z = draw.normal(size=500)
    x, y = z + draw.normal(size=500), 0.5 * z + draw.normal(size=500)
    residuals = [v - np.polyval(np.polyfit(z, v, 1), z) for v in (x, y)]
    r = np.corrcoef([x, y, z])
    assert float(partial(r[0, 1], r[0, 2], r[1, 2])) == pytest.approx(np.corrcoef(residuals)[0, 1])
    assert np.isnan(partial(np.array(0.5), np.array(1.0), np.array(0.5)))
