"""Every view can be printed, with colours and without, and says its numbers in words."""

import io

import pytest
from rich.console import Console
from synthetic import every_view

from unitscope.page.text import render
from unitscope.views import Field, Group, Heatmap, Histogram, Lines, Scatter, Series, Table, TokenText, View


def printed(view: View, width: int = 80, colour: bool = False) -> str:
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=colour, color_system="truecolor" if colour else None).print(
        render(view)
    )
    return file.getvalue()


@pytest.mark.parametrize("view", every_view(), ids=lambda view: f"{type(view).__name__}-{view.title[:9].strip()}")
@pytest.mark.parametrize("colour", [False, True])
def test_every_view_prints(view: View, colour: bool) -> None:
    for width in (20, 80, 300):
        text = printed(view, width, colour)
        assert text.strip()


def test_words_are_taken_literally() -> None:
    view = Table("[bold]title", (Field("[red]head", "text"),), [["[link=x]cell"]], "[dim]note")
    text = printed(view)
    assert all(word in text for word in ("[bold]title", "[red]head", "[link=x]cell", "[dim]note"))


def test_table_aligns_and_counts_the_rest() -> None:
    view = Table("", (Field("n", "integer"), Field("p", "share")), [[1000 * k, k / 100] for k in range(50)])
    text = printed(view)
    assert "39,000" in text
    assert "39.0 %" in text
    assert "40,000" not in text
    assert "10 more rows" in text


def test_histogram_adds_up_neighbours() -> None:
    text = printed(Histogram("h", [float(k) for k in range(97)], [1.0] * 96))
    rows = [line.split() for line in text.splitlines()[2:]]
    assert [row[2] for row in rows] == ["4"] * 24
    assert rows[0][:2] == ["0", "4"]
    assert rows[-1][:2] == ["92", "96"]


def test_a_rare_bin_is_seen() -> None:
    rows = printed(Histogram("h", [0.0, 1.0, 2.0, 3.0], [1e9, 1.0, 0.0])).splitlines()
    assert "█" in rows[2]
    assert "▏" in rows[3]
    assert "▏" not in rows[4]


def test_line_rises() -> None:
    view = Lines("l", [0.0, 1.0, 2.0, 3.0], [Series("a", [0.0, 1.0, 2.0, 3.0])], "lag", "r")
    assert "▁▃▆█" in printed(view)


def test_heat_map_shows_numbers() -> None:
    text = printed(Heatmap("m", ["row"], ["long name", "b"], [[-0.25, float("nan")]], -1.0, 1.0))
    assert "−0.25" in text
    assert "…name" in text
    assert "–" in text


def test_scatter_puts_points_in_their_place() -> None:
    view = Scatter(
        "s",
        [Group("g", [0.0, 1.0], [0.0, 1.0], ["", ""]), Group("h", [1.0], [0.0], [""])],
        "x",
        "y",
        "",
        (0.0, 1.0),
        (0.0, 1.0),
    )
    rows = [line for line in printed(view).splitlines() if "┤" in line]
    top, bottom = rows[0].split("┤")[1], rows[-1].split("┤")[1]
    assert top.endswith("o")
    assert not top.startswith("o")
    assert bottom.startswith("o")
    assert bottom.endswith("+")


def test_passage_without_colour_has_bars() -> None:
    lines = printed(TokenText("t", ["a", "\n", "b"], [-1.0, 0.0, 1.0], -1.0, 1.0, 2)).splitlines()
    assert lines[1:5] == ["a⏎", "▁▅", "[b]", "███"]


def test_passage_with_colour_has_none() -> None:
    text = printed(TokenText("t", ["a", "b"], [-1.0, 1.0], -1.0, 1.0), colour=True)
    assert "48;2;140;16;34" in text
    assert "48;2;18;63;119" in text
    assert "▁" not in text


def test_words_stay_apart_and_lines_fit() -> None:
    lines = printed(TokenText("t", ["the", "cat", "sat"], [0.0, 0.0, 0.0], -1.0, 1.0), width=10).splitlines()
    assert lines[1].split() == ["the", "cat"]
    assert lines[3].split() == ["sat"]
