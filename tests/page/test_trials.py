"""A source without words: what is a condition, an event and a signal, and what is shown of it."""

import numpy as np
import torch

from unitscope.exchange import from_arrays
from unitscope.page.page import Section
from unitscope.page.reading import BORDER, filled
from unitscope.page.run import dressed_section, page_of
from unitscope.page.trials import trials_of, views_of
from unitscope.source.arrays import Arrays
from unitscope.views import Heatmap, Lines, Series, Table, TokenText

LENGTHS = [6, 4, 6, 5]
SIDE = np.array(["left", "right", "right", "left"])
RATE = np.random.default_rng(0).normal(size=(4, 6, 3))  # [trial time unit]
TONE = np.array([[0, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 0], [0] * 6, [1, 0, 0, 1, 0, 0]])
ANGLE = np.arange(24.0).reshape(4, 6)


def trials(rate: float | None = None) -> Arrays:
    labels = {"side": SIDE, "reward": [1.0, 2.0, 2.0, 1.0], "tone": TONE, "angle": ANGLE}
    return from_arrays({"V1": RATE}, lengths=LENGTHS, labels=labels, rate=rate)


def test_labels_are_told_by_their_values() -> None:
    known = trials_of(trials(), range(4))
    assert [(c.name, c.values, c.of.tolist()) for c in known.conditions] == [
        ("side", ("left", "right"), [0, 1, 1, 0]),
        ("reward", ("1", "2"), [0, 1, 1, 0]),
    ]
    assert list(known.events) == ["tone"]
    assert list(known.signals) == ["angle"]
    assert (known.x.tolist(), known.unit) == ([1, 2, 3, 4, 5, 6], "step")
    timed = trials_of(trials(rate=2.0), range(4))
    assert (timed.x.tolist(), timed.unit) == ([0, 0.5, 1, 1.5, 2, 2.5], "seconds")


def test_averages_are_of_the_trials_of_a_condition() -> None:
    source = trials()
    groups = page_of(source, []).units["V1"][1]
    (views,) = [group.views for group in groups if group.title == "Over time"]
    pictures = {view.title: view for view in views}
    rows = RATE[:, :, 1].astype(np.float32)
    rows = np.where(np.arange(6) < np.array(LENGTHS)[:, None], rows, np.nan)
    side = pictures["By side"]
    assert isinstance(side, Lines)
    assert [s.name for s in side.series] == ["left (2)", "right (2)"]
    np.testing.assert_allclose(side.series[1].y, np.nanmean(rows[SIDE == "right"], 0), rtol=1e-5)
    tone = pictures["Around tone"]
    assert isinstance(tone, Lines)
    # Three beginnings; the one at the first step of its sequence has nothing before it.
    begins = [rows[0, 2], rows[1, 1], rows[3, 3]]
    np.testing.assert_allclose(tone.series[0].y[list(tone.x).index(0.0)], np.mean(begins), rtol=1e-6)
    raster = pictures["Sequence by sequence"]
    assert isinstance(raster, Heatmap)
    np.testing.assert_array_equal(np.array(raster.values), rows[np.argsort(SIDE, kind="stable")])


def test_the_overview_says_what_there_was() -> None:
    (section,) = [s for s in page_of(trials(), []).sections if s.id == "trials"]
    table, signals, units = section.views
    assert isinstance(table, Table)
    assert ["tone", "event", "4 times", 3, 5 / 21] in [list(row) for row in table.rows]
    assert isinstance(signals, Lines) and signals.series[0].y == ANGLE[0].tolist()
    assert isinstance(units, Heatmap) and len(units.rows) == 3


def test_passages_become_lines_where_there_are_no_words() -> None:
    passages = [TokenText(f"Largest {k}: {k}", "···", [0.0, float(k), 1.0], mark=k - 1) for k in (1, 2)]
    (view,) = dressed_section(trials(), Section("a", "A", "", passages)).views
    assert isinstance(view, Lines)
    assert (view.title, list(view.x)) == ("Largest", [-1, 0, 1, 2])
    at_zero = [series.y[1] for series in view.series if isinstance(series, Series)]
    assert at_zero == [0.0, 2.0]


def test_one_trial_and_none_are_no_picture_of_many() -> None:
    one = from_arrays({"V1": RATE[:1]})
    assert [type(view) for view in views_of(RATE[:1, :, 0], trials_of(one, [0]), "V1/0")] == [Lines]
    assert views_of(np.zeros((0, 0)), trials_of(one, []), "V1/0") == []


def test_a_passage_is_filled_with_short_sequences() -> None:
    words = [["one"], ["two", "three"], ["four"]]
    source = from_arrays({"h": torch.arange(4.0)[:, None].numpy()}, lengths=[1, 2, 1], tokens=words)
    shown = filled(source, ("h", 0), 0, 100)
    assert list(shown.tokens) == ["one", BORDER, "two", "three", BORDER, "four"]
    assert np.nan_to_num(np.array(shown.values), nan=-1).tolist() == [0, -1, 1, 2, -1, 3]
    assert shown.at == (0, 0)
