import pytest
import torch
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.spans import FittedSpans, SpanProbe, attentive, fit_spans

HOW = SpanProbe(epochs=30, rate=1e-2, batch=50, projection=12, width=16, dropout=0.1)


def marked(examples: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Words of which some carry a mark; the class of a span is the mark of the one marked word in it."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(examples * 5, 10, generator=generator)
    y = torch.randint(3, (examples,), generator=generator)
    lengths = torch.randint(1, 6, (examples,), generator=generator)
    first = torch.arange(examples) * 5
    where = first + (torch.rand(examples, generator=generator) * lengths).long()
    x[:, :4] = 0
    x[where, y] = 4
    x[where, 3] = 4
    return x, torch.stack([first, first + lengths], 1)[:, None], y


def right(fit: FittedSpans, problem: int, x: Tensor, spans: Tensor, y: Tensor) -> float:
    return float((fit.log_probs(problem, x, spans).argmax(1) == y).float().mean())


def test_one_span() -> None:
    (x, spans, y), (held, others, truth) = marked(250, 0), marked(150, 1)
    shuffled = y[torch.randperm(250, generator=torch.Generator().manual_seed(0))]
    fit = fit_spans([x], spans, torch.stack([y, shuffled]), 3, ([held], others, torch.stack([truth, truth])), HOW)
    assert right(fit, 0, held, others, truth) > 0.95
    assert right(fit, 1, held, others, truth) < 0.55


def test_two_spans() -> None:
    """The class is whether two spans carry the same mark: neither alone says it."""

    def pairs(seed: int) -> tuple[Tensor, Tensor, Tensor]:
        x, spans, y = marked(600, seed)
        return x, torch.cat([spans[:300], spans[300:]], 1), (y[:300] == y[300:]).long()

    (x, spans, y), (held, others, truth) = pairs(0), pairs(1)
    fit = fit_spans([x], spans, y[None], 2, ([held], others, truth[None]), HOW)
    assert right(fit, 0, held, others, truth) > 0.9


def test_pooling_against_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    x, projection, score = (torch.randn(2, *shape, generator=generator) for shape in ((9, 4), (5, 3), (4, 1)))
    ranges = torch.tensor([[0, 1], [2, 7], [7, 9]])
    pooled = attentive(x, torch.arange(2), ranges, projection, score)
    for p in range(2):
        for e, (start, stop) in enumerate(ranges.tolist()):
            inner = x[p, start:stop] @ projection[p, :-1] + projection[p, -1]
            weight = (inner @ score[p, :-1] + score[p, -1]).softmax(0)
            torch.testing.assert_close(pooled[p, e], (weight * inner).sum(0))


def test_company_changes_nothing() -> None:
    x, spans, y = marked(60, 0)
    x = x.double()
    how = SpanProbe(epochs=2, batch=20, projection=4, width=4)
    both = torch.stack([y, y.flip(0)])
    together = fit_spans([x + 1, x], spans, both, 3, ([x + 1, x], spans, both), how, seeds=(0, 5))
    alone = fit_spans([x], spans, both[1:], 3, ([x], spans, both[1:]), how, seeds=(5,))
    for mine, ours in zip(alone.layers, together.layers, strict=True):
        torch.testing.assert_close(mine[0], ours[7], atol=1e-8, rtol=0)


def test_spans_that_are_none() -> None:
    x, spans, y = marked(5, 0)
    empty = spans.clone()
    empty[1, 0, 1] = 5
    with pytest.raises(InputError, match=r"example 1 has the spans \[\[5, 5\]\], empty or beyond 25 words"):
        fit_spans([x], empty, y[None], 3, ([x], spans, y[None]))
    with pytest.raises(InputError, match="dropout"):
        SpanProbe(dropout=1.0)
