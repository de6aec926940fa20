"""Common part of all translators of characters: read a sentence, and write its translation symbol by symbol."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


@runtime_checkable
class Written(Protocol):
    """A decoder after it has read a sentence: it writes, one symbol after another."""

    def step(self, symbols: Int[Tensor, " batch"]) -> Float[Tensor, "batch symbol"]:
        """Scores of the next symbol after those so far and this one."""
        ...


@runtime_checkable
class Translator(Protocol):
    """The networks of ``bytenet`` and ``attentive``."""

    source: nn.Embedding
    encoder: nn.ModuleList

    def eval(self) -> object: ...

    @property
    def target_end(self) -> int: ...

    def encode(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch place channel"]:
        """The encoder's last block, 0 after the ends of the sentences."""
        ...

    def streams(self) -> dict[str, tuple[int, int]]: ...

    def begin(self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]) -> Written:
        """Read the sentences."""
        ...


class Encoder(nn.Module):
    """The encoder of a translator alone, for sentences that have no translation. It shares the translator's weights."""

    def __init__(self, net: Translator) -> None:
        super().__init__()
        self.source, self.encoder = net.source, net.encoder
        self._encode, self._streams = net.encode, net.streams

    def forward(
        self, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch place channel"]:
        """Its last block, 0 after the ends of the sentences."""
        return self._encode(tokens, lengths)

    def streams(self) -> dict[str, tuple[int, int]]:
        """Those of the translator that are the encoder's."""
        return {path: found for path, found in self._streams().items() if path.startswith("encoder.")}


def own_lengths(
    tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"], end: int
) -> tuple[Int[Tensor, "batch shorter"], Int[Tensor, " batch"]]:
    """Sentences up to their first ``end``, or as long as ``lengths`` say, without the padding that all share."""
    step = torch.arange(tokens.shape[1], device=tokens.device)
    own = ((tokens != end) & (step < lengths[:, None])).cumprod(1).sum(1)
    longest = max(1, int(own.max()))
    inside: Bool[Tensor, "batch shorter"] = step[:longest] < own[:, None]
    return torch.where(inside, tokens[:, :longest], end), own


def before(targets: Int[Tensor, "batch steps"], end: int) -> Int[Tensor, "batch steps"]:
    """Symbol before each symbol of given translations (−1 after their ends)."""
    known = torch.where(targets < 0, end, targets)
    return torch.cat([known.new_full((known.shape[0], 1), end), known[:, :-1]], dim=1)


@torch.inference_mode()
def translate(
    net: Translator, tokens: Int[Tensor, "batch time"], lengths: Int[Tensor, " batch"], longest: float = 1.5
) -> list[list[int]]:
    """The likeliest symbol at each step until the end, for at most so many times the longest sentence."""
    writer, end = net.begin(tokens, lengths), net.target_end
    following = tokens.new_full((tokens.shape[0],), end)
    going = torch.ones(tokens.shape[0], dtype=torch.bool, device=tokens.device)
    written = []
    for _ in range(int(longest * int(lengths.max())) + 1):
        following = writer.step(following).argmax(1)
        going &= following != end
        if not bool(going.any()):
            break
        written.append(torch.where(going, following, end))
    rows = torch.stack(written, 1).tolist() if written else [[] for _ in range(tokens.shape[0])]
    return [[symbol for symbol in row if symbol != end] for row in rows]
