"""Measures that feed a text of their own to the model: the degree of alignment with a concept, repeated or alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Int

from unitscope.banks.bank import Bank
from unitscope.banks.neighbours import KIND as NEIGHBOURS
from unitscope.banks.texts import instances, replicated
from unitscope.concepts.pair_rows import pair_rows
from unitscope.concepts.pooled import pooled
from unitscope.concepts.questions import CONCEPT, Asked, concept_names
from unitscope.corpus.passages import Passages
from unitscope.errors import InputError
from unitscope.source.live import Live
from unitscope.source.source import Source


@dataclass(frozen=True)
class Fed:
    """A measure that is a unit's mean activation over texts made of concepts."""

    help: str
    texts: Callable[[Sequence[str], Passages], Passages]


FED = {
    "degree": Fed(
        "degree of alignment: mean activation over a concept repeated to the average length (Na et al.)",
        lambda texts, corpus: replicated(texts, corpus.reading, corpus.mean_length),
    ),
    "degree-once": Fed("the same over the concept alone", lambda texts, corpus: instances(texts, corpus.reading)),
}
"""Measures by name."""


def concepts_of(asked: Sequence[Asked]) -> dict[str, str]:
    """The concepts among the hypotheses: their names and texts. Raises ``InputError`` if there is none."""
    found: dict[str, str] = {}
    for item in asked:
        if isinstance(item, Bank) and (item.table["kind"] != NEIGHBOURS).all():  # those are no texts
            found |= dict(zip(concept_names(item), item.texts, strict=True))
        elif isinstance(item, str) and item.startswith(CONCEPT):
            found[item] = " ".join(item.removeprefix(CONCEPT).split())
    if not found:
        raise InputError(f"{' and '.join(FED)} are of concepts; ask for a bank, or for concept:TEXT")
    return found


def check_fed(source: Source) -> tuple[Live, Passages]:
    """Raises ``InputError`` for a source that cannot be fed."""
    if not isinstance(source, Live) or not isinstance(source.corpus, Passages):
        raise InputError(
            f"{source.name} cannot be fed texts, as {' and '.join(FED)} need; give a model and texts that are read one "
            "by one (Passages; a treebank on the command line)"
        )
    return source, source.corpus


def fed_table(
    source: Source, asked: Sequence[Asked], units: Mapping[str, Int[np.ndarray, " unit"]], names: Sequence[str]
) -> pd.DataFrame:
    """A row for each unit, concept and measure; one batched pass for all concepts of a measure."""
    live, corpus = check_fed(source)
    concepts = concepts_of(asked)
    frames = []
    for name in names:
        texts = FED[name].texts(list(concepts.values()), corpus)
        for site, values in pooled(Live(live.model, texts, live.batch_size, live.edits), list(units)).items():
            frames.append(pair_rows(site, units[site], list(concepts), name, value=values[:, units[site]].T))
    return pd.concat(frames, ignore_index=True).assign(read=1.0)
