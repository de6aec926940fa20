"""What all parts of the study are over, and what each of them gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unitscope.corpus.splits import Part as TextPart
from unitscope.corpus.text import TextCorpus
from unitscope.models.ngram import NGram
from unitscope.page.page import Section
from unitscope.progress import Progress
from unitscope.studies.check import Check
from unitscope.studies.visualizing_rnns.grid import Member
from unitscope.studies.visualizing_rnns.held_out import HeldOut
from unitscope.studies.visualizing_rnns.losses import Losses
from unitscope.studies.visualizing_rnns.published import Reference


@dataclass(frozen=True, eq=False)
class Setting:
    """What all parts of the study are over."""

    corpus: TextCorpus
    reference: Reference | None
    members: Sequence[Member]
    test: HeldOut
    ngram: NGram
    losses: Losses
    grid: Path
    """Folder of the networks."""
    out: Path
    seed: int
    quick: bool
    show: Progress

    def member(self, name: str) -> Member:
        """The network of a name."""
        return next(m for m in self.members if m.name == name)

    def best(self, *kinds: str) -> Member | None:
        """The network of these kinds of cell that loses least."""
        of_kind = [m for m in self.members if m.cell in kinds]
        return self.losses.best(of_kind) if of_kind else None

    def learner(self) -> Member | None:
        """The network that was kept at most times while it learnt; of those the deepest."""
        kept = [m for m in self.members if len(m.snapshots()) > 1]
        return max(kept, key=lambda m: (m.protocol == "modern", m.layers, m.row), default=None)

    def part(self, name: TextPart) -> TextCorpus:
        """A part of the text, as networks read it."""
        return self.corpus.part(name)

    @property
    def large(self) -> list[str]:
        """Networks of row 256 and more."""
        return [m.name for m in self.members if m.row >= 256]


@dataclass(frozen=True)
class Part:
    """What a part of the study contributes to the page and to the results."""

    section: Section
    checks: Sequence[Check] = ()
    figures: dict[str, Any] = field(default_factory=dict)
