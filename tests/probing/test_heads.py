import pytest
import torch
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.heads import HeadProbe, Heads, control_heads, fit_heads
from unitscope.probing.sentences import Lengths


def partners(sentences: int, seed: int) -> tuple[Tensor, Lengths, Tensor]:
    """Words with keys: a word's head is the other one with the same key. Each of three keys occurs twice."""
    generator = torch.Generator().manual_seed(seed)
    x, heads = [], []
    for _ in range(sentences):
        keys = torch.tensor([0, 0, 1, 1, 2, 2])[torch.randperm(6, generator=generator)]
        x.append(torch.nn.functional.one_hot(keys, 8).float() + 0.1 * torch.randn(6, 8, generator=generator))
        x[-1][torch.arange(6), 3] = torch.arange(6) / 3.0  # its place, which tells a word from itself
        same = (keys[:, None] == keys) & ~torch.eye(6, dtype=torch.bool)
        heads.append(same.long().argmax(1))
    return torch.cat(x), Lengths(torch.full((sentences,), 6)), torch.cat(heads)


def right(fit: Heads, problem: int, x: Tensor, lengths: Lengths, heads: Tensor) -> float:
    return float((fit.log_probs(problem, x, lengths).argmax(1) == heads).float().mean())


@pytest.mark.parametrize(
    ("how", "least"),
    [
        (HeadProbe(epochs=40, rate=2e-2, width=8), 0.9),
        (HeadProbe(epochs=40, rate=2e-2, width=32, kind="mlp", depth=2), 0.9),
    ],
)
def test_heads_are_found(how: HeadProbe, least: float) -> None:
    (x, lengths, heads), (held, others, truth) = partners(150, 0), partners(60, 1)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    fit = fit_heads([x, noise], lengths, heads[None], ([held, held], others, truth[None]), how)
    assert right(fit, 0, held, others, truth) > least
    assert right(fit, 1, held, others, truth) < 0.5


def test_probabilities_end_with_the_sentence() -> None:
    x, _, _ = partners(2, 0)
    lengths = Lengths(torch.tensor([2, 7, 3]))
    heads = torch.tensor([1, -1, 0, 1, 2, 3, 4, 5, -1, 1, 2, -1])
    fit = fit_heads([x], lengths, heads[None], ([x], lengths, heads[None]), HeadProbe(epochs=1))
    log_p = fit.log_probs(0, x, lengths)
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(12))
    assert bool(torch.isinf(log_p[0, 2:]).all())
    assert bool(torch.isfinite(log_p[5]).all())
    # Against the formula, word by word.
    z = (x - fit.mean[0]) * fit.inverse[0]
    head, dependent = (z @ layer[0, :-1] + layer[0, -1] for layer in fit.layers)
    logits = dependent[10] @ head[9:12].T / 8
    torch.testing.assert_close(log_p[10, :3], logits.log_softmax(0), atol=1e-5, rtol=1e-5)


def test_company_changes_nothing() -> None:
    (x, lengths, heads), (y, _, others) = partners(20, 0), partners(20, 1)
    x, y = x.double(), y.double()
    both, how = torch.stack([heads, others]), HeadProbe(epochs=2, width=4)
    together = fit_heads([x, y], lengths, both, ([x, y], lengths, both), how, seeds=(0, 2))
    alone = fit_heads([y], lengths, both[1:], ([y], lengths, both[1:]), how, seeds=(2,))
    place = [tuple(p) for p in zip(together.site, together.target, together.seed, strict=True)].index((1, 1, 2))
    torch.testing.assert_close(alone.layers[0][0], together.layers[0][place], atol=1e-8, rtol=0)


def test_control_task() -> None:
    forms = [["a", "b", "c", "a"], ["b", "a"]]
    first, second = control_heads(forms, 0)
    for sentence, said in ((forms[0], first), (forms[1], second)):
        assert all(int(h) in (place, 0, len(sentence) - 1) for place, h in enumerate(said))
    assert [s.tolist() for s in control_heads(forms, 0)] == [first.tolist(), second.tolist()]
    many = control_heads([[f"w{i}" for i in range(300)]], 1)[0]
    kinds = [(many == torch.arange(300)).sum(), (many == 0).sum(), (many == 299).sum()]
    assert all(70 < int(kind) < 130 for kind in kinds)


def test_what_does_not_fit() -> None:
    x, lengths, heads = partners(4, 0)
    with pytest.raises(InputError, match=r"word 2; a head is a place"):
        fit_heads([x], lengths, torch.where(torch.arange(24) == 2, 6, heads)[None], ([x], lengths, heads[None]))
    with pytest.raises(InputError, match="23 words, not 24"):
        fit_heads([x], Lengths(torch.tensor([6, 6, 6, 5])), heads[None], ([x], lengths, heads[None]))
    with pytest.raises(InputError, match="not finite"):
        fit_heads([x * torch.nan], lengths, heads[None], ([x], lengths, heads[None]))
    with pytest.raises(InputError, match="at least 1"):
        HeadProbe(width=0)
