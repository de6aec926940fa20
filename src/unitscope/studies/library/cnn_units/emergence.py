"""Causes of a concept's units: its number of units against its frequency, and against the loss without it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from unitscope.banks.alignment import Alignment
from unitscope.banks.bank import Bank, make_bank
from unitscope.banks.candidates import Finder, ngrams
from unitscope.banks.layers import related, units_of_concepts
from unitscope.concepts.occlusion import occlusion
from unitscope.networks.card import Card
from unitscope.networks.models import model_of
from unitscope.studies.library.cnn_units.tasks import Task, only

OFTEN = 5
"""Texts that must hold a concept for an average over them."""
OCCLUDED = 30
"""Texts in which a concept is made illegible, at most."""


def emergence(
    net: nn.Module,
    card: Card,
    task: Task,
    finders: Sequence[Finder],
    bank: Bank,
    held: Bank,
    alignment: Alignment,
    seed: int,
) -> dict[str, Any]:
    """Units per concept of a layer against frequency, and against the change of the expected loss (DEL).

    The loss is that of the task on held-out texts: of the class, or of the whole translation.
    """
    units = units_of_concepts(alignment, bank)
    frequency = bank.table["sentences"].to_numpy().astype(float)
    aligned = units > 0
    found: dict[str, Any] = {"frequency": vars(related(units[aligned], frequency[aligned]))}
    scored, remake = task.scored()
    if scored is not task.held:
        # Phrases of sentences without trees are where their words follow each other.
        held = placed(bank, make_bank(scored, [only([ngrams() if f is task.phrases else f for f in finders],
                                                     set(_keys(bank)))]))  # fmt: skip
    chosen = np.flatnonzero(held.table["sentences"].to_numpy() >= OFTEN)
    texts = [sentence.text for sentence in scored]
    model = model_of(net, card, task.name)
    change = occlusion(model, held, texts, remake, chosen, most=OCCLUDED, seed=seed).change
    of_aligned = units[chosen] > 0
    found["DEL"] = vars(related(units[chosen][of_aligned], change[of_aligned], frequency[chosen][of_aligned]))
    found["DEL, every candidate"] = vars(related(units[chosen], change, frequency[chosen]))
    order = np.argsort(-change)[:10]
    found["largest DEL"] = [[bank.texts[chosen[at]], float(change[at]), int(units[chosen[at]])] for at in order]
    return found


def _keys(bank: Bank) -> list[tuple[str, str]]:
    return list(zip(bank.table["kind"], bank.table["text"].str.lower(), strict=True))


def placed(bank: Bank, other: Bank) -> Bank:
    """The concepts of ``bank``, by the same numbers, at their places in the sentences of ``other``."""
    number = {key: at for at, key in enumerate(_keys(bank))}
    into = np.array([number.get(key, -1) for key in _keys(other)], np.int64)
    places = other.places.copy()
    places[:, 0] = into[places[:, 0]]
    return bank.placed(places[places[:, 0] >= 0], other.sentence_count)
