"""A source whose text stays at home, for recordings that travel where their corpus must not.

record(without_text(source), "shared")                       # tokens stay, documents have no text
record(without_text(source, tokens=False, labels=["digit"]), "shared")   # neither; the values of a label stay
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int

from unitscope.corpus.place import DocumentText, text_digest
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.source.chunk import Chunk
from unitscope.source.source import Over, Recipe, Source

HIDDEN = Vocabulary(("·",))


def without_text(source: Source, tokens: bool = True, labels: Sequence[str] = ()) -> Source:
    """The source without the text and the names of its documents, and without its ``tokens`` if they are false.

    Tokens are the text of a model of characters, so only the second form hides that. ``labels`` of the text can be
    asked no more afterwards; those that are named here have their values kept. Activations still tell something of
    what was read: nothing here is a promise of secrecy.
    """
    for name in labels:
        source.labels(name, source.sequences[0])  # an unknown name is refused before any work
    return WithoutText(source, tokens, tuple(labels))


@dataclass(frozen=True, eq=False, repr=False)
class WithoutText(Over):
    """A source that says what units do, and not over which words."""

    kind = "without text"
    shown: bool
    """Whether tokens are."""
    kept: tuple[str, ...]

    @property
    def corpus(self) -> None:  # type: ignore[override]
        return None

    @property
    def vocabulary(self) -> Vocabulary:
        return self.whole.vocabulary if self.shown else HIDDEN

    @property
    def annotations(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.whole.annotations, *self.kept)))

    def _content(self) -> Sequence[str]:
        return [self.whole.fingerprint, str(self.shown), *self.kept]

    def recipe(self) -> Recipe:
        return {"kind": self.kind, "whole": self.whole.recipe(), "shown": self.shown, "kept": list(self.kept)}

    @classmethod
    def opened_by(cls, recipe: Recipe, opener: Callable[[Recipe], Source]) -> Source:
        return cls(opener(recipe["whole"]), bool(recipe["shown"]), tuple(map(str, recipe["kept"])))

    def tokens(self, sequence: int) -> Int[np.ndarray, " token"]:
        said = self.whole.tokens(sequence)
        return said if self.shown else np.zeros_like(said)

    def document(self, number: int) -> DocumentText:
        said = self.whole.document(number)
        whole = text_digest(said.whole) if said.whole else ""
        return replace(said, name=f"document {number}", text=None, whole=whole)

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        for chunks in self.whole.chunks(sites, labels, self.sequences if sequences is None else sequences):
            if self.shown:
                yield chunks
                continue
            yield {
                site: replace(chunk, tokens=torch.zeros_like(chunk.tokens), vocabulary=HIDDEN)
                for site, chunk in chunks.items()
            }
