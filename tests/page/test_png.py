"""Every view can be drawn, without a warning (warnings are errors here)."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from synthetic import every_view

from unitscope.errors import InputError
from unitscope.page.png import draw, write_png
from unitscope.views import Heatmap, Histogram, Scatter, TokenText, View


@pytest.mark.parametrize("view", every_view(), ids=lambda view: f"{type(view).__name__}-{view.title[:9].strip()}")
def test_every_view_draws(view: View, tmp_path: Path) -> None:
    write_png(view, tmp_path / "deep" / "view.png", dpi=40)
    image = imread(tmp_path / "deep" / "view.png")
    assert np.ptp(image[..., :3]) > 0.5


def test_histogram_is_true_to_its_counts() -> None:
    axes = draw(Histogram("h", [0.0, 1.0, 3.0], [4.0, 2.0])).axes[0]
    (stairs,) = axes.patches
    values, edges, _ = stairs.get_data()
    assert values.tolist() == [4, 2]
    assert edges.tolist() == [0, 1, 3]


def test_heat_map_scale() -> None:
    axes = draw(Heatmap("m", ["a"], ["x", "y"], [[-1.0, 3.0]], -2.0, 2.0)).axes[0]
    (image,) = axes.images
    assert image.get_clim() == (-2, 2)
    assert image.cmap(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)


def test_scatter_keeps_its_ranges() -> None:
    axes = draw(Scatter("s", [], "x", "y", "", (0.0, 1.0), (0.0, 1.0))).axes[0]
    assert axes.get_xlim() == pytest.approx((-0.03, 1.03))


def test_passage_colours() -> None:
    axes = draw(TokenText("t", ["a", "b"], [-1.0, 1.0], -1.0, 1.0, 1)).axes[0]
    red, blue = axes.collections[0].get_facecolor()[:2]
    assert red[0] > 0.5 > red[2]
    assert blue[2] > 0.4 > blue[0]
    (mark,) = axes.patches
    assert mark.get_xy()[:, 0].min() == 1
    assert [text.get_text() for text in axes.texts[:2]] == ["a", "b"]


def test_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file cannot be written: File exists"):
        write_png(every_view()[0], tmp_path / "file" / "view.png")
