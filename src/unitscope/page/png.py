"""Views as PNG files, drawn by matplotlib without its global state, so that any thread may draw.

Every text is taken literally: no dollar sign starts a formula, and a character that the font lacks is shown as such.
"""

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from unitscope.files.writing import make_folder, writing
from unitscope.page.colour import INK, PAPER, SERIES, diverging, ink, mix, position, shares
from unitscope.page.numbers import GLYPHS, column_format, number, visible
from unitscope.views import Heatmap, Histogram, Lines, Scatter, Table, TokenText, View, to_json, with_scale

ROWS = 40
"""Rows of a table, and lines of a passage, before the rest is only counted."""

LETTERS = 100
"""Characters on a line of a passage."""

DASHES = ("solid", (0, (6, 3)), (0, (1.5, 2)), (0, (8, 2, 1.5, 2)), (0, (4, 1.5)), (0, (1, 3)))
MARKERS = "o^sDP*"
SOFT = "#5a5d66"


def write_png(view: View, path: Path, dpi: int = 150) -> None:
    """Write a view as a PNG file. Raises ``InputError`` where the file cannot be written."""
    make_folder(path.parent)
    with writing(path) as partial:
        # A passage fills its figure already; to measure its letters again would take as long as to draw them.
        fit = None if isinstance(view, TokenText) else "tight"
        draw(view).savefig(partial, dpi=dpi, format="png", bbox_inches=fit, metadata={"Software": "unitscope"})


