"""Views in the terminal. Each becomes something that ``rich`` prints; colour never says what nothing else says.

>>> from rich.console import Console
>>> from unitscope.views import Histogram
>>> Console(width=50).print(render(Histogram("Activation", [0, 1, 2], [30, 10])))
Activation
from  to  count                       share
   0   1     30  ████████████████████ 75.0 %
   1   2     10  ██████▋              25.0 %
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.style import Style
from rich.table import Table as Grid
from rich.text import Text

from unitscope.page.colour import diverging, ink, position, shares
from unitscope.page.numbers import GLYPHS, MINUS, MISSING, column_format, number, visible
from unitscope.views import Heatmap, Histogram, Lines, Scatter, Table, TokenText, View, to_json, with_scale

ROWS = 40
"""Rows of a table or heat map before the rest is only counted."""

BINS = 24
"""Rows of a histogram; more bins than that are added up in neighbours."""

BAR = 20
EIGHTHS = " ▏▎▍▌▋▊▉█"
HEIGHTS = "▁▂▃▄▅▆▇█"
MARKERS = "o+x*#@"


def render(view: View) -> RenderableType:
    """Output of ``rich.console.Console.print`` for a view: title, picture, note."""
    match view:
        case Table():
            body = _table(view)
        case Histogram():
            body = _histogram(view)
        case Lines():
            body = _lines(view)
        case Heatmap():
            body = _Matrix(view)
        case Scatter():
            body = _Points(view)
        case TokenText():
            body = _Passage(with_scale(view))
    parts: list[RenderableType] = [Text(view.title, style="bold")] if view.title else []
    parts.append(body)
    if view.note:
        parts.append(Text(view.note, style="dim"))
    return Group(*parts)


def _grid(*heads: tuple[str, bool]) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    for name, numeric in heads:
        grid.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    return grid


def _table(view: Table) -> RenderableType:
    rows = to_json(view)["rows"]
    grid = _grid(*((field.name, field.kind not in ("text", "unit")) for field in view.fields))
    formats = [column_format(field.kind, [row[i] for row in rows]) for i, field in enumerate(view.fields)]
    for row in rows[:ROWS]:
        grid.add_row(*(Text(text(value)) for text, value in zip(formats, row, strict=True)))
    return _cut(grid, len(rows))


def _cut(grid: RenderableType, rows: int) -> RenderableType:
    if not rows:
        return Text("no rows", style="dim")
    return Group(grid, Text(f"… and {rows - ROWS:,} more rows", style="dim")) if rows > ROWS else grid


def _histogram(view: Histogram) -> RenderableType:
    counts = np.nan_to_num(np.asarray(view.counts, dtype=float))
    edges = np.asarray(view.edges, dtype=float)
    if not len(counts):
        return Text("no values", style="dim")
    merged = math.ceil(len(counts) / BINS)
    starts = np.arange(0, len(counts), merged)
    counts = np.add.reduceat(counts, starts)
    low, high = edges[starts], edges[np.minimum(starts + merged, len(edges) - 1)]
    total, largest = counts.sum(), counts.max()
    grid = Grid.grid(padding=(0, 1))
    for justify in ("right", "right", "right", "left", "right"):
        grid.add_column(justify=justify)
    grid.add_row("from", "to", "count", "", "share", style="dim")
    for a, b, n in zip(low, high, counts, strict=True):
        bar = _bar(n / largest if largest > 0 else 0.0)
        share = f"{100 * n / total:.1f} %" if total > 0 else MISSING
        grid.add_row(number(a), number(b), f"{n:,.0f}", Text(bar, style="cyan"), share)
    return grid


def _bar(part: float) -> str:
    eighths = round(8 * BAR * part)
    full, rest = divmod(eighths, 8)
    # A bin that holds anything shows something.
    return (
        (HEIGHTS[-1] * full + (EIGHTHS[rest] if rest else "")).ljust(BAR)
        if eighths
        else ("▏" if part else "").ljust(BAR)
    )


def _lines(view: Lines) -> RenderableType:
    x = np.asarray(view.x, dtype=float)
    if not len(x) or not view.series:
        return Text("no values", style="dim")
    rows: list[tuple[str, Float[np.ndarray, " x"]]] = []
    for series in view.series:
        rows.append((series.name, np.asarray(series.y, dtype=float)))
        if len(series.low) and len(series.high):
            rows.append(("  low", np.asarray(series.low, dtype=float)))
            rows.append(("  high", np.asarray(series.high, dtype=float)))
    known = np.concatenate([y[np.isfinite(y)] for _, y in rows])
    ends = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    grid = _grid(
        (view.ylabel, False), ("", False), ("first", True), ("last", True), ("smallest", True), ("largest", True)
    )
    for name, y in rows:
        finite = y[np.isfinite(y)]
        extremes = (float(finite.min()), float(finite.max())) if len(finite) else (math.nan, math.nan)
        numbers = (float(y[0]), float(y[-1]), *extremes) if len(y) else (math.nan,) * 4
        grid.add_row(Text(name), Text(_spark(y, *ends), style="cyan"), *(number(v) for v in numbers))
    return Group(grid, Text(f"{view.xlabel} from {number(float(x[0]))} to {number(float(x[-1]))}", style="dim"))


def _spark(y: Float[np.ndarray, " x"], low: float, high: float, width: int = 32) -> str:
    """One block per point; of more points than there is room for, the mean of each stretch."""
    if len(y) > width:
        y = np.array([part[np.isfinite(part)].mean() if np.isfinite(part).any() else math.nan
                      for part in np.array_split(y, width)])  # fmt: skip
    return "".join(_height(float(v), low, high) for v in y)


def _height(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return " "
    part = (value - low) / (high - low) if high > low else 0.5
    return HEIGHTS[max(0, min(7, round(7 * part)))]


@dataclass(frozen=True)
class _Matrix:
    """Numbers on coloured ground, as many columns as there is room for."""

    view: Heatmap

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        view = self.view
        if not len(view.rows) or not len(view.columns):
            yield Text("no values", style="dim")
            return
        # One decimal less for every digit before the point: a number has at most five characters.
        largest = max(abs(view.low), abs(view.high))
        decimals = 2 if largest < 10 else 1 if largest < 100 else 0
        names = [_tail(name, 24) for name in view.rows]
        margin = max(map(len, (*names, view.ylabel))) + 1
        shown = max(1, min(len(view.columns), (options.max_width - margin) // 6))
        grid = Grid.grid(padding=(0, 0, 0, 1))
        for _ in range(shown + 1):
            grid.add_column(justify="right", no_wrap=True)
        grid.add_row(Text(view.ylabel), *(Text(_tail(name, 5)) for name in view.columns[:shown]), style="dim")
        for name, row in zip(names[:ROWS], view.values, strict=False):
            values = [math.nan if v is None else float(v) for v in list(row)[:shown]]
            texts = [f"{v:.{decimals}f}".replace("-", MINUS) if math.isfinite(v) else MISSING for v in values]
            cells = (
                Text(f"{text:>5}", style=_shade(v, view.low, view.high)) for text, v in zip(texts, values, strict=True)
            )
            grid.add_row(Text(name), *cells)
        yield _cut(grid, len(view.rows))
        if view.xlabel:
            yield Text(f"columns: {view.xlabel}", style="dim")
        if len(view.columns) > shown:
            yield Text(f"… and {len(view.columns) - shown:,} more columns", style="dim")


def _tail(name: str, width: int) -> str:
    """The end of a name, which tells units of one site apart."""
    return name if len(name) <= width else "…" + name[1 - width :]


def _shade(value: float, low: float, high: float, middle: float = math.nan) -> Style:
    t = position(value, low, high, middle)
    if math.isnan(t):
        return Style(dim=True)
    back = diverging(t)
    return Style(color="rgb({},{},{})".format(*ink(back)), bgcolor="rgb({},{},{})".format(*back))


@dataclass(frozen=True)
class _Points:
    """A scatter on a grid of characters; each group has its own."""

    view: Scatter

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        view = self.view
        points = [
            (float(x), float(y), k)
            for k, group in enumerate(view.groups)
            for x, y in zip(group.x, group.y, strict=True)
            if x is not None and y is not None and math.isfinite(x) and math.isfinite(y)
        ]
        if not points:
            yield Text("no points", style="dim")
            return
        left, right = view.xrange or _ends([x for x, _, _ in points])
        bottom, top = view.yrange or _ends([y for _, y, _ in points])
        labels = (number(top), number(bottom))
        margin = max(map(len, labels)) + 1
        width, height = max(10, min(72, options.max_width - margin - 2)), 20
        cells = [[" "] * width for _ in range(height)]
        for x, y, k in points:
            if left <= x <= right and bottom <= y <= top:
                column = round((x - left) / (right - left) * (width - 1))
                row = round((top - y) / (top - bottom) * (height - 1))
                cells[row][column] = MARKERS[k % len(MARKERS)]
        yield Text(f"{view.ylabel} over {view.xlabel}", style="dim")
        for i, row_cells in enumerate(cells):
            label = labels[0] if i == 0 else labels[1] if i == height - 1 else ""
            yield Text(f"{label:>{margin - 1}} ┤" + "".join(row_cells).rstrip())
        yield Text(" " * margin + "└" + "─" * width)
        yield Text(" " * (margin + 1) + number(left).ljust(width - len(number(right))) + number(right))
        for k, group in enumerate(view.groups):
            yield Text(f"{MARKERS[k % len(MARKERS)]} {group.name} ({len(group.x):,})")


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = 0.5 * (abs(low) or 1.0)
    return (low, high) if high > low else (low - pad, high + pad)


@dataclass(frozen=True)
class _Passage:
    """Tokens on coloured ground; without colours, with a bar under each character."""

    view: TokenText

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        view = self.view
        if not len(view.tokens):
            yield Text("no tokens", style="dim")
            return
        coloured = console.color_system is not None
        truth = shares(view.truth)
        least = -1.0 if view.low < view.middle else 0.0
        for line in self._wrapped(max(10, options.max_width)):
            text, bars = Text(no_wrap=True), Text(no_wrap=True, style="dim")
            holds = Text(no_wrap=True, style="dim")
            for glyphs, value, i in line:
                marked = self._marked(i)
                style = _shade(value, view.low, view.high, view.middle) + Style(underline=marked, bold=marked)
                if not coloured:  # brackets where the passage begins and ends that it is about
                    glyphs = "[" * (marked and i == view.mark) + glyphs + "]" * (marked and not self._marked(i + 1))
                text.append(glyphs, style=style)
                wide = Text(glyphs).cell_len
                bars.append(_height(position(value, view.low, view.high, view.middle), least, 1.0) * wide)
                holds.append(_height(truth[i], 0.0, 1.0) * wide if truth else "")
            yield text
            if not coloured:
                yield bars
            if truth:
                yield holds
        if coloured:
            yield self._scale()
        else:
            yield Text(f"{HEIGHTS[0]} {number(view.low)}   {HEIGHTS[-1]} {number(view.high)}", style="dim")
        if truth:
            yield Text(f"{HEIGHTS[0]}{HEIGHTS[-1]} beneath the text: {view.label}", style="dim")

    def _wrapped(self, width: int) -> Iterator[list[tuple[str, float, int]]]:
        """Lines of tokens, each with its place; a newline ends its line, and is seen at the end of it."""
        line: list[tuple[str, float, int]] = []
        used = 0
        # Words without the white space between them need a gap to be told apart.
        apart = any(len(t) > 1 for t in self.view.tokens) and not any(c.isspace() for t in self.view.tokens for c in t)
        for i, (token, value) in enumerate(zip(self.view.tokens, self.view.values, strict=True)):
            glyphs = visible(token, blanks=False) + (" " if apart else "")
            wide = Text(glyphs).cell_len + (2 if self._marked(i) else 0)
            if line and used + wide > width:
                yield line
                line, used = [], 0
            line.append((glyphs, math.nan if value is None else float(value), i))
            used += wide
            if GLYPHS["\n"] in glyphs:
                yield line
                line, used = [], 0
        if line:
            yield line

    def _marked(self, i: int) -> bool:
        return 0 <= self.view.mark <= i < self.view.mark + self.view.width

    def _scale(self) -> Text:
        scale = Text(f"{number(self.view.low)} ")
        for i in range(-10, 11):
            scale.append(" ", style=_shade(i / 10, -1.0, 1.0))
        return scale.append(f" {number(self.view.high)}")
