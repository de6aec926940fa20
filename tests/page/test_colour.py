"""The scale is red, paper, blue; evenly spaced; readable at every step."""

import math
import re

import numpy as np
import pytest

from unitscope.page.colour import contrast, diverging, ink, position

STEPS = [k / 20 for k in range(-20, 21)]


def test_ends_and_middle() -> None:
    assert diverging(-1.0) == (140, 16, 34)
    assert diverging(0.0) == (255, 255, 255)
    assert diverging(1.0) == (18, 63, 119)
    assert diverging(-7.0) == diverging(-1.0)


def test_lightness_falls_evenly_on_both_sides() -> None:
    light = np.array([0.2126, 0.7152, 0.0722]) @ np.array([diverging(t) for t in STEPS]).T  # [step]
    assert (np.diff(light[:21]) > 0).all()
    assert (np.diff(light[20:]) < 0).all()


@pytest.mark.parametrize("t", STEPS)
def test_letters_can_be_read(t: float) -> None:
    assert contrast(diverging(t), ink(diverging(t))) >= 4.5


def test_contrast_of_black_and_white() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


def test_position() -> None:
    assert [position(v, 0.0, 1.0) for v in (-1.0, 0.0, 0.5, 1.0, 9.0)] == [-1, -1, 0, 1, 1]
    assert all(math.isnan(t) for t in (position(math.nan, 0.0, 1.0), position(0.5, 1.0, 1.0)))


def test_series_colours_are_colours() -> None:
    from unitscope.page.colour import SERIES

    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in SERIES)
    assert len(set(SERIES)) == len(SERIES)
