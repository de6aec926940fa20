"""r over pieces of evidence against SciPy and against brute force; reasons instead of numbers."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from unitscope.evidence.correlation import WHY, Sums, correlate, partial, standardized


def made(x, y, piece, everywhere=None):
    """Sums from tokens, by brute force."""
    count = piece.max() + 1
    known = np.isfinite(y)
    y0 = np.nan_to_num(y)
    full = known.all() if everywhere is None else everywhere

    family = known[:, :1] if full else known

    def by(values):
        return np.stack([values[piece == g].sum(0) for g in range(count)])

    shape = [standardized(*(np.nansum(values**k, 0) for k in range(5))) for values in (x, y)]
    flags = np.array([set(np.unique(c[np.isfinite(c)])) <= {0.0, 1.0} for c in y.T])
    sums = {
        "n": by(known.astype(float)), "y": by(y0), "yy": by(y0**2),
        "x": np.stack([x[piece == g].T @ family[piece == g] for g in range(count)]),
        "xx": np.stack([(x[piece == g] ** 2).T @ family[piece == g] for g in range(count)]),
        "xy": np.stack([x[piece == g].T @ y0[piece == g] for g in range(count)]),
    }  # fmt: skip
    on = np.where(flags, by(y0), np.nan) if flags.any() else None
    return Sums(
        **sums, x_skewness=shape[0][0], x_kurtosis=shape[0][1], y_skewness=shape[1][0], y_kurtosis=shape[1][1], on=on
    )


def data(seed=0, pieces=9, tokens=60, units=4, labels=3):
    draw = np.random.default_rng(seed)
    piece = np.repeat(np.arange(pieces), tokens)
    level = draw.normal(size=(pieces, units))
    x = draw.normal(size=(len(piece), units)) + level[piece]
    y = draw.normal(size=(len(piece), labels)) + 0.5 * x[:, :1]
    y[:, 1] = y[:, 1] > 0
    return x, y, piece


def by_hand(x, y, piece):
    """r, the error of z, and t before the skewness is taken off: of one pair, from its tokens."""
    pieces = np.unique(piece)
    count = len(pieces)
    r = stats.pearsonr(x, y).statistic
    z = np.arctanh(r)
    left_out = np.array([np.arctanh(stats.pearsonr(x[piece != g], y[piece != g]).statistic) for g in pieces])
    jackknife = (count - 1) / count * ((left_out - z) ** 2).sum()
    x0, y0 = x - x.mean(), y - y.mean()
    together = np.array([(x0 * y0)[piece == g].sum() for g in pieces])
    of_means = np.array([x0[piece == g].sum() * y0[piece == g].mean() for g in pieces])
    n = np.array([(piece == g).sum() for g in pieces])
    delta = count / (count - 1) * ((together - (x0 * y0).mean() * n) ** 2).sum() / (len(x) * x.std() * y.std()) ** 2
    w = (of_means**2).sum() / ((of_means**2).sum() + ((together - of_means) ** 2).sum())
    return r, np.sqrt(jackknife), z / np.sqrt((1 - w) * jackknife + w * delta * (z / r) ** 2)


def test_r_error_t_and_interval_are_those_of_brute_force():
    x, y, piece = data()
    y[:, 1] = data(1)[1][:, 1] > 0.3
    found = correlate(made(x, y, piece))
    on = np.array([(y[piece == g, 1] == 1).sum() for g in range(9)])
    worth = [counts.sum() ** 2 / (counts**2).sum() for counts in (on, 60 - on)]
    welch = sum(1 / w for w in worth) ** 2 / sum(1 / w**2 / (w - 1) for w in worth)
    squares = np.array([((y[piece == g] - y[piece == g].mean(0)) ** 2).sum(0) for g in range(9)])
    squares += (60 * np.array([y[piece == g].mean(0) - y.mean(0) for g in range(9)]) ** 2).sum(0) / 9
    own = squares.sum(0) ** 2 / (squares**2).sum(0) - 1
    freedom = np.minimum(own, [8, min(8, welch), 8])
    assert found.freedom == pytest.approx(freedom)
    for u in range(4):
        for k in range(3):
            r, error, t = by_hand(x[:, u], y[:, k], piece)
            assert found.r[u, k] == pytest.approx(r)
            assert found.error[u, k] == pytest.approx(error)
            assert found.t[u, k] == pytest.approx(t, rel=0.05) and abs(found.t[u, k]) <= abs(t) * (1 + 1e-9)
            assert found.p[u, k] == pytest.approx(2 * stats.t.sf(abs(found.t[u, k]), freedom[k]))
            width = stats.t.ppf(0.975, freedom[k]) * error
            assert found.low[u, k] == pytest.approx(np.tanh(np.arctanh(r) - width))
            assert found.high[u, k] == pytest.approx(np.tanh(np.arctanh(r) + width))
    assert (found.why == 0).all()


def test_without_skewness_t_is_as_it_stands():
    x, y, piece = data()
    y = y[:, [0, 2]]
    sums = replace(made(x, y, piece), x_skewness=np.zeros(4), y_skewness=np.zeros(2))
    for u in range(4):
        assert correlate(sums).t[u, 1] == pytest.approx(by_hand(x[:, u], y[:, 1], piece)[2])
    one_sided = replace(sums, x_skewness=np.full(4, 5.0), y_skewness=np.full(2, 5.0))
    skewed, plain = correlate(one_sided).t, correlate(sums).t
    assert (np.abs(skewed) <= np.abs(plain)).all() and (np.abs(skewed) < np.abs(plain))[plain < 0].all()


def test_a_unit_that_is_the_label_is_certain():
    _, y, piece = data()
    found = correlate(made(y[:, :1], y[:, :1], piece))
    assert (found.r[0, 0], found.low[0, 0], found.high[0, 0]) == pytest.approx((1, 1, 1))
    assert found.p[0, 0] < 1e-6


def test_moments_are_those_of_scipy_about_any_constant():
    x = np.random.default_rng(0).exponential(size=(500, 3)) + np.array([0.0, 5.0, -2.0])
    found = standardized(*(((x - 1.5) ** k).sum(0) for k in range(5)))
    assert found[0] == pytest.approx(stats.skew(x)) and found[1] == pytest.approx(stats.kurtosis(x, fisher=False))
    assert np.isnan(standardized(*((np.full((9, 1), 0.3) ** k).sum(0) for k in range(5)))).all()


def test_a_label_that_is_undefined_elsewhere_has_the_numbers_of_its_own_pieces_alone():
    x, y, piece = data(pieces=20)
    y[piece >= 5, 2] = np.nan
    both, alone = correlate(made(x, y, piece)), correlate(made(x[piece < 5], y[piece < 5][:, 2:], piece[piece < 5]))
    assert both.pieces.tolist() == [20, 20, 5]
    assert both.freedom == pytest.approx([19, 19, 4], rel=0.05)
    assert both.freedom[2] == pytest.approx(alone.freedom[0])
    for name in ("r", "low", "high"):
        assert getattr(both, name)[:, 2] == pytest.approx(getattr(alone, name)[:, 0])
    # Only the shape of the units, of all tokens, may differ.
    assert both.p[:, 2] == pytest.approx(alone.p[:, 0], rel=0.05)


def test_numbers_of_a_pair_are_the_same_to_the_bit_in_any_company():
    x, y, piece = data(units=7, labels=5, pieces=40)
    sums = made(x, y, piece)
    whole = correlate(sums)
    one = Sums(
        sums.n[:, 3:4], sums.y[:, 3:4], sums.yy[:, 3:4], sums.x[:, 2:3], sums.xx[:, 2:3], sums.xy[:, 2:3, 3:4],
        sums.x_skewness[2:3], sums.x_kurtosis[2:3], sums.y_skewness[3:4], sums.y_kurtosis[3:4],
    )  # fmt: skip
    alone = correlate(one)
    for name in ("r", "error", "p", "low", "high"):
        assert getattr(whole, name)[2, 3] == getattr(alone, name)[0, 0]
    assert whole.freedom[3] == alone.freedom[0]


def test_unequal_pieces_have_fewer_degrees_of_freedom():
    x, y, piece = data(pieces=8)
    keep = (piece > 0) | (np.arange(len(piece)) < 6)
    n = np.bincount(piece[keep])
    of_tokens = n.sum() ** 2 / (n**2).sum() - 1
    found = correlate(made(x[keep], y[keep], piece[keep])).freedom
    assert found == pytest.approx([of_tokens] * 3, rel=0.1)
    assert (found <= of_tokens).all()


def test_a_document_that_has_most_of_a_labels_variance_leaves_few_degrees_of_freedom():
    """Its r is that of all the others by chance, so leaving it out changes nothing: a certainty of one document."""
    draw = np.random.default_rng(5)
    piece = np.repeat(np.arange(30), 60)
    x, even = draw.normal(size=(len(piece), 2000)), draw.normal(size=(len(piece), 1))
    y = np.where(piece[:, None] == 3, 8 * even, even)
    found, plain = (correlate(made(x, label, piece), within=True) for label in (y, even))
    assert plain.freedom[0] == pytest.approx(29, abs=2)
    assert found.freedom[0] < 2
    t = 2 * stats.t.sf(np.abs(found.t), 29)
    assert (t[:, 0] < 1e-3).mean() > 0.003  # what thirty documents would make of it
    assert (found.p[:, 0] < 1e-3).mean() <= 0.001


def test_a_label_of_whole_documents_counts_them_by_their_tokens():
    x, _, piece = data(pieces=30, units=2)
    y = (piece % 5)[:, None] + 0.0
    y[piece == 3] += 0.01 * np.random.default_rng(6).normal(size=(60, 1))  # varies within one document alone
    assert correlate(made(x, y, piece)).freedom[0] == pytest.approx(29, abs=0.01)


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
    assert WHY[correlate(made(np.full_like(x, 0.3), y, piece), within=True).why[0, 0]] == "the unit is constant"
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
    found = correlate(Sums(empty, empty, empty, *np.zeros((2, 0, 2, 1)), np.zeros((0, 2, 2)), *np.ones((4, 2))))
    assert {WHY[code] for code in found.why.ravel()} == {"no token where the label is defined"}


def test_partial_correlation_is_that_of_residuals():
    draw = np.random.default_rng(0)
    z = draw.normal(size=500)
    x, y = z + draw.normal(size=500), 0.5 * z + draw.normal(size=500)
    residuals = [v - np.polyval(np.polyfit(z, v, 1), z) for v in (x, y)]
    r = np.corrcoef([x, y, z])
    assert float(partial(r[0, 1], r[0, 2], r[1, 2])) == pytest.approx(np.corrcoef(residuals)[0, 1])
    assert np.isnan(partial(np.array(0.5), np.array(1.0), np.array(0.5)))
