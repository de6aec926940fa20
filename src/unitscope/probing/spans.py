"""Probes of spans and of pairs of spans with self-attentive pooling (Tenney et al. 2019, "edge probing").

Every word is projected; the words of a span are weighted by a softmax of learned scores and summed; one or two such
vectors go through a hidden layer to the classes. Each of two spans has a projection and scores of its own. All problems
(site × target × seed) are trained side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.nonlinear import Inputs, dropout_masks
from unitscope.probing.softmax import standardisation
from unitscope.probing.training import Schedule, Trained, cross_entropies, drawn, linear, problems, train

Spans = Int[Tensor, "_ part 2"]
"""First word and the one after the last of each example's one or two spans, as rows of the activations."""


@dataclass(frozen=True)
class SpanProbe(Schedule):
    """Options of the training."""

    batch: int = 100
    projection: int = 64
    """Units after the projection (256 in the paper)."""
    width: int = 64
    """Units of the hidden layer (256 in the paper)."""
    dropout: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.projection < 1 or self.width < 1 or not 0 <= self.dropout < 1:
            raise InputError("a probe of spans has at least 1 unit in each layer and dropout from 0 to below 1")


@dataclass(frozen=True)
class FittedSpans(Trained):
    """Fitted probes of spans."""

    how: SpanProbe

    def log_probs(self, problem: int, x: Float[Tensor, "word unit"], spans: Spans) -> Float[Tensor, "example class"]:
        """Logarithms (nats) of each class's probability."""
        z, one = self.alone(problem, x)
        alone = torch.zeros(1, dtype=torch.int64)
        parts = [torch.log_softmax(_logits(z, alone, one, part)[0], 1) for part in spans.split(4 * self.how.batch)]
        return torch.cat(parts)


def fit_spans(
    inputs: Inputs,
    spans: Spans,
    targets: Int[Tensor, "target example"],
    classes: int,
    development: tuple[Sequence[Float[Tensor, "held unit"]], Spans, Int[Tensor, "target other"]],
    how: SpanProbe = SpanProbe(),
    seeds: Sequence[int] = (0,),
) -> FittedSpans:
    """Train a probe for every site, target and seed, with Adam and early stopping.

    A class is a number below ``classes``, −1 where a target is undefined. Raises ``InputError`` for activations that
    are not finite, and for spans that are empty or reach beyond the words.
    """
    for said, words in ((spans, len(inputs[0])), (development[1], len(development[0][0]))):
        wrong = (said[..., 0] < 0) | (said[..., 0] >= said[..., 1]) | (said[..., 1] > words)
        if bool(wrong.any()):
            number = int(torch.nonzero(wrong.any(1))[0])
            raise InputError(f"example {number} has the spans {said[number].tolist()}, empty or beyond {words} words")
    means, inverses = map(torch.stack, zip(*(standardisation(x) for x in inputs), strict=True))
    x = torch.stack(list(inputs)).sub_(means[:, None]).mul_(inverses[:, None])  # [site word unit]
    held = (torch.stack(list(development[0])) - means[:, None]) * inverses[:, None]
    site, target, seed = problems(len(inputs), len(targets), seeds)
    pieces, dtype = spans.shape[1], x.dtype
    layers = []
    for piece in range(pieces):
        layers.append(drawn(x.shape[2], how.projection, seed, 2 * piece, dtype))
        layers.append(drawn(how.projection, 1, seed, 2 * piece + 1, dtype))
    layers.append(drawn(pieces * how.projection, how.width, seed, 8, dtype))
    layers.append(drawn(how.width, classes, seed, 9, dtype))
    masks = torch.Generator().manual_seed(1)

    def loss(rows: Int[Tensor, " row"]) -> Float[Tensor, " problem"]:
        kept = dropout_masks(how.dropout, [(len(rows), how.width)], masks, dtype)
        return cross_entropies(_logits(x, site, layers, spans[rows], *kept), targets[target][:, rows])

    def on_held() -> Float[Tensor, " problem"]:
        parts = [_logits(held, site, layers, part) for part in development[1].split(4 * how.batch)]
        return cross_entropies(torch.cat(parts, 1), development[2][target])

    best = train(layers, loss, len(spans), on_held, how)
    return FittedSpans(tuple(best), means, inverses, site, target, seed, how)


def _logits(
    x: Float[Tensor, "site word unit"],
    site: Int[Tensor, " problem"],
    layers: Sequence[Float[Tensor, "problem _ _"]],
    spans: Spans,
    kept: Float[Tensor, "example hidden"] | None = None,
) -> Float[Tensor, "problem example class"]:
    pooled = [
        attentive(x, site, spans[:, piece], layers[2 * piece], layers[2 * piece + 1]) for piece in range(spans.shape[1])
    ]
    hidden = linear(torch.cat(pooled, 2), layers[-2]).relu()
    return linear(hidden if kept is None else hidden * kept, layers[-1])


def attentive(
    x: Float[Tensor, "site word unit"],
    site: Int[Tensor, " problem"],
    ranges: Int[Tensor, "example 2"],
    projection: Float[Tensor, "problem unit1 inner"],
    score: Float[Tensor, "problem inner1 1"],
) -> Float[Tensor, "problem example inner"]:
    """Projected words, weighted by a softmax of their scores inside each range."""
    longest = torch.arange(int((ranges[:, 1] - ranges[:, 0]).max()))
    there = longest < (ranges[:, 1] - ranges[:, 0])[:, None]  # [example place]
    rows = ranges[:, :1] + torch.where(there, longest, 0)
    inner = linear(x[:, rows.flatten()][site], projection)  # [problem example*place inner]
    weight = linear(inner, score).squeeze(2).unflatten(1, rows.shape)
    weight = weight.masked_fill(~there, -torch.inf).softmax(2)
    return torch.einsum("pel,peli->pei", weight, inner.unflatten(1, rows.shape))
