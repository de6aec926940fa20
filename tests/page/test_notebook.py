"""What a notebook shows needs no script, is small, and keeps text text."""

import re

import torch
from planted import one_site
from synthetic import every_view

import unitscope
from unitscope.analyses.moments import Moments
from unitscope.comparison.compare import compare
from unitscope.fold.analyze import analyze
from unitscope.page.notebook import TOKENS, html_of
from unitscope.page.page import UnitGroup, Units
from unitscope.views import Field, Table, TokenText


def test_every_view_shows_itself() -> None:
    for view in every_view():
        made = view._repr_html_()
        assert view.title == "" or view.title.split("<")[0] in made
        assert "<script" not in made and len(made) < 400_000


def test_text_has_the_colours_of_the_page_and_stays_text() -> None:
    evil = "<script>alert(1)</script>"
    made = TokenText(
        evil, [evil, "b"] * TOKENS, [-1.0, 1.0] * TOKENS, truth=[0.0, 1.0] * TOKENS, label=evil
    )._repr_html_()
    assert "<script" not in made
    assert f"{TOKENS:,} more tokens" in made
    first, second = re.findall(r'<span style="([^"]*)"', made)[:2]
    assert "background:rgb(140,16,34)" in first and "border-bottom" not in first
    assert "background:rgb(18,63,119)" in second and "border-bottom" in second
    assert "<script" not in Table(evil, [Field(evil, help=evil)], [[evil]], evil)._repr_html_()


def test_what_is_found_shows_itself() -> None:
    x = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    source = one_site(x, [10] * 6)
    results = analyze(source, [Moments()])
    units = Units.of([[UnitGroup("All", "", [Table("t", [Field("r")], [[0.25]])])]])
    compared = compare(source, one_site(x.flip(1), [10] * 6, name="other"))
    for shown, says in (
        (source, "planted"),
        (results, "kurtosis"),
        (next(iter(results)), "kurtosis"),
        (units[0], "0.250"),
        (compared, "A – B"),
        (unitscope.page_of(source, []), "unit by unit"),
    ):
        assert says in shown._repr_html_()
        assert len(repr(shown)) < 1_000


def test_more_pictures_than_are_shown_are_counted() -> None:
    picture = next(view for view in every_view() if type(view).__name__ == "Lines")
    assert "and 2 more pictures" in html_of("", [picture] * 8)
