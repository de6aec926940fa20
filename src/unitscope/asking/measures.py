"""Everything that can be measured of a unit and a label beside r: the names that ``ask`` takes, and what they say.

What is asked beside it never changes what a measure says.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from unitscope.analyses.association import DIFFERENCES
from unitscope.errors import InputError

Kind = Literal["sums", "counts", "texts", "concepts", "halves", "form", "site"]
"""What it is read from: sums over tokens (``Association``), counts beyond quantiles (``Detection``), means of texts
(``TextMeans``), texts made of concepts, r of both sides; a form is searched for each unit, and of a site all units
are asked together."""
TAIL = 0.005
"""Share of the tokens on which a unit counts as a detector (Network Dissection, Bau et al. 2017)."""


@dataclass(frozen=True)
class Measure:
    """A number of a unit and a label, or of a form or a site."""

    name: str
    help: str
    kind: Kind

    @property
    def of_pairs(self) -> bool:
        """Whether every unit and label has one, so that it can be a condition where units are chosen."""
        return self.kind in ("sums", "counts", "texts", "concepts")


_SUMS = dict(
    zip(
        DIFFERENCES,
        (
            "mean of the unit where the label holds less that elsewhere; of a label that is a flag",
            "the same in standard deviations of the unit",
            "the same over the unit's range, without its sign (labelled selectivity)",
        ),
        strict=True,
    )
)
_FORM = "the best logical form of all flags asked (AND, OR, AND NOT) for the unit's {} 0.5 %, {}; its IoU on other text"
MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("correlation", "Pearson's r, which is always there", "sums"),
        *(Measure(name, says, "sums") for name, says in _SUMS.items()),
        Measure("auroc", "probability that the unit is higher on a token with the flag; 0.5 is no skill", "counts"),
        Measure("precision", "average precision, over the quantiles of the unit", "counts"),
        Measure("iou", "overlap with the unit beyond a quantile, whose level and side are chosen elsewhere", "counts"),
        Measure("iou-highest", "overlap with its highest 0.5 %; detectors have .04 (Network Dissection)", "counts"),
        Measure("iou-lowest", "overlap with the unit's lowest 0.5 %", "counts"),
        Measure("information", "bits that the unit's quantile tells of the flag, less their bias", "counts"),
        Measure("simulation", "r of the unit with what a line, learnt on other text, foretells of it", "halves"),
        Measure("inclusion", "mean over texts with the label less that over others, over its range", "texts"),
        Measure("soft-wpmi", "how much its top texts hold the label, less what all units like (CLIP-Dissect)", "texts"),
        Measure("degree", "mean over a concept repeated to the average length of a text (Na et al. 2019)", "concepts"),
        Measure("degree-once", "the same over the concept alone", "concepts"),
        Measure("formula", _FORM.format("highest", "by beam"), "form"),
        Measure("formula-below", _FORM.format("lowest", "by beam"), "form"),
        Measure("formula-exact", _FORM.format("highest", "of all forms"), "form"),
        Measure("formula-below-exact", _FORM.format("lowest", "of all forms"), "form"),
        Measure("logistic", "all units of a site together: F1 of a logistic regression on other text", "site"),
        Measure("logistic-l1", "the same with few units (l1 penalty)", "site"),
    )
}  # fmt: skip
ALWAYS = ("auroc", "iou", "information")
"""What is measured where nothing is said."""


def measured(names: Sequence[str]) -> tuple[Measure, ...]:
    """The measures of these names, each once. Raises ``InputError`` for an unknown one, with near matches."""
    for name in names:
        if name not in MEASURES:
            near = difflib.get_close_matches(name, MEASURES, n=2)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise InputError(f"no measure is called {name!r}; {hint}there are: {', '.join(MEASURES)}")
    return tuple(MEASURES[name] for name in dict.fromkeys(names))
