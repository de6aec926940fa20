"""Invariances and costs: padding, batches, and alignment unit by unit."""

import dataclasses
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from unitscope.banks.alignment import candidates_of
from unitscope.banks.texts import replicated
from unitscope.concepts.text_vectors import pooled
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.networks.card import Card as NetworkCard
from unitscope.source.live import Live
from unitscope.studies.library.cnn_units.examine import Examined, as_model, layers_of
from unitscope.studies.library.cnn_units.tasks import Task

SOME = 32
"""Texts and concepts that are looked at."""
BATCH = 64
"""Concepts that are fed together: more do not stay in a processor's cache."""


def probe(net: nn.Module, card: NetworkCard, task: Task, examined: Examined) -> dict[str, float]:
    """``padding``: largest change of a degree of alignment, as a share of the unit's spread, when padded to twice the
    length. ``batch``: largest difference of an activation between batches of one and of many, as a share of the unit's
    largest. ``speed``: time of a loop over units with one text at a time, for what drives each up and what drives it
    down, over that of one pass over the bank; ``speed up`` of the first alone.
    """
    model = as_model(net, card, task.name)
    sites = layers_of(model)
    reading = Characters(card.vocabulary)
    texts = Passages([s.text for s in task.sentences[:SOME]], task.name, reading, longest=card.longest or None)
    together = pooled(Live(model, texts, batch_size=SOME), sites)
    begin = time.process_time()
    single = pooled(Live(model, texts, batch_size=1), sites)
    one_text = (time.process_time() - begin) / SOME
    batch = max(float(np.abs(single[s] - together[s]).max() / np.abs(together[s]).max()) for s in sites)

    length = Passages([s.text for s in task.sentences], task.name, reading).mean_length
    concepts = replicated(examined.bank.only(range(min(SOME, len(examined.bank)))), reading, length)
    plain = concepts.batch(range(len(concepts)))
    steps = plain.tokens.shape[1]
    longer = dataclasses.replace(
        plain, tokens=F.pad(plain.tokens, (0, steps)), targets=F.pad(plain.targets, (0, steps), value=-1)
    )
    inside = plain.counted.unsqueeze(2)
    padding = 0.0
    for site in sites:
        means = [
            (torch.where(inside, model.run(b, [site])[site][:, :steps], 0.0)).sum(1) / inside.sum(1)
            for b in (plain, longer)
        ]
        spread = (means[0].amax(0) - means[0].amin(0)).clamp(min=1e-6)
        padding = max(padding, float(((means[0] - means[1]).abs().amax(0) / spread).max()))

    whole = replicated(examined.bank, reading, length)
    some = range(0, len(whole), max(1, len(whole) // (8 * BATCH)))
    begin = time.process_time()
    pooled(Live(model, whole, batch_size=BATCH, sequences=some), sites)
    bank = (time.process_time() - begin) * len(whole) / len(some)
    up, down = ({layer.site: layer.alignment.top for layer in side.layers} for side in (examined.up, examined.down))
    both = {site: np.concatenate([top, down[site]], 1) if site in down else top for site, top in up.items()}
    one_way, both_ways = (
        sum(len(candidates_of(examined.bank, rows)) for top in tops.values() for rows in top) for tops in (up, both)
    )
    ratio = one_text / max(bank, 1e-9)
    return {"padding": padding, "batch": batch, "speed": both_ways * ratio, "speed up": one_way * ratio}
