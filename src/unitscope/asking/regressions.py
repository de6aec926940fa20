"""Logistic regressions of a label on all units of a site, learnt on one side and scored on the other.

The regressions of a site share its activations and are fitted side by side (``probing.linear``), on a bounded sample.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import stats
from torch import Tensor

from unitscope.asking.answer import Beyond, Score
from unitscope.asking.folds import Folds
from unitscope.asking.measures import Measure
from unitscope.asking.pieces import Side
from unitscope.evidence.jackknife import jackknife
from unitscope.probing.linear import Penalty, fit_linear

PENALTIES: dict[str, Penalty] = {"logistic": Penalty(l2=1e-3), "logistic-l1": Penalty(l1=1e-3, l2=1e-5)}
TOKENS = 10_000
"""Of each side."""
LEAST = 5
"""Flagged tokens, and others, without which nothing is fitted."""
FEW = "too few tokens with the flag, or without, on one side"


def regressions(measures: Sequence[Measure], folds: Folds, sides: tuple[Side, Side]) -> list[Beyond]:
    """One for every site, label and measure: F1 on tokens that it did not learn from."""
    found: list[Beyond] = []
    labels, flags = folds.columns.names, folds.columns.flags()
    for site, here, there, read in folds.samples(flags, sides, TOKENS, "reading tokens for regressions"):
        x, known = (torch.from_numpy(part.values) for part in (here, there))
        learnt, held = (_classes(torch.from_numpy(part.said)) for part in (here, there))
        bucket = np.array([sides[1].bucket[int(number)] for number in there.sequence], np.int64)
        fit = [k for k in range(len(labels)) if _both(learnt[:, k]) and _both(held[:, k])]
        scores: dict[tuple[str, int], tuple[Score, float]] = {}
        if fit:
            names = [measure.name for measure in measures]
            fitted = fit_linear([x], learnt[:, fit].T.contiguous(), 2, [PENALTIES[name] for name in names])
            for problem in range(len(fitted.site)):
                k, name = fit[int(fitted.target[problem])], names[int(fitted.penalty[problem])]
                odds = []
                for values, truth in ((x, learnt[:, k]), (known, held[:, k])):
                    log_p = fitted.log_probs(problem, values[truth >= 0])
                    odds.append((log_p[:, 1] - log_p[:, 0]).numpy())
                own = (held[:, k] >= 0).numpy()
                there_on, here_on = (held[own, k] == 1).numpy(), (learnt[learnt[:, k] >= 0, k] == 1).numpy()
                before = _f1(here_on, odds[0], np.zeros(len(here_on), np.int64)).value
                scores[name, k] = _f1(there_on, odds[1], bucket[own]), before
        for measure in measures:
            for k, label in enumerate(labels):
                score, before = scores.get((measure.name, k), (Score(note=FEW), np.nan))
                found.append(Beyond(measure.name, site, None, label, score, before, read))
    return found


def _f1(on: Bool[np.ndarray, " token"], odds: Float[np.ndarray, " token"], bucket: Int[np.ndarray, " token"]) -> Score:
    """F1 with its interval over pieces of evidence; beside it the AUC in words."""
    said = odds > 0
    parts = [np.bincount(bucket, part).astype(float) for part in (on & said, on, said)]
    found = jackknife(lambda hits, on, said: 2 * hits / (on + said), parts, np.bincount(bucket).astype(float), "logit")
    ones = int(on.sum())
    area = (stats.rankdata(odds)[on].sum() - ones * (ones + 1) / 2) / ones / (len(on) - ones)
    return Score(float(found.value), float(found.low), float(found.high), f"AUC {area:.3f}")


def _classes(y: Float[Tensor, "token label"]) -> Int[Tensor, "token label"]:
    return torch.where(y.isnan(), -1, (y > 0.5).long())


def _both(classes: Int[Tensor, " token"]) -> bool:
    return min(int((classes == 0).sum()), int((classes == 1).sum())) >= LEAST
