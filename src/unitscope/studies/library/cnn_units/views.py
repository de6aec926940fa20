"""Pictures of one network."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch

from unitscope.banks.clusters import cluster, context_vectors
from unitscope.banks.layers import units_of_concepts
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.models.module import ModuleModel
from unitscope.networks.card import Card
from unitscope.source.live import Live
from unitscope.studies.library.cnn_units.examine import Examined
from unitscope.studies.library.cnn_units.tasks import Task
from unitscope.views import Field, Heatmap, Table, TokenText, View

BEST = 6
"""Units of each layer that are shown."""
MOST = 30
"""Concepts in the distribution of a layer."""


def of_network(name: str, found: Examined, model: ModuleModel, card: Card, task: Task) -> list[View]:
    """Units whose concept holds on other sentences, with their texts; kinds of concept by layer; clusters."""
    return [_confirmed(name, found), *_texts(found, model, card, task), *_shares(name, found),
            _distribution(name, found), _clusters(name, found)]  # fmt: skip


def _best(found: Examined) -> list[Mapping[Hashable, Any]]:
    return [
        row
        for _, units in found.up.units.groupby("layer")
        for row in units.sort_values("AUROC held out", ascending=False).head(BEST).to_dict("records")
    ]


def _concepts(row: Mapping[Hashable, Any]) -> str:
    return ", ".join(str(row[f"concept {rank}"]) for rank in (1, 2, 3) if row.get(f"concept {rank}"))


def _confirmed(name: str, found: Examined) -> Table:
    below = {(row["site"], row["unit"]): row for row in found.down.units.to_dict("records")}
    rows = []
    for row in _best(found):
        down = below.get((row["site"], row["unit"]), {})
        scores = [row[score] for score in ("AUROC held out", "inclusion*", "replicate")]
        address = f"{row['site']}/{row['unit']}"
        rows.append([address, _concepts(row), _concepts(down), row["frequent concept"], *scores])
    names = ("unit", "driven up by", "driven down by", "best frequent concept")
    fields = [*(Field(name, "text") for name in names), *map(Field, ("AUROC held out", "inclusion*", "replicate"))]
    return Table(f"Units whose concept holds on other sentences: {name}", fields, rows)


def _texts(found: Examined, model: ModuleModel, card: Card, task: Task) -> list[View]:
    """The text of the largest mean of each of the best units of the last layer, coloured character by character."""
    last = found.up.layers[-1]
    texts = Passages([s.text for s in task.sentences], task.name, Characters(card.vocabulary),
                     longest=card.longest or None)  # fmt: skip
    units = [row for row in _best(found) if row["site"] == last.site]
    wanted = sorted({int(last.alignment.top[row["unit"], 0]) for row in units})
    values: dict[int, torch.Tensor] = {}
    for chunks in Live(model, texts, sequences=wanted).chunks([last.site]):
        chunk = chunks[last.site]
        for start, stop in chunk.spans():
            values[int(chunk.sequence[start])] = chunk.activations[start:stop]
    shown: list[View] = []
    for row in units:
        text = int(last.alignment.top[row["unit"], 0])
        v = values[text][:, row["unit"]]
        tokens = list(texts.text(text))[: len(v)]
        size = float(v.abs().max())
        shown.append(TokenText(f"{last.site}/{row['unit']}: {_concepts(row)}", tokens, v.tolist(), -size, size))
    return shown


def _shares(name: str, found: Examined) -> list[View]:
    shown: list[View] = []
    for what, side in (("drives units up", found.up), ("drives units down", found.down)):
        if side.layers:
            kinds = [kind for kind in side.shares[0] if kind != "phrases"]
            values = [[share[kind] for kind in kinds] for share in side.shares]
            rows = [layer.site for layer in side.layers]
            shown.append(Heatmap(f"What {what}, layer by layer: {name}", rows, kinds, values, 0.0, 1.0,
                                 note="share of the aligned concepts of the layer"))  # fmt: skip
    return shown


def _distribution(name: str, found: Examined) -> Table:
    bank, rows = found.bank, []
    below = {layer.site: units_of_concepts(layer.alignment, bank) for layer in found.down.layers}
    for layer in (found.up.layers[0], found.up.layers[-1]):
        up = units_of_concepts(layer.alignment, bank)
        down = below.get(layer.site, np.zeros_like(up))
        for concept in np.argsort(-(up + down), kind="stable")[: MOST // 2]:
            if up[concept] + down[concept]:
                row = bank.table.iloc[concept]
                counts = [int(up[concept]), int(down[concept]), int(row["sentences"])]
                rows.append([layer.site, row["text"], row["kind"], *counts])
    fields = [Field("layer", "text"), Field("concept", "text"), Field("kind", "text"),
              Field("units up", "integer", "that it drives up"), Field("units down", "integer", "that it drives down"),
              Field("texts", "integer", "that hold it")]  # fmt: skip
    return Table(f"Concepts with the most units, first and last layer: {name}", fields, rows)


def _clusters(name: str, found: Examined) -> Table:
    bank, last = found.bank, found.up.layers[-1]
    chosen = last.alignment.concepts[last.alignment.concepts >= 0]
    grouped = cluster(context_vectors(bank), chosen)
    units = units_of_concepts(last.alignment, bank)
    rows = []
    for number in range(min(12, int(grouped.cluster.max(initial=-1)) + 1)):
        members = grouped.concepts[grouped.cluster == number]
        if len(members) > 1:
            some = ", ".join(bank.texts[concept] for concept in members[np.argsort(-units[members])][:8])
            rows.append([len(members), int(units[members].sum()), some])
    return Table(
        f"Clusters of the last layer's concepts: {name}",
        [Field("concepts", "integer"), Field("units", "integer"), Field("of them", "text")],
        rows,
        note="hierarchical, average linkage, by the cosine of where the concepts stand in the texts",
    )
