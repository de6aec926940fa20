"""Structural probes: a linear map after which squared distances are tree distances (Hewitt & Manning 2019).

Distance: ‖B(hᵢ − hⱼ)‖² is fitted to the edges between two words of the syntax tree. Depth: ‖B hᵢ‖² is fitted to the
edges between a word and the root. Loss: the absolute error, divided by the pairs or words of the sentence.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import stats
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor

from unitscope.corpus.sentence import ROOT
from unitscope.errors import InputError
from unitscope.probing.nonlinear import Inputs
from unitscope.probing.sentences import Lengths, tree_depths, tree_distances
from unitscope.probing.training import Schedule, problems, train

Kind = Literal["distance", "depth"]
SHORTEST, LONGEST = 5, 50
"""Lengths of sentences over which correlations are averaged."""


@dataclass(frozen=True)
class Structure(Schedule):
    """Options of the training."""

    batch: int = 20
    """Sentences per step."""
    kind: Kind = "distance"
    rank: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank < 1:
            raise InputError(f"a structural probe has rank 1 or more, not {self.rank}")


@dataclass(frozen=True)
class Structural:
    """Fitted probes; problem p is of ``site[p]`` and ``seed[p]``."""

    how: Structure
    map: Float[Tensor, "problem unit rank"]
    """For units as they are."""
    site: Int[Tensor, " problem"]
    seed: Int[Tensor, " problem"]

    def predict(self, problem: int, x: Float[Tensor, "word unit"], lengths: Lengths) -> list[Float[Tensor, "..."]]:
        """Squared distances [word word], or depths [word], of each sentence."""
        z = x @ self.map[problem]
        return [_predicted(part[None], self.how.kind)[0] for part in lengths.split(z)]


def fit_structural(
    inputs: Inputs,
    lengths: Lengths,
    heads: Int[Tensor, " word"],
    development: tuple[Sequence[Float[Tensor, "held unit"]], Lengths, Int[Tensor, " held"]],
    how: Structure = Structure(),
    seeds: Sequence[int] = (0,),
) -> Structural:
    """Train a probe for every site and seed, with Adam and early stopping.

    ``heads`` are places in the word's own sentence, ``ROOT`` for its root. Raises ``InputError`` for activations that
    are not finite, and for heads that form no tree.
    """
    x, held = torch.stack(list(inputs)), torch.stack(list(development[0]))
    # One factor per site: which units vary most is part of the geometry that is asked about.
    size = x.square().mean((1, 2)).sqrt()
    if not bool(torch.isfinite(size).all()):
        wrong = int(torch.nonzero(~torch.isfinite(size))[0])
        raise InputError(f"site {wrong} has activations that are not finite; probes need finite activations")
    scale = 1 / size.clamp(min=torch.finfo(x.dtype).tiny)[:, None, None]
    x, held = x * scale, held * scale
    site, _, seed = problems(len(inputs), 1, seeds)
    start = [
        torch.rand(x.shape[2], how.rank, generator=torch.Generator().manual_seed(number)) for number in seed.tolist()
    ]
    weight = ((torch.stack(start) - 0.5) / 10).to(x.dtype)  # as the paper: uniform within 0.05
    truths = (_gold(lengths, heads, how.kind, x.dtype), _gold(development[1], development[2], how.kind, x.dtype))

    def losses(
        values: Float[Tensor, "site _ unit"], of: Lengths, gold: Sequence[Tensor], which: Int[Tensor, " some"]
    ) -> Float[Tensor, "problem some"]:
        rows, there = of.padded(which)
        z = torch.bmm(values[:, rows.flatten()][site], weight).unflatten(1, rows.shape)
        error = (_predicted(z, how.kind) - _padded_gold([gold[i] for i in which.tolist()], rows.shape[1])).abs()
        mask = there[:, :, None] & there[:, None, :] if how.kind == "distance" else there
        total = (error * mask).flatten(2).sum(2)
        return total / mask.flatten(1).sum(1)

    def on_held() -> Float[Tensor, " problem"]:
        parts = torch.arange(len(development[1])).split(how.batch)
        return torch.cat([losses(held, development[1], truths[1], part) for part in parts], 1).mean(1)

    (best,) = train([weight], lambda which: losses(x, lengths, truths[0], which).mean(1), len(lengths), on_held, how)
    return Structural(how, best * scale[site], site, seed)


@dataclass(frozen=True)
class TreeScores:
    """Scores of trees on held-out sentences. NaN for a kind of probe that was not requested."""

    uuas: float = float("nan")
    """Share of the edges of the true trees, direction aside, that are in the minimum spanning tree."""
    spearman: float = float("nan")
    """Correlation of predicted and true distances (or depths), averaged by length of sentence, then over lengths."""
    root: float = float("nan")
    """Share of the sentences whose least deep word is the root."""


def tree_scores(
    predicted: Sequence[Float[Tensor, "..."]],
    lengths: Lengths,
    heads: Int[Tensor, " word"],
    counted: Bool[Tensor, " word"] | None = None,
) -> TreeScores:
    """Scores of squared distances or depths. ``counted`` words are those that are no punctuation (all if not given)."""
    counted = torch.ones_like(heads, dtype=torch.bool) if counted is None else counted
    by_length: dict[int, list[float]] = defaultdict(list)
    hit = edges = roots = 0
    for values, own, there in zip(predicted, lengths.split(heads), lengths.split(counted), strict=True):
        parents = own.tolist()
        if values.dim() == 1:
            by_length[len(own)].append(_spearman(values, tree_depths(parents)))
            usable = torch.where(there, values, torch.inf)
            roots += parents[int(usable.argmin())] == ROOT
            continue
        gold = tree_distances(parents)
        by_length[len(own)].append(float(np.mean([_spearman(values[i], gold[i]) for i in range(len(own))])))
        true = {frozenset((i, h)) for i, h in enumerate(parents) if h != ROOT and there[i] and there[h]}
        kept = torch.nonzero(there).squeeze(1).tolist()
        edges += len(true)
        hit += len(true & {frozenset((kept[i], kept[j])) for i, j in _spanning(values[there][:, there])})
    usual = [float(np.nanmean(v)) for n, v in by_length.items() if SHORTEST <= n <= LONGEST and not np.isnan(v).all()]
    spearman = float(np.mean(usual)) if usual else float("nan")
    if predicted and predicted[0].dim() == 1:
        return TreeScores(spearman=spearman, root=roots / len(lengths))
    return TreeScores(uuas=hit / max(edges, 1), spearman=spearman)


def chain(lengths: Lengths) -> list[Float[Tensor, "..."]]:
    """Distances if every word hung on the one before it: the baseline of word order."""
    places = [torch.arange(n, dtype=torch.float32) for n in lengths.words.tolist()]
    return [(place[:, None] - place).abs() for place in places]


def _predicted(z: Float[Tensor, "... word rank"], kind: Kind) -> Float[Tensor, "..."]:
    if kind == "depth":
        return z.square().sum(-1)
    squares = z.square().sum(-1)
    return (squares[..., :, None] + squares[..., None, :] - 2 * z @ z.transpose(-1, -2)).clamp(min=0)


def _gold(lengths: Lengths, heads: Int[Tensor, " word"], kind: Kind, dtype: torch.dtype) -> list[Tensor]:
    made = tree_distances if kind == "distance" else tree_depths
    found = [made(part.tolist()).to(dtype) for part in lengths.split(heads)]
    for number, values in enumerate(found):
        if not bool(torch.isfinite(values).all()):
            raise InputError(f"sentence {number} has words that no path joins; leave it out, or give it one root")
    return found


def _padded_gold(parts: Sequence[Tensor], width: int) -> Float[Tensor, "..."]:
    out = parts[0].new_zeros(len(parts), *[width] * parts[0].dim())
    for row, part in enumerate(parts):
        inside = out[row]
        for axis in range(part.dim()):
            inside = inside.narrow(axis, 0, len(part))
        inside.copy_(part)
    return out


def _spanning(distances: Float[Tensor, "word word"]) -> list[tuple[int, int]]:
    # A distance of zero means "no edge" to scipy, so all are raised by the same small amount.
    lifted = distances.double().numpy() + 1e-9 * (1 + float(distances.max()) if len(distances) else 1.0)
    tree = minimum_spanning_tree(np.triu(lifted, 1)).tocoo()
    return list(zip(tree.row.tolist(), tree.col.tolist(), strict=True))


def _spearman(values: Float[Tensor, " word"], truth: Float[Tensor, " word"]) -> float:
    if len(values) < 2 or float(values.std()) == 0 or float(truth.std()) == 0:
        return float("nan")
    return float(stats.spearmanr(values.double().numpy(), truth.double().numpy()).statistic)
