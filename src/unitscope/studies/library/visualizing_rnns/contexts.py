"""Networks that read the last n characters, as n-grams do (n-NN), and what a learning network resembles."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unitscope.corpus.text import TextCorpus
from unitscope.models.ngram import NGram
from unitscope.networks.card import load
from unitscope.networks.context import ContextConfig, ContextNet
from unitscope.networks.lessons.text import train_context
from unitscope.networks.recipes import Modern
from unitscope.networks.stream import stream_of
from unitscope.progress import Progress
from unitscope.studies.library.visualizing_rnns.dynamics import CONTEXTS, resemblance
from unitscope.studies.library.visualizing_rnns.held_out import HeldOut, estimate
from unitscope.views import View

EARLY = 3.0
"""Epochs of the training dynamics that the paper looks at."""


def fixed_contexts(
    corpus: TextCorpus, folder: Path, contexts: Sequence[int], units: int, epochs: int, show: Progress
) -> dict[int, ContextNet]:
    """Train what is missing of these in the folder."""
    recipe = replace(Modern(), epochs=epochs, rows=32, steps=corpus.split.steps, rate=4e-2)
    train, validation = (stream_of(corpus.part(part)) for part in ("train", "validation"))
    found = {}
    for done, n in enumerate(contexts, start=1):
        config = ContextConfig(len(corpus.vocabulary), n, units)
        train_context(train, validation, config, recipe, 0, folder / str(n))
        found[n] = load(folder / str(n), ("context",))[0]
        show("n-NN", done, len(contexts))
    return found


def losses(test: HeldOut, nets: Mapping[int, ContextNet]) -> dict[str, list[float]]:
    """On the test text, with intervals over its stretches."""
    every = {str(n): estimate(-test.scores(net)) for n, net in nets.items()}
    return {n: [loss.mean, loss.low, loss.high] for n, loss in every.items()}


def dynamics(
    test: HeldOut, snapshots: Mapping[float, Path], ngram: NGram, nets: Mapping[int, ContextNet]
) -> tuple[dict[str, Any], list[View]]:
    """Whether the network is nearest to models of ever longer contexts while it begins to learn."""
    path = resemblance(test, snapshots, ngram, nets, [n for n in CONTEXTS if n <= ngram.context])
    early = [at for at, epoch in enumerate(path.epochs) if epoch <= EARLY]
    found = {kind: bool((np.diff(path.nearest(kind)[early]) >= 0).all()) for kind in ("gram", "NN") if path.of(kind)}
    return {"never falls": found}, path.views()
