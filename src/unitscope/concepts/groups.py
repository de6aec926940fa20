"""How well all units of a site together tell a hypothesis: logistic regressions, fitted as one problem.

The regressions of a site share its activations and are fitted side by side (``probing.linear``). They see a bounded
sample: the first batches of the random order train them, later ones test them; no document is on both sides.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import stats
from torch import Tensor

from unitscope.concepts.fold import batches_of
from unitscope.concepts.questions import Questions
from unitscope.errors import InputError
from unitscope.probing.linear import Penalty, fit_linear
from unitscope.source.source import Source

GROUPS: dict[str, Penalty] = {"logistic": Penalty(l2=1e-3), "logistic-l1": Penalty(l1=1e-3, l2=1e-5)}
"""Group measures by name: F1 on held-out tokens of a logistic regression with this penalty."""
TRAIN, TEST = 10_000, 10_000
"""Tokens."""
LEAST = 5
"""Flagged tokens, and others, without which nothing is fitted."""


def fit_groups(
    source: Source, questions: Questions, units: Mapping[str, Int[np.ndarray, " unit"]], names: Sequence[str]
) -> list[dict[str, object]]:
    """A row for each site, hypothesis and measure; NaN where either side has too few tokens with or without the flag.

    A number is a flag above its median of the training tokens. Besides F1 there is the AUROC (``NAME auroc``).
    Raises ``InputError`` for a source that is too small to be divided.
    """
    batches = batches_of(source)
    if len(batches) < 2:
        raise InputError(f"{source.name} has too few documents to train a logistic regression and to test it")
    half = len(batches) // 2
    train, trained = _take(source, questions, units, batches[:half], TRAIN)
    test, tested = _take(source, questions, units, batches[half:], TEST)
    read = (trained + tested) / sum(map(len, batches))
    rows: list[dict[str, object]] = []
    for site, (x, y) in train.items():
        flags = torch.from_numpy(questions.hypotheses.is_flag)
        cut = torch.where(flags, 0.5, y.nanmedian(0).values)
        seen, held = _classes(y, cut), _classes(test[site][1], cut)
        fit = [k for k in range(seen.shape[1]) if _both(seen[:, k]) and _both(held[:, k])]
        scores: dict[tuple[str, int], tuple[float, float]] = {}
        if fit:
            found = fit_linear([x], seen[:, fit].T.contiguous(), 2, [GROUPS[name] for name in names])
            for problem in range(len(found.site)):
                k, name = fit[int(found.target[problem])], names[int(found.penalty[problem])]
                known = held[:, k] >= 0
                log_p = found.log_probs(problem, test[site][0][known])
                scores[name, k] = _scores(held[known, k].numpy() == 1, (log_p[:, 1] - log_p[:, 0]).numpy())
        for name in names:
            for k, hypothesis in enumerate(questions.hypotheses.names):
                f1, auroc = scores.get((name, k), (np.nan, np.nan))
                base = {"site": site, "hypothesis": hypothesis, "read": read}
                rows.append({**base, "measure": name, "value": f1})
                rows.append({**base, "measure": f"{name} auroc", "value": auroc})
    return rows


def _scores(truth: Bool[np.ndarray, " token"], odds: Float[np.ndarray, " token"]) -> tuple[float, float]:
    """F1 and AUROC."""
    said = odds > 0
    f1 = 2 * (truth & said).sum() / (truth.sum() + said.sum())
    ones = truth.sum()
    above = stats.rankdata(odds)[truth].sum() - ones * (ones + 1) / 2
    return float(f1), float(above / ones / (~truth).sum())


def _take(
    source: Source,
    questions: Questions,
    units: Mapping[str, Int[np.ndarray, " unit"]],
    batches: Sequence[Sequence[int]],
    tokens: int,
) -> tuple[dict[str, tuple[Float[Tensor, "token unit"], Float[Tensor, "token hypothesis"]]], int]:
    """About so many tokens of each site with their labels, from the first batches; and how many sequences were read."""
    xs: dict[str, list[Tensor]] = {name: [] for name in units}
    ys: list[Tensor] = []
    read = 0
    for batch in batches:
        for chunks in source.chunks(list(units), (), batch):
            if sum(map(len, ys)) >= tokens:
                break
            sequences = torch.unique_consecutive(next(iter(chunks.values())).sequence).tolist()
            read += len(sequences)
            ys.append(questions.labels(sequences))
            for name, chunk in chunks.items():
                xs[name].append(chunk.activations.float().cpu()[:, torch.from_numpy(units[name])])
    return {name: (torch.cat(xs[name]), torch.cat(ys)) for name in units}, read


def _classes(
    y: Float[Tensor, "token hypothesis"], cut: Float[Tensor, " hypothesis"]
) -> Int[Tensor, "token hypothesis"]:
    return torch.where(y.isnan(), -1, (y > cut).long())


def _both(classes: Int[Tensor, " token"]) -> bool:
    return min(int((classes == 0).sum()), int((classes == 1).sum())) >= LEAST