def draw(view: View) -> Figure:
    """The figure of a view."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    match view:
        case Table():
            _table(axes, view)
        case Histogram():
            _histogram(axes, view)
        case Lines():
            _lines(axes, view)
        case Heatmap():
            _heatmap(axes, view)
        case Scatter():
            _scatter(axes, view)
        case TokenText():
            _passage(axes, view)
    axes.set_title(_plain(view.title), loc="left", fontsize=10, fontweight="bold")
    if view.note:
        figure.supxlabel(_plain(view.note), x=0.015, ha="left", fontsize=8, color=SOFT)
    return figure


def _plain(text: str, family: str = "DejaVu Sans") -> str:
    """Text that matplotlib draws as it is written, with a sign for what its font lacks."""
    known = _known(family)
    lines = text.split("\n")
    return "\n".join("".join(c if ord(c) in known else "\ufffd" for c in line) for line in lines).replace("$", r"\$")


@cache
def _known(family: str) -> frozenset[int]:
    return frozenset(get_font(findfont(family)).get_charmap())


def _spines(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dedbd3", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)


def _labels(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(_plain(x), fontsize=9)
    axes.set_ylabel(_plain(y), fontsize=9)


def _empty(axes: Axes, what: str) -> None:
    axes.text(0.5, 0.5, what, ha="center", va="center", transform=axes.transAxes, color=SOFT)
    axes.set_xticks([])
    axes.set_yticks([])


def _numbers(values: Any) -> Float[np.ndarray, " value"]:
    return np.array([math.nan if v is None else v for v in values], dtype=np.float64)


def _table(axes: Axes, view: Table) -> None:
    axes.set_axis_off()
    rows = to_json(view)["rows"]
    if not rows or not view.fields:
        return _empty(axes, "no rows")
    formats = [column_format(field.kind, [row[i] for row in rows]) for i, field in enumerate(view.fields)]
    cells = [[_plain(text(value)) for text, value in zip(formats, row, strict=True)] for row in rows[:ROWS]]
    if len(rows) > ROWS:
        cells.append([f"… {len(rows) - ROWS:,} more rows"] + [""] * (len(view.fields) - 1))
    numeric = [field.kind not in ("text", "unit") for field in view.fields]
    heads = [_plain(field.name) for field in view.fields]
    widths = [3 + max(map(len, column)) for column in zip(heads, *cells, strict=True)]  # characters
    table = axes.table(
        cells,
        colLabels=heads,
        colWidths=[width / sum(widths) for width in widths],
        bbox=Bbox.unit(),
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    for (row, column), cell in table.get_celld().items():
        cell.set_linewidth(0.5)
        cell.set_edgecolor("#c9c6be")
        cell.set_text_props(ha="right" if numeric[column] else "left", weight="bold" if row == 0 else "normal")
    axes.figure.set_size_inches(max(3.0, 0.075 * sum(widths)), 0.24 * (len(cells) + 1) + 0.5)  # type: ignore[union-attr]


def _histogram(axes: Axes, view: Histogram) -> None:
    counts, edges = _numbers(view.counts), _numbers(view.edges)
    if not len(counts) or not np.isfinite(edges).all():
        return _empty(axes, "no values")
    axes.stairs(np.nan_to_num(counts), edges, fill=True, color="#5f87a0")
    _spines(axes)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    _labels(axes, view.xlabel, "count")


def _lines(axes: Axes, view: Lines) -> None:
    x = _numbers(view.x)
    if not len(x) or not view.series:
        return _empty(axes, "no values")
    for k, series in enumerate(view.series):
        colour = SERIES[k % len(SERIES)]
        axes.plot(
            x, _numbers(series.y), color=colour, linestyle=DASHES[k % len(DASHES)], linewidth=1.4,
            marker="." if len(x) <= 24 else None, label=_plain(series.name),
        )  # fmt: skip
        if len(series.low) and len(series.high):
            axes.fill_between(x, _numbers(series.low), _numbers(series.high), color=colour, alpha=0.15, linewidth=0)
    _spines(axes)
    _labels(axes, view.xlabel, view.ylabel)
    axes.legend(fontsize=8, frameon=False)


def _heatmap(axes: Axes, view: Heatmap) -> None:
    if not len(view.rows) or not len(view.columns):
        return _empty(axes, "no values")
    values = np.array([_numbers(row) for row in view.values])  # [row column]
    low, high = (view.low, view.high) if math.isfinite(view.low) and view.high > view.low else (0.0, 1.0)
    # With zero inside, colour tells the sign; otherwise it tells the size alone.
    first = -1.0 if low < 0 < high else 0.0
    colours = [tuple(c / 255 for c in diverging(t)) for t in np.linspace(first, 1, 33)]
    scale = LinearSegmentedColormap.from_list("diverging", colours).with_extremes(bad="#dedbd3")
    image = axes.imshow(values, cmap=scale, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
    if len(view.columns) <= 40:
        axes.set_xticks(range(len(view.columns)), [_plain(name) for name in view.columns], rotation=45, ha="right")
    if len(view.rows) <= 40:
        axes.set_yticks(range(len(view.rows)), [_plain(name) for name in view.rows])
    axes.tick_params(labelsize=7, length=0)
    _labels(axes, view.xlabel, view.ylabel)
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.05)
    bar.ax.tick_params(labelsize=8)
    axes.figure.set_size_inches(7, max(2.4, min(9.0, 0.16 * len(view.rows) + 2)))  # type: ignore[union-attr]


def _scatter(axes: Axes, view: Scatter) -> None:
    for k, group in enumerate(view.groups):
        axes.scatter(
            _numbers(group.x), _numbers(group.y), s=14, alpha=0.6, color=SERIES[k % len(SERIES)],
            marker=MARKERS[k % len(MARKERS)], linewidths=0, label=f"{_plain(group.name)} ({len(group.x):,})",
        )  # fmt: skip
    _spines(axes)
    _labels(axes, view.xlabel, view.ylabel)
    for ends, limit in ((view.xrange, axes.set_xlim), (view.yrange, axes.set_ylim)):
        if ends is not None:
            pad = 0.03 * (ends[1] - ends[0])
            limit(ends[0] - pad, ends[1] + pad)
    if view.xrange is not None and view.yrange is not None:
        axes.figure.set_size_inches(6.4, 5)  # type: ignore[union-attr]
    if len(view.groups) > 1:
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _passage(axes: Axes, view: TokenText) -> None:
    axes.set_axis_off()
    view = with_scale(view)
    if not len(view.tokens):
        return _empty(axes, "no tokens")
    apart = any(len(t) > 1 for t in view.tokens) and not any(c.isspace() for t in view.tokens for c in t)
    corners: list[list[tuple[float, float]]] = []
    colours: list[str] = []
    row = column = 0
    truth = shares(view.truth)
    for i, (token, value) in enumerate(zip(view.tokens, _numbers(view.values), strict=True)):
        glyphs = visible(token, blanks=False)[:LETTERS]
        if column and column + len(glyphs) > LETTERS:
            row, column = row + 1, 0
        if row >= ROWS:
            axes.text(0, row + 0.9, f"… {len(view.tokens) - i:,} more tokens", fontsize=7, color=SOFT)
            row += 1
            break
        t = position(float(value), view.low, view.high, view.middle)
        back = PAPER if math.isnan(t) else diverging(t)
        corners.append(_box(column, row, len(glyphs)))
        colours.append(_hex(back))
        if len(view.truth):
            left, right, _, bottom = column, column + len(glyphs), row, row + 1.0
            corners.append([(left, bottom - 0.1), (right, bottom - 0.1), (right, bottom), (left, bottom)])
            colours.append(_hex(mix(PAPER, INK, truth[i])))
        if 0 <= view.mark <= i < view.mark + view.width:
            axes.add_patch(Polygon(corners[-1], fill=False, edgecolor="#b3540a", linewidth=1.4, zorder=3))
        for k, c in enumerate(glyphs):
            if c != " ":
                axes.text(
                    column + k + 0.5, row + 0.5, _plain(c, "DejaVu Sans Mono"), family="DejaVu Sans Mono", zorder=4,
                    fontsize=7, ha="center", va="center_baseline", color=SOFT if math.isnan(t) else _hex(ink(back)),
                )  # fmt: skip
        column += len(glyphs) + apart
        if GLYPHS["\n"] in glyphs:
            row, column = row + 1, 0
    # The scale, with its numbers, below the text.
    scale = row + 2
    corners += [_box(k, scale, 1) for k in range(21)]
    colours += [_hex(diverging(k / 10 - 1)) for k in range(21)]
    axes.add_collection(PolyCollection(corners, facecolors=colours, linewidths=0), autolim=False)
    for place, end in ((0.5, view.low), (10.5, view.middle), (20.5, view.high)):
        axes.text(place, scale + 1.2, number(end), fontsize=7, ha="center", va="top", color=_hex(INK))
    rows = scale + 3
    axes.set_xlim(0, LETTERS)
    axes.set_ylim(rows, 0)
    # A row is as high in inches as a letter is wide, and half more; the layout is known, so nothing is left to fit.
    figure = axes.get_figure(root=True)
    assert figure is not None
    height = 0.15 * rows
    figure.set_layout_engine("none")
    figure.set_size_inches(7.4, height + 0.6)
    axes.set_position((0.015, 0.3 / (height + 0.6), 0.97, height / (height + 0.6)))


def _box(column: int, row: int, width: int) -> list[tuple[float, float]]:
    left, right, top, bottom = float(column), float(column + width), float(row), float(row + 1)
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
