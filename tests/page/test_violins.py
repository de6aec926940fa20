import numpy as np
import pytest
import torch
from matplotlib.image import imread
from planted import fold, one_site

from unitscope.analyses.by_step import ByStep
from unitscope.errors import InputError
from unitscope.page.violins import HALF, draw_violins, write_violins


def network(spread, seed):
    x = spread * torch.randn(60, 5, generator=torch.Generator().manual_seed(seed))
    x[::3] += 2
    return fold(ByStep(steps=4), one_site(x, [3] * 20, low=-np.inf, high=np.inf))


def test_left_half_is_the_first_network_and_right_half_the_second(tmp_path):
    first, second = network(1.0, 0), network(2.0, 1)
    axes = draw_violins([first, second], ["plain", "guided"]).axes[0]
    boxes = [shape.get_paths()[0].get_extents() for shape in axes.collections]
    assert len(boxes) == 6
    for result, half, side in ((first, boxes[:3], -1), (second, boxes[3:], 1)):
        for t, box in enumerate(half):
            near, far = (box.x1, box.x0) if side < 0 else (box.x0, box.x1)
            assert near == pytest.approx(t)
            assert far == pytest.approx(t + side * HALF)
            assert box.y0 <= result.smallest[t] and box.y1 >= result.largest[t]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["plain", "guided"]
    write_violins([first, second], ["plain", "guided"], tmp_path / "deep" / "violins.png", dpi=40)
    assert np.ptp(imread(tmp_path / "deep" / "violins.png")[..., :3]) > 0.5


def test_one_network_has_whole_violins():
    axes = draw_violins([network(1.0, 0)], ["plain"]).axes[0]
    box = axes.collections[1].get_paths()[0].get_extents()
    assert (box.x0, box.x1) == pytest.approx((1 - HALF, 1 + HALF))


def test_three_networks_have_no_halves(tmp_path):
    with pytest.raises(InputError, match="one or two"):
        write_violins([network(1.0, 0)] * 3, list("abc"), tmp_path / "violins.png")
