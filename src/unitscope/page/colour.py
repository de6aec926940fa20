"""The colour of a value: red, over the colour of the paper, to blue; told apart by all common kinds of colour vision.

The same scale as the page's (``web/src/colour.ts``): interpolated in OKLab (Björn Ottosson, "A perceptual color space
for image processing", 2020), so that equal steps of the value look equally far apart.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Float

Rgb = tuple[int, int, int]

ENDS = ("#8c1022", "#d6604d", "#ffffff", "#4393c3", "#123f77")
"""Colours at −1, −½, 0, ½ and 1."""

SERIES = ("#1f6fb2", "#c2500a", "#15805c", "#a8437f", "#7a6400", "#55585f")
"""Colours of series and groups, in order; whoever uses them adds a dash or a shape."""

INK, PAPER = (0, 0, 0), (255, 255, 255)
"""One of them reads well (WCAG AA, 4.5) on any colour there is."""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def position(value: float, low: float, high: float, middle: float = math.nan) -> float:
    """Where a value stands on the scale, from −1 at ``low`` over 0 in the middle to 1 at ``high``; else NaN.

    Without a middle it is half-way; where it is one of the ends, that side of it has no colour.
    """
    if not (math.isfinite(value) and high > low):
        return math.nan
    centre = middle if low <= middle <= high else (low + high) / 2
    side = centre - low if value < centre else high - centre
    return max(-1.0, min(1.0, (value - centre) / side)) if side > 0 else 0.0


def diverging(t: float) -> Rgb:
    """The colour at ``t`` from −1 (low, red) over 0 (middle, paper) to 1 (high, blue)."""
    return _diverging(round(t, 2))


@cache
def _diverging(t: float) -> Rgb:
    place = 2 * (max(-1.0, min(1.0, t)) + 1)
    first = min(int(place), 3)
    a, b = _lab(ENDS[first]), _lab(ENDS[first + 1])
    return _rgb(a + (place - first) * (b - a))


def mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    """The colour on the way from one to another; the first where the share is NaN."""
    part = share if math.isfinite(share) else 0.0
    r, g, blue = (round(x + part * (y - x)) for x, y in zip(a, b, strict=True))
    return r, g, blue


def shares(values: Sequence[float]) -> list[float]:
    """Values of a label as shares of the way from their smallest to their largest; NaN where they are not known."""
    known = [float(value) for value in values if value is not None and math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    wide = high - low or 1.0
    return [math.nan if value is None else (float(value) - low) / wide for value in values]


@cache
def ink(background: Rgb) -> Rgb:
    """Black or white, whichever reads better on the colour."""
    return INK if contrast(background, INK) >= contrast(background, PAPER) else PAPER


def contrast(a: Rgb, b: Rgb) -> float:
    """The contrast ratio of the Web Content Accessibility Guidelines, from 1 to 21."""
    x, y = _luminance(a), _luminance(b)
    return (max(x, y) + 0.05) / (min(x, y) + 0.05)


def _luminance(colour: Rgb) -> float:
    return float(np.array([0.2126, 0.7152, 0.0722]) @ _linear(np.array(colour) / 255))


def _linear(v: Float[np.ndarray, " channel"]) -> Float[np.ndarray, " channel"]:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _gamma(v: Float[np.ndarray, " channel"]) -> Float[np.ndarray, " channel"]:
    return np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)


def _lab(colour: str) -> Float[np.ndarray, " channel"]:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    lab: Float[np.ndarray, " channel"] = _TO_LAB @ np.cbrt(_TO_LMS @ _linear(channels))
    return lab


def _rgb(lab: Float[np.ndarray, " channel"]) -> Rgb:
    channels = np.linalg.inv(_TO_LMS) @ (np.linalg.inv(_TO_LAB) @ lab) ** 3
    r, g, b = np.rint(255 * _gamma(np.clip(channels, 0, 1))).astype(int).tolist()
    return r, g, b
