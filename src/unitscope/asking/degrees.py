"""The degree of alignment: a unit's mean over a text made of a concept, repeated or alone (Na et al. 2019)."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from unitscope.banks.texts import instances, replicated
from unitscope.concepts.text_vectors import pooled
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.with_sentences import WithSentences
from unitscope.errors import InputError
from unitscope.models.model import Model
from unitscope.source.label_table import LabelTable
from unitscope.source.live import Live


def check_degrees(name: str, table: LabelTable, model: Model | None, corpus: Corpus | None) -> None:
    """Raises ``InputError`` where no text can be made of a concept and given to the model."""
    if not table.concepts:
        raise InputError(f"{name} is of concepts; ask for concept:TEXT or a bank")
    if model is None or not isinstance(corpus, WithSentences):
        raise InputError(
            f"{name} gives the model texts of its own; it needs a model and texts that are read one by one"
        )


def degrees(
    name: str,
    table: LabelTable,
    model: Model | None,
    corpus: Corpus | None,
    units: Mapping[str, Int[np.ndarray, " unit"]],
) -> dict[str, Float[np.ndarray, "unit label"]]:
    """Degrees of every unit with every label that is a concept, NaN for other labels; one batched pass for all."""
    check_degrees(name, table, model, corpus)
    assert model is not None
    assert isinstance(corpus, WithSentences)
    concepts: Sequence[str] = list(table.concepts.values())
    once = name == "degree-once"
    texts = instances(concepts, corpus.reading) if once else replicated(concepts, corpus.reading, corpus.mean_length)
    columns = [table.names.index(label) for label in table.concepts]
    found = {}
    for site, values in pooled(Live(model, texts), list(units)).items():
        found[site] = np.full((len(units[site]), len(table)), np.nan)
        found[site][:, columns] = values[:, units[site]].T
    return found
