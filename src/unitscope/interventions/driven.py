"""A whole model that is driven from one of its sites, as a source: coupled responses of any unit of any module.

In a convolutional network or a Transformer no unit can be taken apart from the others as in a recurrent layer. So the
values of one site, such as the embeddings, are moved from one point of its own range to another, and every unit that
follows is watched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.analyses.response import Response
from unitscope.corpus.batch import Batch
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.drives import DriveCorpus
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.models.bind import check_units
from unitscope.models.edit import Bound, zero
from unitscope.models.model import Model
from unitscope.models.site import Site
from unitscope.source.live import Running


@dataclass(frozen=True, eq=False, repr=False)
class Driven(Running):
    """A source of the model's activations while the units of the site ``at`` follow the drives.

    The model reads ``symbol`` at every step; what it makes of it at the site is overwritten. Raises ``InputError`` for
    a site that does not exist, and drives of another width than the site.
    """

    model: Model = field()
    at: str
    drives: DriveCorpus
    symbol: int = 0
    batch_size: int = 16

    def __post_init__(self) -> None:
        check_units([zero(self.at, [])], self.model.sites())
        units = next(site.units for site in self.model.sites() if site.name == self.at)
        if self.drives.channels != units:
            raise InputError(f"{self.at} has {units} units but the drives have {self.drives.channels} channels")

    @property
    def corpus(self) -> DriveCorpus:  # type: ignore[override]
        return self.drives

    @property
    def name(self) -> str:
        return f"{self.model.name} driven by {self.drives.name} at {self.at}"

    @property
    def sites(self) -> tuple[Site, ...]:
        """All but what the model predicts, since nothing follows that could be predicted."""
        return tuple(site for site in self.model.sites() if site.kind != "prediction")

    @property
    def sequences(self) -> Sequence[int]:
        return range(len(self.drives))

    def _content(self) -> Sequence[str]:
        return [self.at, str(self.symbol)]

    def read(self, batch: Batch, sites: Sequence[str]) -> Mapping[str, Tensor]:
        driven = Bound(self.at, torch.arange(self.drives.channels, device=self.model.device), batch.tokens)
        return self.model.run(replace(batch, tokens=torch.full_like(batch.targets, self.symbol)), sites, [driven])

    def describe(self) -> dict[str, str]:
        return {**super().describe(), "driven at": self.at}


def respond_coupled(
    model: Model, at: str, drives: DriveCorpus, sites: Sequence[str] = ("*",), band: float = 0.1, symbol: int = 0
) -> ResultSet:
    """The response of every unit of the chosen sites while the site ``at`` follows the drives.

    Raises ``InputError`` as ``Driven`` does, and for a pattern without a site.
    """
    return analyze(Driven(model, at, drives, symbol), [Response(drive.name, band) for drive in drives.drives], sites)


def values_of(
    model: Model, corpus: Corpus, site: str, sequences: Sequence[int], batch_size: int = 16
) -> Float[Tensor, "token unit"]:
    """Values of a site over some sequences, from which the range of its drives follows."""
    found = []
    for first in range(0, len(sequences), batch_size):
        batch = corpus.batch(sequences[first : first + batch_size]).to(model.device)
        found.append(model.run(batch, [site])[site][batch.counted].cpu())
    return torch.cat(found)
