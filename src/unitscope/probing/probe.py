"""Probe each site: the verb over ``probe_layers``."""

from collections.abc import Sequence

from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.models.model import Model
from unitscope.probing.layers import Probing, probe_layers, untrained_twin
from unitscope.probing.steps_as_words import StepsAsWords
from unitscope.probing.table import ProbeTable
from unitscope.probing.words import HasWords, Level, Pool
from unitscope.progress import Progress, silent
from unitscope.source.source import Source


def probe(
    source: Source,
    labels: Sequence[str] | str = "upos",
    sites: Sequence[str] | str = "*",
    *,
    model: Model | None = None,
    corpus: Corpus | None = None,
    level: Level = "word",
    pool: Pool = "last",
    words: int = 20_000,
    controls: int = 1,
    codelength: bool = True,
    untrained: bool = True,
    seed: int = 0,
    progress: Progress = silent,
) -> ProbeTable:
    """Linear probes of every site for every label, each beside its controls (Hewitt & Liang 2019).

    A corpus has words with labels (a treebank, texts with classes, tables); of any other source each step is probed, or
    with ``level="sentence"`` each sequence, for the source's own labels. ``untrained`` probes the same network with
    fresh weights too, for which the model is needed. ``model`` and ``corpus`` are needed where the source has none,
    as a recording.

        unitscope.probe(source, ["upos", "deprel"]).to_pandas()

    Raises ``InputError`` for unknown sites or labels, labels with one class, too little data, and no words.
    """
    model, corpus = model or source.model, corpus or source.corpus
    names = (labels,) if isinstance(labels, str) else tuple(labels)
    words_of = corpus if isinstance(corpus, HasWords) else StepsAsWords(source, names)
    if untrained and (model is None or corpus is None):
        raise InputError(f"{source.name} has no model at hand; give model and corpus, or untrained=False")
    how = Probing(
        names, (sites,) if isinstance(sites, str) else tuple(sites),
        level, pool, words, controls, codelength, seed=seed,
    )  # fmt: skip
    twin = untrained_twin(model, corpus, source, seed) if untrained and model and corpus else None
    return probe_layers(source, words_of, how, twin, progress)
