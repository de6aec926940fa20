"""The page of a source, whatever source it is, of whatever parts there are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from planted import LETTERS, one_site, planted

from unitscope.analyses.examples import Examples
from unitscope.analyses.quantiles import Quantiles
from unitscope.corpus.place import DocumentText, Place
from unitscope.fold.analyze import analyze
from unitscope.models.site import Site
from unitscope.page.page import Card, Section, UnitField, UnitGroup
from unitscope.page.part import Columns, Part, kinds, load_parts
from unitscope.page.parts.results import Results
from unitscope.page.run import page_of
from unitscope.source.arrays import Arrays
from unitscope.source.source import Source
from unitscope.views import Heatmap, Lines, TokenText, scale_of


@dataclass(frozen=True)
class Noted(Part):
    """A part of a kind that ships with nothing."""

    note: str
    order = 5

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        return [cls(path.read_text()) for path in folder.glob("noted.txt")]

    def save(self, folder: Path) -> None:
        (folder / "noted.txt").write_text(self.note)

    def story(self, source: Source) -> str:
        return f"{self.note}."

    def cards(self, source: Source) -> Sequence[Card]:
        return [Card(self.note, "planted/1", TokenText("", ["a"], [0.5]), ["a fact"])]

    def sections(self, source: Source) -> Sequence[Section]:
        return [Section("noted", "Noted", self.note)]

    def columns(self, source: Source) -> Columns:
        return {"planted": [(UnitField("noted", "text"), np.array([self.note, ""], dtype=object))]}

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        return [UnitGroup("Noted", self.note, [])] if unit == 0 else []


@pytest.fixture
def text() -> Arrays:
    """Two documents of two sequences each; unit 1 is rectified and rarely on."""
    words = ["ab\nc" * 4, "de\nf" * 4]
    documents = [DocumentText(f"{k}.txt", str(k), word) for k, word in enumerate(words)]
    places = [Place(0, 0), Place(0, 8), Place(1, 0), Place(1, 8)]
    x = torch.randn(32, 2, generator=torch.Generator().manual_seed(0))
    x[:, 1] = (x[:, 1] - 1).relu()
    site = Site("planted", 2, -math.inf, math.inf)
    return planted({site: x}, [8] * 4, documents=documents, place_of=places)


def test_parts_make_the_page(text: Arrays) -> None:
    results = analyze(text, [Quantiles(), Examples(count=2)])
    page = page_of(text, [Results(results), Noted("heed this")])
    assert page.story == "heed this."
    assert [section.id for section in page.sections][:1] == ["noted"]
    assert page.sections[-1].id == "provenance"
    assert [field.name for field in page.table.fields][:3] == ["noted", "q05", "median"]
    assert page.table.row("planted", 0)["noted"] == "heed this"
    assert [group.title for group in page.units["planted"][0]][:2] == ["Noted", "Text"]
    assert next(group.title for group in page.units["planted"][1]) == "Text"
    with pytest.raises(IndexError):
        page.units["planted"][2]


def test_a_page_without_results_has_the_text_of_every_unit(text: Arrays) -> None:
    page = page_of(text, [])
    assert {site: len(units) for site, units in page.units.items()} == {"planted": 2}
    (group,) = page.units["planted"][0]
    assert [view.title for view in group.views] == ["planted/0 on the text"]


def test_passages_say_where_they_stand(text: Arrays) -> None:
    page = page_of(text, [Results(analyze(text, [Examples(count=1)]))])
    for groups in page.units["planted"]:
        for view in (view for group in groups for view in group.views):
            assert isinstance(view, TokenText) and view.at
            sequence, position = view.at
            document, start = divmod(sequence, 2)
            line = 1 + text.document(document).text[: 8 * start + position].count("\n")
            assert view.place == f"{document}.txt:{line}"


def test_all_passages_of_a_unit_have_its_own_scale(text: Arrays) -> None:
    page = page_of(text, [Results(analyze(text, [Quantiles(), Examples(count=3)]))])
    for unit, groups in enumerate(page.units["planted"]):
        views = [view for group in groups for view in group.views if isinstance(view, TokenText)]
        scales = {(view.low, view.middle, view.high) for view in views}
        assert len(views) > 3 and len(scales) == 1
        ((low, middle, high),) = scales
        known = text.values[text.sites[0]][:, unit].numpy()
        assert low <= middle < high <= known.max() + 1e-6
        assert middle == 0  # both are found on both sides of zero, or at it
        assert all(view.scale for view in views)
    assert low == middle  # a rectified unit has no red


def test_scales_follow_what_a_unit_does() -> None:
    rng = np.random.default_rng(0)
    low, middle, high = scale_of(rng.normal(size=10_000))
    assert (middle, -low, high) == (0.0, pytest.approx(2.33, abs=0.15), pytest.approx(2.33, abs=0.15))
    low, middle, high = scale_of(np.concatenate([rng.normal(0.95, 0.01, 9000), rng.uniform(0, 1, 1000)]))
    assert low < 0.2 < 0.94 < middle == high < 0.96  # hardly above its middle: no blue
    assert scale_of([0.0] * 999 + [5.0]) == (0.0, 0.0, 5.0)
    assert scale_of([2.0] * 5) == (1.0, 2.0, 3.0)
    assert scale_of([math.nan]) == (-1.0, 0.0, 1.0)
    assert scale_of([-15.0, -4.0] * 50)[2] <= -4.0


def test_where_there_are_no_words_there_are_traces() -> None:
    x = torch.sin(torch.arange(60.0) / 3)[:, None].expand(60, 2)
    source = one_site(x.clone(), [20] * 3, tokens=torch.full((60,), len(LETTERS) - 1))
    (group,) = page_of(source, []).units["planted"][1]
    lines, mean, raster = group.views
    assert isinstance(lines, Lines) and isinstance(mean, Lines) and isinstance(raster, Heatmap)
    np.testing.assert_allclose([s.y for s in lines.series], x[:, 1].reshape(3, 20).numpy(), rtol=1e-6)
    np.testing.assert_allclose(mean.series[0].y, x[:, 1].reshape(3, 20).mean(0).numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(raster.values, x[:, 1].reshape(3, 20).numpy(), rtol=1e-6)
    assert group.title == "Over time"


def test_one_sequence_without_words() -> None:
    source = one_site(torch.zeros(5, 1), tokens=torch.full((5,), len(LETTERS) - 1))
    (group,) = page_of(source, []).units["planted"][0]
    assert [type(view) for view in group.views] == [Lines]


def test_kinds_stand_in_the_order_of_a_page() -> None:
    orders = [kind.order for kind in kinds().values()]
    assert orders == sorted(orders)
    assert {"results", "text", "provenance", "probes", "curves", "match", "comparison"} <= set(kinds())


def test_a_folder_with_nothing_has_only_what_a_source_says_of_itself(tmp_path: Path) -> None:
    assert [part.key for part in load_parts(tmp_path)] == ["classes", "text", "trials", "provenance"]


def test_results_are_read_as_they_were_written(text: Arrays, tmp_path: Path) -> None:
    Results(analyze(text, [Quantiles()])).save(tmp_path)
    (part,) = Results.load(tmp_path)
    assert isinstance(part, Results)
    assert part.scale("planted", 0) is not None
    assert part.scale("elsewhere", 0) is None
