"""Which networks a claim is about, what a number comes to over them, and where its expectation is from."""

from collections.abc import Callable
from typing import Any

from unitscope.networks.char import Cell
from unitscope.studies.study import Found, Outcomes, Source
from unitscope.studies.value import (
    Value,
    of_runs,
)

CELLS: tuple[Cell, ...] = ("lstm", "gru", "rnn")
ROWS = (64, 128, 256, 512)
LARGE = 128
"""The row from which networks are compared by kind, as the paper's order of kinds is said of larger ones."""
MEMORY = Source("published, from memory", "Karpathy, Johnson & Fei-Fei 2015")
READ = Source("published, read", "Karpathy, Johnson & Fei-Fei 2015, as quoted in a course's slides")
BLOG = Source("published, read", "Karpathy's blog of 21 May 2015: about 5 % of the cells")
CALIBRATION = Source("ours", "calibration runs")
ARITHMETIC = Source("ours", "arithmetic")
WIDTHS = {
    64: ((64, 45, 37), (77, 53, 44), (141, 96, 78)),
    128: ((128, 84, 68), (151, 98, 79), (273, 174, 139)),
    256: ((256, 159, 126), (300, 185, 146), (531, 325, 257)),
    512: ((512, 308, 241), (596, 357, 280), (1045, 623, 487)),
}
"""Of LSTM, GRU and RNN with one to three layers, for 87 symbols."""
HEADLINES = {
    "position-in-line": "counts the position in the line",
    "inside-double-quotes": "tells whether a quotation is open",
    "inside-parentheses": "tells whether a parenthesis is open",
    "inside-c-comment": "tells whether a comment is open",
    "inside-c-string": "tells whether a string is open",
    "inside-c-if-head": "is on in the condition of an if",
    "c-block-depth": "follows the depth of blocks",
}
"""What the paper's cells stood for."""


Number = Callable[[Found], float]


def nets(o: Outcomes, **settings: Any) -> Outcomes:
    """Trained networks with these settings."""
    return o.where(**settings).having("nats")


def over(number: Number, protocol: str = "modern", **settings: Any) -> Callable[[Outcomes], Value | None]:
    """A number of networks of one kind, over seeds."""

    def value(o: Outcomes) -> Value | None:
        own = nets(o, protocol=protocol, **settings)
        return of_runs([number(one) for one in own]) if len(own) else None

    return value


def gap(worse: dict[str, Any], better: dict[str, Any]) -> Callable[[Outcomes], Value | None]:
    """Difference in loss of two kinds of network, over pairs of seeds; one pair supports no conclusion."""

    def value(o: Outcomes) -> Value | None:
        one, other = (nets(o, protocol="modern", **settings) for settings in (worse, better))
        by = {each["seed"]: each["nats"][0] for each in other}
        found = [each["nats"][0] - by[each["seed"]] for each in one if each["seed"] in by]
        return of_runs(found) if found else None

    return value


def anywhere(number: Callable[[Outcomes], Value], **settings: Any) -> Callable[[Outcomes], Value | None]:
    """A number of all networks together."""

    def value(o: Outcomes) -> Value | None:
        own = nets(o, **settings)
        return number(own) if len(own) else None

    return value


def of_run(name: str, path: str, make: Callable[[Any], Value]) -> Callable[[Outcomes], Value | None]:
    """A number of a run that is no network."""

    def value(o: Outcomes) -> Value | None:
        one = next((each for each in o if each.name == name and each.has(path)), None)
        return make(one[path]) if one else None

    return value


def triple(numbers: Any) -> Value:
    """A mean with its interval over stretches of the text."""
    mean, low, high = numbers[:3]
    return Value(float(mean), float(low), float(high))
