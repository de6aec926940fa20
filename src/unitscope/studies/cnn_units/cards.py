"""A card for every unit: what drives it up, what drives it down, and whether that can be believed."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.models.module import ModuleModel
from unitscope.networks.card import Card as NetworkCard
from unitscope.page.page import UnitGroup
from unitscope.source.live import Live
from unitscope.studies.cnn_units.examine import SCORES, Examined
from unitscope.studies.cnn_units.tasks import Task
from unitscope.view import Field, Table, TokenText, View

SHOWN = 5
"""Sentences on a card."""
Row = Mapping[Hashable, Any]


def rows_of(examined: Examined, site: str) -> tuple[Sequence[Row], Sequence[Row]]:
    """What is known of each unit of a site, of what drives it up and of what drives it down: nothing if rectified."""
    up = examined.up.units
    own = up[up["site"] == site].to_dict("records")
    if not any(layer.site == site for layer in examined.down.layers):
        return own, [{}] * len(own)
    down = examined.down.units
    return own, down[down["site"] == site].to_dict("records")


def concepts_of(row: Row) -> str:
    """The aligned concepts of a unit, side by side; nothing where there are none."""
    return ", ".join(str(row[f"concept {rank}"]) for rank in (1, 2, 3) if row.get(f"concept {rank}"))


def cards_of(
    examined: Examined, site: str, model: ModuleModel, card: NetworkCard, task: Task
) -> Iterator[Sequence[UnitGroup]]:
    """The cards of a site's units. The texts that they show are read once."""
    tops = {
        name: layer.alignment
        for name, side in (("up", examined.up), ("down", examined.down))
        for layer in side.layers
        if layer.site == site
    }
    texts = Passages([s.text for s in task.sentences], task.name, Characters(card.vocabulary),
                     longest=card.longest or None)  # fmt: skip
    wanted = np.unique(np.concatenate([found.top[:, :SHOWN].ravel() for found in tops.values()])).tolist()
    values: dict[int, torch.Tensor] = {}
    for chunks in Live(model, texts, sequences=wanted).chunks([site]):
        chunk = chunks[site]
        for start, stop in chunk.spans():
            values[int(chunk.sequence[start])] = chunk.activations[start:stop]
    for unit, rows in enumerate(zip(*rows_of(examined, site), strict=True)):
        up, down = rows
        scores = [[says, up[name], down.get(name, float("nan"))] for name, says in SCORES.items()]
        size = max(
            float(values[text][:, unit].abs().max())
            for found in tops.values()
            for text in found.top[unit, :SHOWN].tolist()
        )
        groups = []
        for name, row, says in zip(("up", "down"), rows, (UP, DOWN if down else RECTIFIED), strict=True):
            views = [_aligned(row)] if row else []
            if name in tops:
                top = tops[name].top[unit, :SHOWN].tolist()
                concepts = tops[name].concepts[unit]
                for rank, text in enumerate(top):
                    v = values[text][:, unit]
                    held = np.isin(concepts, examined.bank.within(text)[:, 0])
                    holds = ", ".join(examined.bank.texts[concept] for concept in concepts[held])
                    mean = float(tops[name].top_value[unit, rank])
                    tokens = list(texts.text(text))[: len(v)]
                    title = f"{rank + 1}: mean {mean:.3g}{f' · {holds}' if holds else ''}"
                    views.append(TokenText(title, tokens, v.tolist(), -size, size))
            groups.append(UnitGroup(f"What drives it {name}", says, views))
        frequent = [
            f"{name} {row['frequent concept']!r}" for name, row in zip(("up", "down"), rows, strict=True) if row
        ]
        fields = [Field("score", "text"), Field("up"), Field("down")]
        table = Table("Scores", fields, scores, note=f"best frequent concept: {', '.join(frequent)}")
        yield [*groups, UnitGroup("Whether that can be believed", "the scores; those held out count", [table])]


UP = "the concepts that activate the unit most when repeated, and the texts of its largest means"
DOWN = "the concepts on which it is lowest, and the texts of its smallest means"
RECTIFIED = "nothing: the layer is rectified, so that its units are off where they are lowest"


def _aligned(row: Row) -> View:
    concepts = [[row[f"concept {rank}"], row[f"degree {rank}"]] for rank in (1, 2, 3) if row[f"concept {rank}"]]
    note = "constant on all texts: nothing is aligned" if row["constant"] else ""
    return Table("Concepts", [Field("concept", "text"), Field("degree of alignment")], concepts, note=note)
