"""Which word is the head of which: bilinear and MLP probes of dependency edges (Hewitt & Liang 2019).

For each word i the probe gives a probability to every word j of its sentence: softmax over j of ``hⱼᵀ A hᵢ`` (bilinear,
A of some rank) or of an MLP of ``[hⱼ ; hᵢ]``. The root has no head and is left out. All problems (site × target × seed)
are trained side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.nonlinear import Inputs
from unitscope.probing.sentences import Lengths
from unitscope.probing.softmax import standardisation
from unitscope.probing.training import Schedule, Trained, drawn, linear, problems, train


@dataclass(frozen=True)
class HeadProbe(Schedule):
    """Options of the training."""

    batch: int = 20
    """Sentences per step."""
    kind: Literal["bilinear", "mlp"] = "bilinear"
    width: int = 64
    """The rank of a bilinear probe, or the hidden units of an MLP."""
    depth: int = 1
    """Hidden layers of an MLP."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1 or self.depth < 1:
            raise InputError(f"rank, width and depth are at least 1, not {self.width} and {self.depth}")


@dataclass(frozen=True)
class Heads(Trained):
    """Fitted probes of heads."""

    how: HeadProbe

    def log_probs(self, problem: int, x: Float[Tensor, "word unit"], lengths: Lengths) -> Float[Tensor, "word longest"]:
        """Logarithms (nats) of each word of the sentence's being the head, by its place; −∞ beyond the sentence."""
        z, one = self.alone(problem, x)
        alone = torch.zeros(1, dtype=torch.int64)
        out = z.new_full((x.shape[0], int(lengths.words.max())), -torch.inf)
        for which in torch.arange(len(lengths)).split(self.how.batch):
            rows, there = lengths.padded(which)
            found = torch.log_softmax(_scores(z, alone, one, self.how, rows, there)[0], 2)  # [sentence word head]
            out[rows[there], : rows.shape[1]] = found[there]
        return out


def fit_heads(
    inputs: Inputs,
    lengths: Lengths,
    targets: Int[Tensor, "target word"],
    development: tuple[Sequence[Float[Tensor, "held unit"]], Lengths, Int[Tensor, "target held"]],
    how: HeadProbe = HeadProbe(),
    seeds: Sequence[int] = (0,),
) -> Heads:
    """Train a probe for every site, target and seed, with Adam and early stopping.

    A target is the place of each word's head in its sentence (or of what a control task says, see ``control_heads``),
    −1 where there is none. Raises ``InputError`` for activations that are not finite and for places beyond a sentence.
    """
    of_word = lengths.words.repeat_interleave(lengths.words)
    if len(of_word) != targets.shape[1] or not bool((targets < of_word).all()):
        wrong = (targets >= of_word).any(0) if len(of_word) == targets.shape[1] else torch.zeros(0)
        where = (
            f"word {int(torch.nonzero(wrong)[0])}" if len(wrong) else f"{len(of_word)} words, not {targets.shape[1]}"
        )
        raise InputError(f"heads do not fit the sentences: {where}; a head is a place in the word's own sentence")
    means, inverses = map(torch.stack, zip(*(standardisation(x) for x in inputs), strict=True))
    x = torch.stack(list(inputs)).sub_(means[:, None]).mul_(inverses[:, None])  # [site word unit]
    held = (torch.stack(list(development[0])) - means[:, None]) * inverses[:, None]
    site, target, seed = problems(len(inputs), len(targets), seeds)
    units, dtype = x.shape[2], x.dtype
    layers = [drawn(units, how.width, seed, 0, dtype), drawn(units, how.width, seed, 1, dtype)]
    if how.kind == "mlp":
        layers += [drawn(how.width, how.width, seed, 2 + i, dtype) for i in range(how.depth - 1)]
        layers.append(drawn(how.width, 1, seed, 9, dtype))

    def losses(
        values: Float[Tensor, "site _ unit"], of: Lengths, y: Int[Tensor, "target _"], which: Int[Tensor, " some"]
    ) -> tuple[Float[Tensor, " problem"], Float[Tensor, " problem"]]:
        """Sums over words, and their numbers."""
        rows, there = of.padded(which)
        logits = _scores(values, site, layers, how, rows, there)
        truth = torch.where(there, y[:, rows], -1)[target]  # [problem sentence word]
        known = truth >= 0
        chosen = torch.log_softmax(logits, 3).gather(3, truth.clamp(min=0)[..., None]).squeeze(3)
        total: Tensor = torch.where(known, chosen, 0.0).sum((1, 2))
        return -total, known.sum((1, 2)).to(total.dtype)

    def loss(which: Int[Tensor, " row"]) -> Float[Tensor, " problem"]:
        total, count = losses(x, lengths, targets, which)
        return total / count.clamp(min=1)

    def on_held() -> Float[Tensor, " problem"]:
        parts = [losses(held, development[1], development[2], w) for w in _batches(development[1], how.batch)]
        return torch.stack([p[0] for p in parts]).sum(0) / torch.stack([p[1] for p in parts]).sum(0).clamp(min=1)

    best = train(layers, loss, len(lengths), on_held, how)
    return Heads(tuple(best), means, inverses, site, target, seed, how)


def control_heads(forms: Sequence[Sequence[str]], seed: int) -> list[Int[Tensor, " word"]]:
    """The control task of edges: a word type's head is always itself, the first or the last word of its sentence.

    ``forms`` are the words of each sentence. Which of the three is drawn at random per type, the same for the same
    seed and set of types.
    """
    types = sorted({form for sentence in forms for form in sentence})
    drawn_kinds = dict(zip(types, np.random.default_rng(seed).integers(3, size=len(types)).tolist(), strict=True))
    return [
        torch.tensor([(place, 0, len(sentence) - 1)[drawn_kinds[form]] for place, form in enumerate(sentence)])
        for sentence in forms
    ]


def _batches(lengths: Lengths, size: int) -> Sequence[Int[Tensor, " some"]]:
    return list(torch.arange(len(lengths)).split(size))


def _scores(
    x: Float[Tensor, "site word unit"],
    site: Int[Tensor, " problem"],
    layers: Sequence[Float[Tensor, "problem _ _"]],
    how: HeadProbe,
    rows: Int[Tensor, "sentence place"],
    there: Tensor,
) -> Float[Tensor, "problem sentence place place"]:
    """Logits [problem sentence dependent head]; −∞ for heads that are padding."""
    flat = x[:, rows.flatten()][site]
    head, dependent = (linear(flat, layer).unflatten(1, rows.shape) for layer in layers[:2])
    if how.kind == "bilinear":
        logits = torch.einsum("psih,psjh->psij", dependent, head) / how.width**0.5
    else:
        hidden = (dependent[:, :, :, None] + head[:, :, None, :]).relu()  # [problem sentence dependent head hidden]
        shape = hidden.shape[1:4]
        hidden = hidden.flatten(1, 3)
        for layer in layers[2:-1]:
            hidden = linear(hidden, layer).relu()
        logits = linear(hidden, layers[-1]).squeeze(2).unflatten(1, shape)
    masked: Tensor = logits.masked_fill(~there[None, :, None, :], -torch.inf)
    return masked
