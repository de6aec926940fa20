"""A number that a study found, with how sure it is, and the bar that a statement sets for it.

The verdict follows from the two alone: a statement *holds* where the whole interval is on its side of the bar, *does
not hold* where the whole interval is on the other, and else is *not decided*: an underpowered no is no "no". A number
without an interval that is not exact decides nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from unitscope.evidence import ratio
from unitscope.evidence.jackknife import Estimate

Number = int | float
Verdict = Literal["holds", "does not hold", "not decided"]
HOLDS: Verdict = "holds"
FAILS: Verdict = "does not hold"
OPEN: Verdict = "not decided"


@dataclass(frozen=True)
class Value:
    """A measured number. NaN ends are those of no interval."""

    mean: float
    low: float = math.nan
    high: float = math.nan
    note: str = ""
    """Of what the number is made: runs, networks, p."""
    why_not: str = ""
    """Why nothing can be concluded from it, such as a network below its baseline; empty where it can."""

    def __str__(self) -> str:
        if math.isnan(self.low) or math.isnan(self.high):
            return short(self.mean)
        if self.low == self.high:
            return short(self.mean)
        return f"{short(self.mean)} ({short(self.low)} to {short(self.high)})"

    def noted(self, note: str) -> "Value":
        """The same with more to say of it."""
        return replace(self, note="; ".join(part for part in (self.note, note) if part))

    def unless(self, why: str) -> "Value":
        """The same, from which nothing is concluded if there is a reason not to."""
        return replace(self, why_not="; ".join(part for part in (self.why_not, why) if part))


def exact(number: Number, note: str = "") -> Value:
    """A number that is what it is: counted, or the same in every run by construction."""
    return Value(float(number), float(number), float(number), note)


def missing(why: str) -> Value:
    """No number, and why."""
    return Value(math.nan, why_not=why)


def of_runs(values: Sequence[Number], note: str = "") -> Value:
    """The mean over trained runs with Student's interval; of fewer than two runs there is none."""
    known = [float(value) for value in values if math.isfinite(value)]
    if not known:
        return missing("no run has the number")
    said = "; ".join(part for part in (f"{len(known)} runs: {', '.join(map(short, known))}", note) if part)
    if len(set(known)) == 1:  # no spread to read: as many runs agree to the last digit
        one = known[0]
        return Value(one, one, one, said) if len(known) > 2 else Value(one, note=said)
    found = ratio.of_values(np.array(known))
    return Value(float(found.value), *_ends(found), said)


def of_pairs(ours: Sequence[Number], theirs: Sequence[Number], note: str = "") -> Value:
    """The mean difference of pairs of runs that began alike, with Student's interval."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    means = f"means {short(_mean(ours))} and {short(_mean(theirs))}"
    return of_runs(differences, "; ".join(part for part in (means, note) if part))


def of_pieces(sums: Float[np.ndarray, " piece"], counts: Float[np.ndarray, " piece"], note: str = "") -> Value:
    """A mean per token over pieces of evidence, such as the stretches of a text."""
    return of_estimate(ratio.mean(np.asarray(sums, float), np.asarray(counts, float)), note)


def of_estimate(found: Estimate, note: str = "") -> Value:
    """One number that the room of evidence made."""
    return Value(float(found.value), *_ends(found), note)


def share(having: Mapping[str, bool] | Sequence[bool], note: str = "") -> Value:
    """In how many of the trainings there is something: the share, with Wilson's interval."""
    flags = list(having.values()) if isinstance(having, Mapping) else list(having)
    if not flags:
        return missing("no run")
    mean, low, high = ratio.share(np.array(flags, float), np.ones(len(flags)))
    said = f"{sum(flags)} of {len(flags)}"
    if isinstance(having, Mapping) and 0 < sum(flags) < len(flags):
        said += f" ({', '.join(name for name, has in having.items() if has)})"
    return Value(mean, low, high, "; ".join(part for part in (said, note) if part))


@dataclass(frozen=True)
class Bar:
    """Bar of a claim: two ends between which its number lies, which are on its side."""

    says: str
    low: Number = -math.inf
    high: Number = math.inf
    decides: bool = True
    """False where the number is told and no more."""

    def verdict(self, value: Value) -> Verdict:
        """Verdict."""
        if value.why_not or not self.decides or not (math.isfinite(value.low) and math.isfinite(value.high)):
            return OPEN
        if self.low <= value.low and value.high <= self.high:
            return HOLDS
        return FAILS if value.high < self.low or value.low > self.high else OPEN


def above(bar: Number) -> Bar:
    """More than a number."""
    return Bar(f"above {short(bar)}", low=math.nextafter(bar, math.inf))


def below(bar: Number) -> Bar:
    """Less than a number."""
    return Bar(f"below {short(bar)}", high=math.nextafter(bar, -math.inf))


def between(low: Number, high: Number) -> Bar:
    """As good as equal: within these ends."""
    return Bar(f"{short(low)} to {short(high)}", low, high)


def equals(number: Number, tolerance: Number = 0.0) -> Bar:
    """A number that is known."""
    says = short(number) + (f" ± {short(tolerance)}" if tolerance else "")
    return Bar(says, number - tolerance, number + tolerance)


def reported() -> Bar:
    """Nothing: the number is told, and no more."""
    return Bar("reported", decides=False)


def short(number: Number) -> str:
    """Three digits."""
    if math.isnan(number):
        return "–"
    if float(number).is_integer() and abs(number) < 1e6:
        return f"{int(number):,}"
    return f"{number:.3g}" if abs(number) < 0.01 else f"{number:.3f}" if abs(number) < 100 else f"{number:,.1f}"


def _ends(found: Estimate) -> tuple[float, float]:
    return float(found.low), float(found.high)


def _mean(values: Sequence[Number]) -> float:
    return float(np.mean(values)) if len(values) else math.nan
