"""A model and a corpus whose every number is arithmetic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.place import WithoutText
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.edit import Edit
from unitscope.models.site import Site

HIDDEN = Site("toy.hidden", 70, -1.0, 1.0)
GATE = Site("toy.gate", 5, 0.0, 1.0)
SUM = Site("toy.sum", 1)
CPU = torch.device("cpu")
DIGITS = Vocabulary(tuple("0123456789"))


@dataclass(frozen=True)
class ToyModel:
    """Three sites: each unit a function of the step's token and of the sum of all tokens of the row so far.

    ``planted`` puts a value into ``toy.sum`` at every token 7.
    """

    checked = None

    fingerprint: str = "a1" * 32
    name: str = "toy"
    planted: float = 7.0
    device: torch.device = CPU

    def sites(self) -> tuple[Site, ...]:
        return HIDDEN, GATE, SUM

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[Edit] = ()) -> dict[str, Tensor]:
        token = batch.tokens.float()[:, :, None]
        total = token.cumsum(1)
        values = {
            HIDDEN.name: torch.sin(0.1 * total * torch.arange(1, HIDDEN.units + 1)),
            GATE.name: torch.sigmoid(token - torch.arange(GATE.units)),
            SUM.name: torch.where(token == 7, self.planted, total),
        }
        return {name: values[name] for name in read}

    def untrained(self, seed: int) -> "ToyModel":
        return ToyModel(fingerprint=f"{seed:064x}")

    def describe(self) -> dict[str, str]:
        return {"model": "arithmetic"}


@dataclass(frozen=True)
class ToyCorpus(WithoutText):
    """Sequences of 3 to 9 of the digits 0 to 9 after 2 of context; no text. Its one label is ``odd``."""

    size: int = 40
    fingerprint: str = "c0" * 32
    name: str = "digits"
    vocabulary: Vocabulary = DIGITS
    annotations: Mapping[str, str] = field(default_factory=lambda: {"odd": "the digit is odd"})

    def __len__(self) -> int:
        return self.size

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [3 + number % 7 for number in sequences]

    def digits(self, sequence: int) -> Tensor:
        """Two of context, then those that count."""
        return (torch.arange(2 + self.lengths([sequence])[0]) * 3 + sequence) % 10

    def batch(self, sequences: Sequence[int]) -> Batch:
        rows = [self.digits(number) for number in sequences]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return Batch(
            tokens=tokens,
            targets=torch.full_like(tokens, -1),
            context=torch.full((len(rows),), 2),
            lengths=torch.tensor([len(row) for row in rows]),
            sequence=torch.tensor(list(sequences)),
        )

    def labels(self, name: str, sequence: int) -> Tensor:
        return (self.digits(sequence)[2:] % 2).float()

    def describe(self) -> dict[str, str]:
        return {"corpus": "digits"}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
