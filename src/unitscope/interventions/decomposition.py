"""Contribution of a part of the input to an LSTM's state and scores: contextual decomposition (Murdoch, Liu & Yu 2018).

Every hidden and cell state is split into what a phrase brought (relevant) and all else (irrelevant), step by step, so
that the two sum to the state exactly. A gate's squashed sum is shared out among phrase, rest and bias; products of
shares belong to the phrase if nothing of the rest is in them. The output gate is not split (arXiv 1801.05453).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.models.unroll import Weights

Squash = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Decomposed:
    """Two parts of the hidden states of a layer, which sum to them."""

    relevant: Float[Tensor, "batch time unit"]
    irrelevant: Float[Tensor, "batch time unit"]

    def scores(self, readout: nn.Linear) -> Float[Tensor, "batch time output"]:
        """Contribution of the phrase to each output of a linear readout; the rest adds the other part, and the bias."""
        return self.relevant @ readout.weight.detach().to(self.relevant).T


def decompose(lstm: nn.LSTM, x: Float[Tensor, "batch time channel"], phrase: Bool[Tensor, "batch time"]) -> Decomposed:
    """Split the last layer's hidden states into what the steps of ``phrase`` brought, and the rest.

    ``x`` is what the LSTM reads, such as embeddings, batch first. Many phrases of one text are rows of one batch.
    Raises ``InputError`` for layers that read backwards or project, for which the method is not defined.
    """
    if lstm.bidirectional or lstm.proj_size:
        raise InputError("contextual decomposition is defined for LSTMs that read forwards and do not project")
    parts = Decomposed(torch.where(phrase[..., None], x, 0.0), torch.where(phrase[..., None], 0.0, x))
    for layer in range(lstm.num_layers):
        parts = _layer(Weights.of(lstm, f"_l{layer}"), parts, phrase)
    return parts


@torch.no_grad()
def _layer(weights: Weights, x: Decomposed, phrase: Bool[Tensor, "batch time"]) -> Decomposed:
    units = weights.state.shape[1]
    b_i, b_f, b_g, b_o = (weights.input_bias + weights.state_bias).chunk(4)
    h = h_rest = c = c_rest = x.relevant.new_zeros(len(x.relevant), units)
    found: list[tuple[Tensor, Tensor]] = []
    for t in range(phrase.shape[1]):
        ours = (x.relevant[:, t] @ weights.input.T + h @ weights.state.T).chunk(4, dim=1)
        theirs = (x.irrelevant[:, t] @ weights.input.T + h_rest @ weights.state.T).chunk(4, dim=1)
        i, i_rest, i_bias = shares(ours[0], theirs[0], b_i, torch.sigmoid)
        f, f_rest, f_bias = shares(ours[1], theirs[1], b_f, torch.sigmoid)
        g, g_rest, g_bias = shares(ours[2], theirs[2], b_g, torch.tanh)
        o = torch.sigmoid(ours[3] + theirs[3] + b_o)

        kept, kept_rest = (f + f_bias) * c, (f + f_rest + f_bias) * c_rest + f_rest * c
        new = i * (g + g_bias) + i_bias * g
        new_rest = i_rest * (g + g_rest + g_bias) + (i + i_bias) * g_rest
        # What the biases make among themselves at a step belongs to whoever speaks at that step.
        own = phrase[:, t, None] * (i_bias * g_bias)
        c, c_rest = kept + new + own, kept_rest + new_rest + (i_bias * g_bias - own)

        h, h_rest, _ = shares(c, c_rest, torch.zeros_like(b_i), torch.tanh)
        h, h_rest = o * h, o * h_rest
        found.append((h, h_rest))
    relevant, irrelevant = (torch.stack(part, dim=1) for part in zip(*found, strict=True))
    return Decomposed(relevant, irrelevant)


def shares(
    a: Float[Tensor, "batch unit"], b: Float[Tensor, "batch unit"], bias: Float[Tensor, " unit"], squash: Squash
) -> tuple[Float[Tensor, "batch unit"], Float[Tensor, "batch unit"], Float[Tensor, " unit"]]:
    """Share out squash(a + b + bias): what a and what b add on average over both orders, after the bias came first."""
    none, with_a, with_b, both = squash(bias), squash(a + bias), squash(b + bias), squash(a + b + bias)
    return ((with_a - none) + (both - with_b)) / 2, ((with_b - none) + (both - with_a)) / 2, none
