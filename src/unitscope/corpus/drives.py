"""Signals made to see how units respond: a step, a sine, an impulse, a ramp, a chirp, or one's own.

A drive moves the input of a model from one point to another and says when it is how far; between which points
is said in data units, so that a unit is asked about inputs of the size that it meets in its data.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.place import WithoutText
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

STEPS = 200
NO_SYMBOL = "·"
"""The one symbol of a corpus whose steps are vectors."""


@dataclass(frozen=True)
class Drive:
    """Position of the input between start and end at each step: 0 at the start, 1 at the end."""

    name: str
    signal: Float[Tensor, " time"]

    def __post_init__(self) -> None:
        if len(self.signal) < 2 or not bool(self.signal.isfinite().all()):
            raise InputError(f"the drive {self.name} needs at least two steps, and every one a finite number")


def step(steps: int = STEPS, onset: int | None = None) -> Drive:
    """Rest, and from ``onset`` on (default: half-way) the other end."""
    return Drive("step", (torch.arange(steps) >= _onset(steps, onset)).double())


def impulse(steps: int = STEPS, onset: int | None = None) -> Drive:
    """The other end for one step only."""
    return Drive("impulse", (torch.arange(steps) == _onset(steps, onset)).double())


def ramp(steps: int = STEPS, onset: int | None = None) -> Drive:
    """From ``onset`` on evenly towards the other end, which is reached at the last step."""
    first = _onset(steps, onset)
    return Drive("ramp", ((torch.arange(steps) - first + 1).double() / (steps - first)).clamp(min=0))


def sine(steps: int = STEPS, frequency: float = 0.05) -> Drive:
    """Around the middle, ``frequency`` periods per step."""
    if not 0 < frequency < 0.5:
        raise InputError(f"a sine has between 0 and 0.5 periods per step, not {frequency}")
    return Drive("sine", (1 + torch.sin(2 * math.pi * frequency * torch.arange(steps).double())) / 2)


def chirp(steps: int = STEPS, slowest: float = 0.005, fastest: float = 0.25) -> Drive:
    """Around the middle, from ``slowest`` evenly to ``fastest`` periods per step."""
    if not 0 <= slowest < fastest <= 0.5:
        raise InputError(
            f"a chirp goes from slow to fast, at most 0.5 periods per step, not from {slowest} to {fastest}"
        )
    t = torch.arange(steps).double()
    periods = slowest * t + (fastest - slowest) * t**2 / (2 * steps)
    return Drive("chirp", (1 + torch.sin(2 * math.pi * periods)) / 2)


def _onset(steps: int, onset: int | None) -> int:
    first = steps // 2 if onset is None else onset
    if not 2 <= first < steps:
        raise InputError(f"the input of {steps} steps can change at step 2 to {steps - 1}, not at {first}")
    return first


DRIVES = {made.__name__: made for made in (step, sine, impulse, ramp, chirp)}


@dataclass(frozen=True)
class Ends:
    """The points between which the input moves, one pair for each way of driving."""

    start: Float[Tensor, "way channel"]
    end: Float[Tensor, "way channel"]

    @property
    def length(self) -> Float[Tensor, " way"]:
        """The distance between the points."""
        return (self.end - self.start).square().sum(1).sqrt()


def each_channel(data: Float[Tensor, "token channel"], share: float = 0.05) -> Ends:
    """Each channel on its own from its low to its high quantile while the others rest at their means.

    A channel that is nearly always the same (one symbol of many) has no quantiles apart: it goes from its
    smallest to its largest value. Raises ``InputError`` if no channel ever changes.
    """
    low, high = _quantiles(data, share)
    rest = data.double().mean(0).expand(len(low), -1)
    on = torch.eye(len(low), dtype=torch.bool)
    moves = high > low
    return Ends(torch.where(on, low, rest)[moves], torch.where(on, high, rest)[moves])


def together(data: Float[Tensor, "token channel"], share: float = 0.05) -> Ends:
    """All channels at once, each from its low to its high quantile."""
    low, high = _quantiles(data, share)
    return Ends(low[None], high[None])


def principal(data: Float[Tensor, "token channel"], share: float = 0.05) -> Ends:
    """Along the direction in which the data varies most, between the quantiles of the data there."""
    x = data.double()
    mean = x.mean(0)
    direction = torch.linalg.svd(x - mean, full_matrices=False).Vh[0]
    low, high = _quantiles(((x - mean) @ direction)[:, None], share)
    return Ends((mean + low * direction)[None], (mean + high * direction)[None])


def _quantiles(data: Tensor, share: float) -> tuple[Float[Tensor, " channel"], Float[Tensor, " channel"]]:
    if not bool(data.isfinite().all()):
        raise InputError("the data that a drive takes its range from holds values that are not finite")
    ordered = data.double().sort(dim=0).values  # torch.quantile refuses large inputs
    low, high = (ordered[round(q * (len(ordered) - 1))] for q in (share, 1 - share))
    flat = low == high
    low, high = torch.where(flat, ordered[0], low), torch.where(flat, ordered[-1], high)
    if not bool((high > low).any()):
        raise InputError("no channel of the data ever changes, so there is no range to drive it over")
    return low, high


@dataclass(frozen=True)
class DriveCorpus(WithoutText):
    """Every drive along every way, a sequence each. Its labels say how far the input is, by the drive's name."""

    drives: Sequence[Drive]
    ends: Ends
    dtype: torch.dtype = torch.float64

    def __post_init__(self) -> None:
        names = [drive.name for drive in self.drives]
        if not names or len(set(names)) < len(names):
            raise InputError(f"drives need names of their own, at least one: {', '.join(names) or 'none'}")

    @property
    def name(self) -> str:
        return ", ".join(drive.name for drive in self.drives)

    @cached_property
    def fingerprint(self) -> str:
        parts = [self.ends.start, self.ends.end, *(drive.signal for drive in self.drives)]
        digest = hashlib.sha256(f"{self.name} {self.dtype}".encode())
        for part in parts:
            digest.update(part.double().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @property
    def annotations(self) -> list[str]:
        return [drive.name for drive in self.drives]

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary((NO_SYMBOL,))

    @property
    def channels(self) -> int:
        return self.ends.start.shape[1]

    def __len__(self) -> int:
        return len(self.drives) * len(self.ends.start)

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [len(self._drive(number).signal) for number in sequences]

    def batch(self, sequences: Sequence[int]) -> Batch:
        rows = []
        for number in sequences:
            way = number % len(self.ends.start)
            signal = self._drive(number).signal[:, None].to(self.ends.start)
            rows.append(self.ends.start[way] + signal * (self.ends.end[way] - self.ends.start[way]))  # [time channel]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(self.dtype)
        return Batch(
            tokens=tokens,
            targets=torch.full(tokens.shape[:2], -1),
            context=torch.zeros(len(rows), dtype=torch.long),
            lengths=torch.tensor([len(row) for row in rows]),
            sequence=torch.tensor(list(sequences)),
        )

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """Distance of the input from the start, in data units; NaN where another drive is at work."""
        if name not in self.annotations:
            raise InputError(f"no drive is called {name!r}; there are: {', '.join(self.annotations)}")
        drive = self._drive(sequence)
        if drive.name != name:
            return torch.full((len(drive.signal),), math.nan, dtype=torch.float64)
        return drive.signal.double() * self.ends.length[sequence % len(self.ends.start)].double()

    def describe(self) -> dict[str, str]:
        return {"corpus": f"{self.name} over {len(self.ends.start)} ways of {self.channels} channels"}

    def _drive(self, sequence: int) -> Drive:
        return self.drives[sequence // len(self.ends.start)]
