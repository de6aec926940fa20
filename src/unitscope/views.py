"""Neutral pictures. A result says what there is to see; a terminal, a page or a plot decides how it looks.

Everything here is plain numbers and strings, so that every renderer can be replaced.
A number that is not known is NaN here and ``null`` in JSON.
"""

import dataclasses
import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Kind = Literal["text", "number", "integer", "share", "unit"]
"""How a column reads: ``unit`` is an address ``site/unit`` and becomes a link."""


class Shown:
    """Displays itself in a notebook; what draws it is imported when something is drawn."""

    def in_notebook(self) -> "tuple[str, Sequence[View]]":
        """A title, and few views."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        made: str = importlib.import_module("unitscope.page.notebook").html_of(*self.in_notebook())
        return made


class Picture(Shown):
    """A view shows itself."""

    def in_notebook(self) -> "tuple[str, Sequence[View]]":
        return "", [self]  # type: ignore[list-item]  # those below are all there are


@dataclass(frozen=True)
class Field:
    """The head of a column."""

    name: str
    kind: Kind = "number"
    help: str = ""


@dataclass(frozen=True)
class Table(Picture):
    """Rows of values under named columns."""

    title: str
    fields: Sequence[Field]
    rows: Sequence[Sequence[Any]]
    note: str = ""


@dataclass(frozen=True)
class Histogram(Picture):
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
class Lines(Picture):
    """Series over one shared axis."""

    title: str
    x: Sequence[float]
    series: Sequence[Series]
    xlabel: str
    ylabel: str
    note: str = ""


@dataclass(frozen=True)
class Heatmap(Picture):
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
class Scatter(Picture):
    """Points in the plane. ``xrange`` and ``yrange`` fix the axes; without them the points decide."""

    title: str
    groups: Sequence[Group]
    xlabel: str
    ylabel: str
    note: str = ""
    xrange: tuple[float, float] | None = None
    yrange: tuple[float, float] | None = None


@dataclass(frozen=True)
class TokenText(Picture):
    """Tokens, each with a value, coloured from ``low`` (red) over ``middle`` (as the paper) to ``high`` (blue).

    An end that is NaN is that of the values' own scale (``scale_of``). A middle that is an end makes a scale of
    one colour. ``mark`` is the index of the first token that the passage is about, or −1.
    """

    title: str
    tokens: Sequence[str]
    values: Sequence[float]
    low: float = math.nan
    high: float = math.nan
    mark: int = -1
    note: str = ""
    width: int = 1
    """Tokens that the passage is about."""
    middle: float = math.nan
    scale: str = ""
    """What the colours mean, in words."""
    at: tuple[int, int] | None = None
    """Sequence, and position in it, of the first token."""
    place: str = ""
    """Where that is: a document and a line of it."""
    truth: Sequence[float] = ()
    """The values of a label at the same tokens, shown beneath them."""
    label: str = ""
    """What that label is called."""


View = Table | Histogram | Lines | Heatmap | Scatter | TokenText


COLUMNS = 12
"""Of a table in a notebook; a data frame has all."""


def table_of(frame: Any, note: str = "") -> Table:
    """The first columns of a pandas data frame, with its index, as a table."""
    named = [name for name in frame.index.names if name]
    flat = (frame.reset_index() if named else frame).iloc[:, :COLUMNS]
    kinds: list[Kind] = [
        "text" if kind in "OUb" else "integer" if kind in "iu" else "number" for kind in (d.kind for d in flat.dtypes)
    ]
    fields = [Field(str(name), kind) for name, kind in zip(flat.columns, kinds, strict=True)]
    return Table("", fields, flat.to_numpy(dtype=object).tolist(), note)


TAILS = 0.01
"""The share of values beyond each end of a scale."""
SLIGHT = 0.1
"""A side of a scale that is less of the other than this has no colour."""


def scale_of(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """Where red is full, where the paper is, and where blue is full, for values of a unit.

    A unit may run from −4 to 15, and nearly always stand between 0 and 1: so the ends are the quantiles beyond which a
    hundredth of the values lie, and the middle is zero where the unit is found on both sides of it, else its median.
    One that is never, or hardly, below its middle, such as a rectified one, has no red: what is small shall look small.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return -1.0, 0.0, 1.0
    ends = np.quantile(known, (0.0, TAILS, 0.1, 0.5, 0.9, 1 - TAILS, 1.0))
    return scale_from(*map(float, ends))


