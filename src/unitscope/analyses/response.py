"""Response of each unit to a drive: a step, a sine, an impulse …"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int

from unitscope.analyses._response_metrics import drive_metrics, sine_metrics, step_metrics
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Heatmap, Lines, Series, Table, View

_FOLLOWING = {
    "correlation": "sum of products of input and unit about their means",
    "r": "correlation of the unit with the input",
    "lag": "steps by which the unit follows the input",
}
_FORMS = {
    "step": {
        "initial": "value before the input changes",
        "final": "value at the end",
        "delta": "final minus initial; negative where the input inhibits the unit",
        "settling": "steps until the unit stays near its final value",
        "settled": "1 where it does stay, 0 for a cycle or a drift",
        "delay": "steps until half of the change",
        "rise": "steps from a tenth to nine tenths of the change",
        "overshoot": "how far it goes beyond its final value, in % of the change",
        "undershoot": "how far it first goes the other way, in % of the change",
        "peak": "value farthest from the initial one",
        "peak time": "steps until the peak",
        "rested": "1 where the unit was at rest before the input changed",
    },
    "sine": {
        "amplitude": "half the swing at the drive's frequency",
        "gain": "amplitude of the unit over amplitude of the input",
        "phase": "radians relative to the input, negative where the unit lags",
        "offset": "value about which the unit swings",
        "residual": "share of the variance that is no sine of the drive's frequency",
        "frequency": "strongest frequency, periods per step",
        **_FOLLOWING,
    },
}
_OTHER = {
    "initial": "value at the first step",
    "final": "value at the last step",
    "peak": "value farthest from the initial one",
    "peak time": "steps until the peak",
    **_FOLLOWING,
}
_STRENGTH = {"step": "delta", "sine": "amplitude"}
"""By what the strongest of several responses is chosen; by ``r`` for other drives."""
_SHOWN = (64, 100)
"""Units and steps of a heat map."""


def metric_help(drive: str) -> dict[str, str]:
    """Explanations of the measures of a response to a drive."""
    return _FORMS.get(drive, _OTHER)


@dataclass(frozen=True, eq=False)
class ResponseResult(Result):
    drive: str
    ways: int
    """Of driving: each is tried, and each unit's strongest response is kept."""
    way: Int[np.ndarray, " unit"]
    """Which one that was; −1 where there was none."""
    input: Float[np.ndarray, "time unit"]
    """How far the input was on that way, in data units; NaN where there was none."""
    response: Float[np.ndarray, "time unit"]
    metrics: Float[np.ndarray, "metric unit"]
    """Rows as ``metric_help`` lists them."""

    def columns(self) -> list[Column]:
        own = [
            Column(f"{self.drive} {name}", values, text)
            for (name, text), values in zip(metric_help(self.drive).items(), self.metrics, strict=True)
        ]
        if self.ways > 1:
            own.append(Column(f"{self.drive} way", self.way, "the way of driving that moves the unit most", "integer"))
        return own

    def metric(self, name: str) -> Float[np.ndarray, " unit"]:
        """One number per unit."""
        values: Float[np.ndarray, " unit"] = self.metrics[list(metric_help(self.drive)).index(name)]
        return values

    def views(self, unit: int | None = None) -> list[View]:
        if unit is None:
            return [self._heatmap()]
        x = [float(t) for t in range(len(self.response))]
        series = [
            Series("unit", self.response[:, unit].tolist()),
            Series("input", self.input[:, unit].tolist()),
        ]
        fields = [Field(name, help=text) for name, text in metric_help(self.drive).items()]
        return [
            Lines(f"Response to a {self.drive}", x, series, "step", "value"),
            Table(f"Response to a {self.drive}", fields, [self.metrics[:, unit].tolist()]),
        ]

    def _heatmap(self) -> Heatmap:
        """Units from fast to slow, each between its own least and greatest value."""
        slow = self.metric("settling") if self.drive == "step" else self.metric("lag")
        order = np.argsort(slow, kind="stable")  # NaN, those that never settle, come last
        order = order[np.linspace(0, len(order) - 1, min(_SHOWN[0], len(order))).astype(int)]
        steps = np.linspace(0, len(self.response) - 1, min(_SHOWN[1], len(self.response))).astype(int)
        y = self.response[:, order].astype(np.float64)  # [time unit]
        if len(y) == 0:
            return Heatmap(f"Responses to a {self.drive}", [], [], [], 0.0, 1.0)
        low, high = y.min(axis=0), y.max(axis=0)
        with np.errstate(invalid="ignore"):
            y = (y - low) / (high - low)
        return Heatmap(
            f"Responses to a {self.drive}, from fast to slow",
            [f"{self.site}/{u}" for u in order],
            [str(t) for t in steps],
            y[steps].T.tolist(),
            0.0,
            1.0,
            "step",
            "unit",
            note="each unit from its least (0) to its greatest value (1)",
        )


