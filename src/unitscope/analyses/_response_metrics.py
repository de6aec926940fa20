"""Measures of a response, for all units at once.

Hidden units rest away from 0 and may fall when the input rises, so everything is relative to the value before
the input changed and to the change: z = (y − y_i) / D with D = y_f − y_i. What is not defined is NaN: the timing
of a unit that did not move, and of one that never settles (a limit cycle, a drift).
"""

import math

import numpy as np
from jaxtyping import Bool, Float

Response = Float[np.ndarray, "time unit"]
PerUnit = Float[np.ndarray, " unit"]

GUARD = 1e-9
"""Relative; a value that reaches a threshold up to rounding has reached it."""
HOLD = 0.2
"""The share of the record after the change over which a settled unit must have stayed in its band."""


def step_metrics(
    y: Response, onset: int, band: float = 0.1, rise: tuple[float, float] = (0.1, 0.9), tolerance: float = 1e-10
) -> dict[str, PerUnit]:
    """Step response by the formulas of control theory. Times are steps after ``onset``, the first with the new input.

    ``band`` is the share of the change within which a settled unit stays (0.1: the 90 % window of Hasani et al. 2019;
    0.02 is common in control). Changes below ``tolerance`` are none.
    """
    before, after = y[:onset], y[onset:]  # [time unit] each
    initial, final = before[-1], after[-1]
    delta = final - initial
    size = np.abs(delta)
    moved = size > tolerance

    outside = np.abs(after - final) > (band + GUARD) * size
    held = _trailing(~outside)
    hold = max(2, math.ceil(HOLD * len(after)))
    swing = np.ptp(after[-hold:], axis=0)
    settled = np.where(moved, held >= hold, swing <= tolerance)
    timed = moved & settled

    z = (after - initial) / np.where(moved, delta, 1.0)
    first = {share: _first(z >= share - GUARD) for share in (0.5, *rise)}
    away = np.abs(after - initial)
    extreme = (away >= (1 - GUARD) * away.max(axis=0)).argmax(axis=0)
    drift = np.abs(before[-1] - before[-2]) if onset > 1 else np.full_like(initial, np.nan)
    values = {
        "initial": initial,
        "final": final,
        "delta": delta,
        "settling": np.where(timed, len(after) - held, np.nan),
        "settled": settled.astype(float),
        "delay": np.where(timed, first[0.5], np.nan),
        "rise": np.where(timed, first[rise[1]] - first[rise[0]], np.nan),
        "overshoot": np.where(timed, 100 * np.maximum(0, z.max(axis=0) - 1), np.nan),
        "undershoot": np.where(timed, 100 * np.maximum(0, -z.min(axis=0)), np.nan),
        "peak": np.take_along_axis(after, extreme[None], axis=0)[0],
        "peak time": np.where(moved | (swing > tolerance), extreme, np.nan),
        "rested": (drift <= np.maximum(tolerance, 1e-3 * size)).astype(float),
    }
    return {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}


def sine_metrics(x: Float[np.ndarray, " time"], y: Response, skip: int, tolerance: float = 1e-10) -> dict[str, PerUnit]:
    """Response to a sine ``x``, whose frequency is read off it. The first ``skip`` steps are left out.

    Amplitude, phase and offset are a least-squares fit, so they have none of the error of Fourier bins. The phase is
    relative to the drive, negative where the unit lags; ``residual`` is the share of the variance that is no sine of
    the drive's frequency.
    """
    omega = _angular_frequency(x)
    t = np.arange(len(x))[skip:]
    basis = np.stack([np.sin(omega * t), np.cos(omega * t), np.ones(len(t))], axis=1)  # [time 3]
    both = np.concatenate([x[skip:, None], y[skip:]], axis=1)
    fit = np.linalg.lstsq(basis, both, rcond=None)[0]  # [3 1+unit]
    left = ((both - basis @ fit) ** 2).sum(axis=0)
    total = ((both - both.mean(axis=0)) ** 2).sum(axis=0)
    amplitude, phase = np.hypot(fit[0], fit[1]), np.arctan2(fit[1], fit[0])
    moves = np.sqrt(total[1:] / len(t)) > tolerance
    shift = np.angle(np.exp(1j * (phase[1:] - phase[0])))
    values = {
        "amplitude": np.where(moves, amplitude[1:], 0.0),
        "gain": np.where(moves, amplitude[1:] / amplitude[0], 0.0),
        "phase": np.where(moves, shift, np.nan),
        "offset": fit[2, 1:],
        "residual": np.where(moves, left[1:] / np.where(moves, total[1:], 1.0), np.nan),
        "frequency": np.where(moves, _peak_frequency(y[skip:]), np.nan),
    }
    period = round(2 * math.pi / omega)
    return values | following(x[skip:], y[skip:], min(period, len(t) // 2), tolerance)


def following(x: Float[np.ndarray, " time"], y: Response, longest: int, tolerance: float = 1e-10) -> dict[str, PerUnit]:
    """Relation of a response to any drive: the sum of products about the means (Hasani et al. 2019), r, and the lag.

    The lag is that of the largest cross-correlation, from 0 to ``longest`` steps. (Their dissimilarity is 1 − r.)
    """
    dx, dy = x - x.mean(), y - y.mean(axis=0)
    product = dx @ dy
    norms = np.linalg.norm(dx) * np.linalg.norm(dy, axis=0)
    moves = norms > tolerance * np.maximum(np.linalg.norm(dx), tolerance) * math.sqrt(len(x))
    crossed = np.stack([dx[: len(x) - lag] @ dy[lag:] / (len(x) - lag) for lag in range(max(1, longest))])  # [lag unit]
    return {
        "correlation": np.where(moves, product, 0.0),
        "r": np.where(moves, product / np.where(moves, norms, 1.0), np.nan),
        "lag": np.where(moves, crossed.argmax(axis=0), np.nan),
    }


def drive_metrics(x: Float[np.ndarray, " time"], y: Response, tolerance: float = 1e-10) -> dict[str, PerUnit]:
    """Response to a drive of any form, from rest at the first step."""
    extreme = np.abs(y - y[0]).argmax(axis=0)
    peak = np.take_along_axis(y, extreme[None], axis=0)[0]
    values = {
        "initial": y[0],
        "final": y[-1],
        "peak": peak,
        "peak time": np.where(np.abs(peak - y[0]) > tolerance, extreme, np.nan),
    }
    return values | following(x, y, len(x) // 2, tolerance)


def _trailing(flags: Bool[np.ndarray, "time unit"]) -> np.ndarray:
    """Number of steps at the end that are true without a break."""
    broken = ~flags[::-1]
    return np.where(broken.any(axis=0), broken.argmax(axis=0), len(flags))


def _first(flags: Bool[np.ndarray, "time unit"]) -> PerUnit:
    return np.where(flags.any(axis=0), flags.argmax(axis=0), np.nan)


def _angular_frequency(x: Float[np.ndarray, " time"]) -> float:
    """Frequency of a pure sine: its differences obey d(t+1) + d(t−1) = 2 cos ω · d(t)."""
    d = np.diff(x)
    cosine = float(d[1:-1] @ (d[2:] + d[:-2])) / float(2 * d[1:-1] @ d[1:-1])
    return math.acos(min(1.0, max(-1.0, cosine)))


def _peak_frequency(y: Response) -> PerUnit:
    """Where the periodogram is highest, in periods per step; no finer than one over the number of steps."""
    power = np.abs(np.fft.rfft(y - y.mean(axis=0), axis=0)) ** 2
    return np.asarray((power[1:].argmax(axis=0) + 1) / len(y))
