import math

import numpy as np
import pytest
from scipy import signal

from unitscope.analyses._response_metrics import drive_metrics, following, sine_metrics, step_metrics

LEAKS = [0.5, 0.9, 0.97]
TIMES = ("settling", "delay", "rise")


def leaky(x, leaks=LEAKS):
    """h_t = a h_{t−1} + (1 − a) x_t, by scipy."""
    return np.stack([signal.lfilter([1 - a], [1, -a], x) for a in leaks], axis=1)


def steps(onset, length):
    return (np.arange(length) >= onset).astype(float)


@pytest.mark.parametrize(("band", "expected"), [(0.1, [3, 21, 75]), (0.05, [4, 28, 98]), (0.02, [5, 37, 128])])
def test_first_order_units_settle_when_the_formula_says(band, expected):
    found = step_metrics(leaky(steps(50, 2000)), 50, band)
    assert found["settling"].tolist() == expected
    # A threshold that is reached exactly must not be missed by rounding.
    assert expected == [math.ceil(math.log(band) / math.log(a) - 1e-9) - 1 for a in LEAKS]
    assert found["delay"].tolist() == [0, 6, 22]
    assert found["rise"].tolist() == [3, 21, 72]
    assert found["settled"].all()
    assert found["rested"].all()
    np.testing.assert_allclose(found["delta"], 1, atol=1e-9)


def test_a_unit_that_rests_away_from_zero_and_falls_has_the_same_times():
    y = leaky(steps(50, 2000))
    plain, other = step_metrics(y, 50), step_metrics(0.7 - 0.3 * y, 50)
    for name in (*TIMES, "overshoot", "peak time"):
        np.testing.assert_allclose(other[name], plain[name], atol=1e-6, err_msg=name)
    np.testing.assert_allclose(other["delta"], -0.3, atol=1e-9)


def test_overshoot_of_a_second_order_unit():
    """Damping ζ overshoots by exp(−π ζ / √(1 − ζ²)) and goes on round; undershoot of a unit that first goes back."""
    damping, natural = 0.4, 0.05
    t = np.arange(1000)
    root = math.sqrt(1 - damping**2)
    y = 1 - np.exp(-damping * natural * t) * (np.cos(natural * root * t) + damping / root * np.sin(natural * root * t))
    found = step_metrics(np.concatenate([np.zeros(20), y])[:, None], 20)
    assert found["overshoot"][0] == pytest.approx(100 * math.exp(-math.pi * damping / root), abs=0.1)
    assert found["peak time"][0] == pytest.approx(math.pi / (natural * root), abs=1)
    assert found["undershoot"][0] == 0
    back = np.concatenate([np.zeros(20), [-0.25], np.ones(100)])[:, None]
    assert step_metrics(back, 20)["undershoot"][0] == pytest.approx(25)


def test_units_without_timing_have_none():
    length, onset = 200, 100
    cycle = np.zeros(length)
    for t in range(onset, length):
        cycle[t] = math.tanh(-1.5 * cycle[t - 1] + 1)
    still, drift = np.full(length, 0.3), np.maximum(0, np.arange(length) - onset + 1.0)
    found = step_metrics(np.stack([cycle, still, drift], axis=1), onset)
    assert found["settled"].tolist() == [0, 1, 0]
    assert found["delta"][1] == 0
    for name in (*TIMES, "overshoot"):
        assert np.isnan(found[name]).all(), name
    assert step_metrics(drift[:, None], 150)["rested"][0] == 0


@pytest.mark.parametrize("frequency", [0.01, 0.05, 0.1])
def test_gain_and_phase_of_a_first_order_unit(frequency):
    x = np.sin(2 * np.pi * frequency * np.arange(3000))
    y = leaky(x)
    found = sine_metrics(x, y + 0.2, skip=1500)
    for unit, a in enumerate(LEAKS):
        response = (1 - a) / (1 - a * np.exp(-2j * np.pi * frequency))
        assert found["gain"][unit] == pytest.approx(abs(response), abs=1e-9)
        assert found["phase"][unit] == pytest.approx(np.angle(response), abs=1e-9)
    np.testing.assert_allclose(found["offset"], 0.2, atol=1e-9)
    assert (found["residual"] < 1e-20).all()
    np.testing.assert_allclose(found["frequency"], frequency, atol=1 / 3000)


def test_known_gains():
    for frequency, gain, phase in [(0.01, 0.85901, -0.5069), (0.05, 0.31928, -1.0929), (0.1, 0.16813, -1.0960)]:
        x = np.sin(2 * np.pi * frequency * np.arange(1000))
        found = sine_metrics(x, leaky(x, [0.9]), skip=500)
        assert found["gain"][0] == pytest.approx(gain, abs=1e-5)
        assert found["phase"][0] == pytest.approx(phase, abs=1e-4)


def test_the_periodogram_is_as_fine_as_the_record_is_long():
    x = np.sin(2 * np.pi * 0.053 * np.arange(200))
    found = sine_metrics(x, x[:, None] ** 2, skip=0)
    assert abs(found["frequency"][0] - 0.106) <= 1 / 400
    assert found["residual"][0] > 0.99, "a unit at twice the drive's frequency is no sine of that frequency"


def test_following_is_pearson_and_the_delay():
    x = np.random.default_rng(0).standard_normal(500)
    late = np.concatenate([np.zeros(7), x[:-7]])
    y = np.stack([2 * x + 1, -x, late, np.full(500, 0.1)], axis=1)
    found = following(x, y, longest=50)
    np.testing.assert_allclose(found["r"][:3], [np.corrcoef(x, column)[0, 1] for column in y.T[:3]], atol=1e-12)
    assert found["correlation"][0] == pytest.approx(2 * 500 * x.var())
    assert found["lag"][[0, 2]].tolist() == [0, 7]
    assert np.isnan(found["r"][3])
    assert found["correlation"][3] == 0


def test_peak_of_an_impulse():
    x = np.zeros(100)
    x[10] = 1
    found = drive_metrics(x, leaky(x))
    np.testing.assert_allclose(found["peak"], [1 - a for a in LEAKS])
    assert found["peak time"].tolist() == [10, 10, 10]
