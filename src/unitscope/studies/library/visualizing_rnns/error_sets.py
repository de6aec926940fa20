"""Which characters a model gets wrong, and how far the errors of several models are the same.

An error is a character to which the model gave less than one half (Karpathy, Johnson & Fei-Fei 2015).

    sets = error_sets({"lstm": held_out.scores(net), "20-gram": held_out.ngram_scores(ngram)[20]})
    sets.rates()["lstm"], sets.jaccard("lstm", "20-gram"), sets.views()
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from unitscope.studies.library.visualizing_rnns.held_out import Estimate, estimate
from unitscope.views import Field, Heatmap, Table, View

HALF = math.log(0.5)


@dataclass(frozen=True, eq=False)
class ErrorSets:
    """The errors of several models on the same characters."""

    wrong: Mapping[str, Bool[np.ndarray, "stretch character"]]

    def rates(self) -> dict[str, Estimate]:
        """The share of characters that each model gets wrong."""
        return {name: estimate(wrong.astype(np.float64)) for name, wrong in self.wrong.items()}

    def jaccard(self, a: str, b: str) -> Estimate:
        """Characters that both get wrong, as a share of those that either does."""
        both, either = self.wrong[a] & self.wrong[b], self.wrong[a] | self.wrong[b]
        return estimate(both.astype(np.float64), either)

    def regions(self, names: Sequence[str]) -> dict[tuple[str, ...], int]:
        """Number of characters that exactly these of the named models get wrong, for every subset: a Venn diagram."""
        code = sum((self.wrong[name].astype(np.int64) << place for place, name in enumerate(names)), np.int64(0))
        counts = np.bincount(np.ravel(code), minlength=1 << len(names))
        return {
            tuple(name for place, name in enumerate(names) if choice >> place & 1): int(counts[choice])
            for choice in range(1, 1 << len(names))
        }

    def views(self, venn: Sequence[str] = ()) -> list[View]:
        """Rates, overlaps of all pairs, and the regions of the models of ``venn`` (the first three if not given)."""
        names = list(self.wrong)
        made: list[View] = [self._rates()]
        if len(names) > 1:
            table = np.eye(len(names))
            for (i, a), (j, b) in itertools.combinations(enumerate(names), 2):
                table[i, j] = table[j, i] = self.jaccard(a, b).mean
            note = "characters that both get wrong, as a share of those that either does"
            made.append(Heatmap("Overlap of the errors (Jaccard)", names, names, table.tolist(), 0.0, 1.0, note=note))
            made.append(self._venn(list(venn) or names[:3]))
        return made

    def _rates(self) -> Table:
        fields = [Field("model", "text"), Field("errors", "integer"), Field("share", "share"), Field("95 %", "text")]
        rows = []
        for name, rate in self.rates().items():
            rows.append([name, int(self.wrong[name].sum()), rate.mean, f"{rate.low:.2%} to {rate.high:.2%}"])
        size = next(iter(self.wrong.values())).size if self.wrong else 0
        return Table("Errors: characters given less than 0.5", fields, rows, f"of {size:,} characters")

    def _venn(self, names: Sequence[str]) -> Table:
        regions = self.regions(names)
        total = max(1, sum(regions.values()))
        order = sorted(regions, key=lambda chosen: -regions[chosen])
        rows = [[" and ".join(chosen), regions[chosen], regions[chosen] / total] for chosen in order]
        fields = [Field("wrong are just", "text"), Field("characters", "integer"), Field("of all errors", "share")]
        return Table("Whose errors they are", fields, rows)


def error_sets(scores: Mapping[str, Float[np.ndarray, "stretch character"]]) -> ErrorSets:
    """From log-probabilities of the same characters by several models."""
    return ErrorSets({name: values < HALF for name, values in scores.items()})