def scale_from(
    least: float, low: float, tenth: float, median: float, ninth: float, high: float, most: float
) -> tuple[float, float, float]:
    """The same from the smallest value, quantiles, and the largest value."""
    middle = 0.0 if tenth <= 0 <= ninth else median
    if low >= middle:
        low = least
    if high <= middle:
        high = most
    if low >= middle and high <= middle:  # constant
        return middle - 1.0, middle, middle + 1.0
    below, above = max(middle - low, 0.0), max(high - middle, 0.0)
    return (low if below > SLIGHT * above else middle), middle, (high if above > SLIGHT * below else middle)


def with_scale(view: TokenText, values: tuple[float, float, float] | None = None) -> TokenText:
    """The passage with all of its scale: what it does not say is taken from ``values``, or its own scale."""
    if math.isfinite(view.low) and math.isfinite(view.high):
        half_way = (view.low + view.high) / 2
        return view if math.isfinite(view.middle) else dataclasses.replace(view, middle=half_way)
    low, middle, high = values or scale_of(view.values)
    sides = [name for name, there in (("lowest", low < middle), ("highest", high > middle)) if there]
    full = " and the ".join(sides)
    words = view.scale or f"paper: {'zero' if middle == 0 else 'its median'}; full colour: the {full} 1 % of its values"
    return dataclasses.replace(view, low=low, middle=middle, high=high, scale=words)


def to_json(view: View) -> dict[str, Any]:
    """A JSON object with the view's type under ``view``; arrays become lists, NaN and infinities ``null``."""
    view = with_scale(view) if isinstance(view, TokenText) else view
    return {"view": type(view).__name__, **{name: plain(getattr(view, name)) for name in _names(type(view))}}


_NAMES: dict[Any, tuple[str, ...]] = {}


def _names(kind: Any) -> tuple[str, ...]:
    """The fields of a dataclass."""
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in dataclasses.fields(kind))
    return _NAMES[kind]


def plain(value: Any) -> Any:
    """A value as JSON knows it; numbers to seven digits, NaN and infinities ``null``."""
    kind = type(value)  # millions of plain values pass here: the commonest kinds come first
    if kind is float:
        # Seven digits are float32's own precision; more would only swell the page.
        return float(f"{value:.7g}") if math.isfinite(value) else None
    if kind is str or kind is int or value is None:
        return value
    if kind is list or kind is tuple:
        return _plain_list(value)
    if kind is Field:
        return dict(zip(_names(kind), (value.name, value.kind, value.help), strict=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(kind)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return _plain_list(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    return value


def _plain_list(value: Sequence[Any]) -> list[Any]:
    kinds = set(map(type, value))
    if kinds <= _WORDS:
        return list(value)
    return rounded(value, 7) if kinds == {float} else [item if type(item) in _WORDS else plain(item) for item in value]


_WORDS = {str, int, type(None)}
"""Kinds of values that are in JSON what they are."""
FEW = 16
"""Numbers that are written one by one, because an array of them would cost more."""


def rounded(values: Sequence[float], digits: int) -> list[float | None]:
    """Each number to so many significant digits, as if it were written and read; NaN and infinities None."""
    if len(values) < FEW:
        return [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in values]
    given = np.array(values, dtype=np.float64)
    known = np.isfinite(given)
    size = np.abs(np.where(known & (given != 0), given, 1.0))
    places = digits - 1 - np.floor(np.log10(size)).astype(int)
    if not known.all() or np.abs(places).max(initial=0) > 22:  # beyond that powers of ten are not exact
        return [rounded([value], digits)[0] for value in given.tolist()]
    power = 10.0 ** np.abs(places)
    found: list[float | None] = np.where(
        places >= 0, np.rint(given * power) / power, np.rint(given / power) * power
    ).tolist()
    return found