@dataclass
class Strongest:
    """Each unit's strongest response so far."""

    site: Site
    seen: set[int]
    """Sequences in which the drive was at work."""
    strength: Float[np.ndarray, " unit"]
    sequence: Int[np.ndarray, " unit"]
    input: Float[np.ndarray, "time unit"]
    response: Float[np.ndarray, "time unit"]
    metrics: Float[np.ndarray, "metric unit"]


@dataclass(frozen=True)
class Response(Analysis[Strongest]):
    """Response to a drive.

    The response of each unit to a step, a sine or another made-up input, and the numbers that control theory
    describes it by. Where there are several ways of driving, such as one for each channel, each unit is described
    by its strongest response. Over a layer whose units are taken apart this is the response characterization
    of Hasani et al. 2019 (arXiv 1809.03864).
    """

    drive: str = field(default="step", metadata={"help": "label that says how far the input is: step, sine, impulse …"})
    band: float = field(default=0.1, metadata={"help": "share of the change within which a settled unit stays"})

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.drive,)

    def start(self, site: Site, given: Given) -> Strongest:
        nothing = np.full((0, site.units), np.nan)
        count = len(metric_help(self.drive))
        return Strongest(
            site,
            set(),
            np.full(site.units, -np.inf),
            np.full(site.units, -1),
            nothing,
            nothing.astype(np.float32),
            np.full((count, site.units), np.nan),
        )

    def update(self, state: Strongest, chunk: Chunk) -> None:
        for first, stop in chunk.spans():
            x = chunk.labels[self.drive][first:stop].double().cpu().numpy()
            if np.isnan(x).any():
                continue  # another drive is at work
            # Rounding in float32 is no movement.
            tolerance = 1e-10 if chunk.activations.dtype == torch.float64 else 1e-6
            y = chunk.activations[first:stop].double().cpu().numpy()
            values = self._measure(x, y, tolerance)
            number = int(chunk.sequence[first])
            strength = np.abs(values[list(metric_help(self.drive)).index(_STRENGTH.get(self.drive, "r"))])
            one = Strongest(
                state.site,
                {number},
                np.where(np.isnan(strength), -1.0, strength),
                np.full(state.site.units, number),
                np.repeat(x[:, None], state.site.units, axis=1),
                y.astype(np.float32),
                values,
            )
            merged = self.merge(state, one)
            for part in dataclasses.fields(state):
                setattr(state, part.name, getattr(merged, part.name))

    def merge(self, a: Strongest, b: Strongest) -> Strongest:
        better = (b.strength > a.strength) | ((b.strength == a.strength) & (b.sequence < a.sequence))
        time = max(len(a.response), len(b.response))

        def choose(one: np.ndarray, other: np.ndarray) -> np.ndarray:
            return np.where(better, _longer(other, time), _longer(one, time))

        return Strongest(
            a.site,
            a.seen | b.seen,
            np.where(better, b.strength, a.strength),
            np.where(better, b.sequence, a.sequence),
            choose(a.input, b.input),
            choose(a.response, b.response),
            np.where(better, b.metrics, a.metrics),
        )

    def compute(self, state: Strongest) -> ResponseResult:
        rank = {number: way for way, number in enumerate(sorted(state.seen))}
        return ResponseResult(
            site=state.site.name,
            units=state.site.units,
            drive=self.drive,
            ways=len(state.seen),
            way=np.array([rank.get(int(number), -1) for number in state.sequence], dtype=np.int64),
            input=state.input.copy(),
            response=state.response.copy(),
            metrics=state.metrics.copy(),
        )

    def _measure(
        self, x: Float[np.ndarray, " time"], y: Float[np.ndarray, "time unit"], tolerance: float
    ) -> Float[np.ndarray, "metric unit"]:
        names = metric_help(self.drive)
        values: Mapping[str, np.ndarray] = {}
        changes = np.nonzero(np.diff(x))[0]
        if self.drive == "step" and len(changes):
            values = step_metrics(y, int(changes[0]) + 1, self.band, tolerance=tolerance)
        elif self.drive == "sine" and len(x) >= 16 and len(changes):
            values = sine_metrics(x, y, len(x) // 4, tolerance)
        elif self.drive not in _FORMS:
            values = drive_metrics(x, y, tolerance)
        return np.stack([values.get(name, np.full(y.shape[1], math.nan)) for name in names])


def _longer(values: np.ndarray, time: int) -> np.ndarray:
    """With steps of NaN at the end, up to so many."""
    return np.pad(values, ((0, time - len(values)), (0, 0)), constant_values=np.nan)
