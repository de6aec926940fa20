"""Neutral pictures. A result says what there is to see; a terminal, a page or a plot decides how it looks.

Everything here is plain numbers and strings, so that every renderer can be replaced.
A number that is not known is NaN here and ``null`` in JSON.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Kind = Literal["text", "number", "integer", "share", "unit"]
"""How a column reads: ``unit`` is an address ``site/unit`` and becomes a link."""


@dataclass(frozen=True)
class Field:
    """The head of a column."""

    name: str
    kind: Kind = "number"
    help: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of values under named columns."""

    title: str
    fields: Sequence[Field]
    rows: Sequence[Sequence[Any]]
    note: str = ""


@dataclass(frozen=True)
class Histogram:
    """Counts between edges (one more edge than counts)."""

    title: str
    edges: Sequence[float]
    counts: Sequence[float]
    xlabel: str = "activation"
    note: str = ""


@dataclass(frozen=True)
class Series:
    """One named line; ``low`` and ``high`` draw a band around it."""

    name: str
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Lines:
    """Series over one shared axis."""

    title: str
    x: Sequence[float]
    series: Sequence[Series]
    xlabel: str
    ylabel: str
    note: str = ""


@dataclass(frozen=True)
class Heatmap:
    """A matrix in colour. ``low`` and ``high`` are the ends of the scale."""

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]
    low: float
    high: float
    xlabel: str = ""
    ylabel: str = ""
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Points of one colour. ``names`` says what each point is (a unit's address becomes a link)."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    names: Sequence[str]


@dataclass(frozen=True)
class Scatter:
    """Points in the plane. ``xrange`` and ``yrange`` fix the axes; without them the points decide."""

    title: str
    groups: Sequence[Group]
    xlabel: str
    ylabel: str
    note: str = ""
    xrange: tuple[float, float] | None = None
    yrange: tuple[float, float] | None = None


@dataclass(frozen=True)
class TokenText:
    """Tokens, each with a value, coloured from ``low`` (red) over the middle (white) to ``high`` (blue).

    ``mark`` is the index of the token that the passage is about, or −1.
    """

    title: str
    tokens: Sequence[str]
    values: Sequence[float]
    low: float
    high: float
    mark: int = -1
    note: str = ""


View = Table | Histogram | Lines | Heatmap | Scatter | TokenText


def to_json(view: View) -> dict[str, Any]:
    """A JSON object with the view's type under ``view``; arrays become lists, NaN and infinities ``null``."""
    return {"view": type(view).__name__, **_plain({f.name: getattr(view, f.name) for f in dataclasses.fields(view)})}


def _plain(value: Any) -> Any:
    kind = type(value)  # millions of plain values pass here: the commonest kinds come first
    if kind is float:
        # Seven digits are float32's own precision; more would only swell the page.
        return float(f"{value:.7g}") if math.isfinite(value) else None
    if kind is str or kind is int or value is None:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return value
