"""Views as a notebook shows them: HTML that needs no script, whatever renders it, and is small.

>>> from unitscope.views import Field, Table
>>> "<td>0.500</td>" in html_of("Units", [Table("", [Field("r")], [[0.5]])])
True
"""

import base64
import html
import io
import math
from collections.abc import Sequence

from unitscope.page.colour import diverging, ink, position, shares
from unitscope.page.numbers import column_format, number
from unitscope.views import Table, TokenText, View, to_json, with_scale

ROWS, TOKENS, PICTURES = 12, 600, 6
"""Rows of a table, tokens of a passage, and pictures that are shown; of more it is said how many there are."""
DPI = 80
TRUTH = "#15805c"
"""The bar beneath a text, where a label holds; as on pages."""
SHEET = (
    "font:13px/1.55 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;background:#fff;color:#000;padding:6px"
)


def html_of(title: str, views: Sequence[View]) -> str:
    """Some views one under the other."""
    parts = [f"<p><b>{html.escape(title)}</b></p>"] if title else []
    pictures = 0
    for view in views:
        if isinstance(view, Table):
            parts.append(_table(view))
        elif isinstance(view, TokenText):
            parts.append(_passage(with_scale(view)))
        elif pictures < PICTURES:
            parts.append(_picture(view))
            pictures += 1
    left_out = sum(not isinstance(view, Table | TokenText) for view in views) - pictures
    if left_out:
        parts.append(f"<p>… and {left_out} more pictures</p>")
    return f"<div>{''.join(parts)}</div>"


def _table(view: Table) -> str:
    rows = to_json(view)["rows"]
    formats = [column_format(field.kind, [row[i] for row in rows]) for i, field in enumerate(view.fields)]
    head = "".join(f'<th title="{html.escape(field.help)}">{html.escape(field.name)}</th>' for field in view.fields)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(text(v))}</td>" for text, v in zip(formats, row, strict=True)) + "</tr>"
        for row in rows[:ROWS]
    )
    more = f"<p>… and {len(rows) - ROWS:,} more rows</p>" if len(rows) > ROWS else ""
    return f"{_title(view)}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}{_note(view.note)}"


def _passage(view: TokenText) -> str:
    low, middle, high = view.low, view.middle, view.high
    holds = shares(view.truth) if len(view.truth) else []
    spans = []
    for i, token in enumerate(view.tokens[:TOKENS]):
        value = view.values[i]
        at = position(math.nan if value is None else value, low, high, middle)
        style = ""
        if math.isfinite(at):
            ground = diverging(at)
            style = f"background:rgb{ground};color:rgb{ink(ground)};".replace(" ", "")
        if holds and holds[i] > 0.5:
            style += f"border-bottom:3px solid {TRUTH};"
        said = "" if value is None or not math.isfinite(value) else number(value)
        spans.append(f'<span style="{style}" title="{said}">{html.escape(token)}</span>')
    more = f" … and {len(view.tokens) - TOKENS:,} more tokens" if len(view.tokens) > TOKENS else ""
    scale = f"{number(low)} red · {number(middle)} paper · {number(high)} blue"
    truth = f" · bar beneath: {view.label}" if holds else ""
    place = f"{view.place} · " if view.place else ""
    return (
        f'{_title(view)}<pre style="{SHEET}">{"".join(spans)}</pre>{_note(f"{place}{scale}{truth}{more}")}'
        f"{_note(view.note)}"
    )


def _picture(view: View) -> str:
    from unitscope.page.png import draw  # matplotlib takes a second

    written = io.BytesIO()
    draw(view).savefig(written, dpi=DPI, format="png", bbox_inches="tight")
    data = base64.b64encode(written.getvalue()).decode()
    return f'<p><img alt="{html.escape(view.title)}" src="data:image/png;base64,{data}"></p>{_note(view.note)}'


def _title(view: View) -> str:
    return f"<p>{html.escape(view.title)}</p>" if view.title else ""


def _note(text: str) -> str:
    return f"<p><small>{html.escape(text)}</small></p>" if text else ""
