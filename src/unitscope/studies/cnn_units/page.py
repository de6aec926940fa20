"""The page of the study: what held, which scores mean anything, layers, and a card for every unit."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from unitscope.concepts.clusters import cluster, context_vectors
from unitscope.concepts.layers import units_of_concepts
from unitscope.corpus.passages import Passages
from unitscope.corpus.reading import Characters
from unitscope.models.module import ModuleModel
from unitscope.models.networks.text_files import TextCard
from unitscope.recording.live import Live
from unitscope.report.html import write_html
from unitscope.report.page import Section, UnitField, UnitGroup, UnitTable, build_page
from unitscope.studies.check import Check, checks_table
from unitscope.studies.cnn_units.examine import SCORES, Examined
from unitscope.studies.cnn_units.results import Network, separates
from unitscope.studies.cnn_units.tasks import Task
from unitscope.view import Field, Heatmap, Lines, Series, Table, TokenText, View

Card = tuple[Network, ModuleModel, TextCard, Task]
"""Whose units get cards: a network, how it is read, and what it learnt."""
BEST = 6
"""Units of each layer that the overview shows."""
SHOWN = 5
"""Sentences on a card."""
MOST = 30
"""Concepts in the distribution of a layer."""


def write_page(
    path: Path,
    intro: str,
    checks: Sequence[Check],
    networks: Sequence[Network],
    depths: Mapping[str, Sequence[tuple[int, str, float, float]]],
    cards: Mapping[str, Card],
) -> None:
    """``depths``: by task, stages, network, test accuracy and share of phrases."""
    names = dict.fromkeys(n.task for n in networks)
    tables = [_titled(f"What held: {task}", [c for c in checks if c.statement.startswith(task)]) for task in names]
    rest = [c for c in checks if not c.statement.startswith(tuple(names))]
    sections = [Section("checks", "What held", intro, [*tables, _titled("What held: everywhere", rest)])]
    for number, task in enumerate(names):
        own = [n for n in networks if n.task == task]
        sections.append(Section(f"task-{number}", task.capitalize(), _said(own), _task_views(own)))
        if task in depths:
            sections.append(Section(f"depth-{number}", f"{task.capitalize()}: depth", DEPTH, [_depths(depths[task])]))
    sections.append(Section("cards", "Unit cards", CARDS, [_confirmed(task, card[0]) for task, card in cards.items()]))
    fields = [UnitField("concepts", "text", "the three concepts that activate the unit most", "alignment")]
    fields += [UnitField(name, "number", says, "selectivity") for name, says in SCORES.items()]
    rows = []
    groups = {}
    for task, (network, model, card, data) in cards.items():
        units = network.trained.units
        for layer in network.trained.layers:
            site = f"{task}: {layer.site}"
            for row in units[units["site"] == layer.site].to_dict("records"):
                rows.append([site, row["unit"], _concepts(row), *(row[score] for score in SCORES)])
            groups[site] = _cards(network.trained, layer.site, model, card, data)
    subtitle = ", ".join(f"{n.name} ({n.task})" for n in networks)
    page = build_page("What units stand for", subtitle, sections, UnitTable(fields, rows), groups)
    write_html(page, path)


DEPTH = """
Networks of fewer layers, trained in the same way. If phrases were what depth is for, accuracy should rise where the
share of phrases does. In the paper BLEU is flat above six layers of the encoder and falls below four.
"""

CARDS = """
Each unit of one network per task has a card: its concepts with their degree of alignment, every score, and the texts
that activate it most, coloured by its activation at each character. Open one from the table of all units; sort by
`AUROC held out` for units whose concept can be believed.
"""


def _titled(title: str, checks: Sequence[Check]) -> Table:
    return replace(checks_table(checks), title=title)


def _confirmed(task: str, network: Network) -> Table:
    """The units whose frequent concept is told best from other held-out texts, layer by layer."""
    rows = []
    for _, units in network.trained.units.groupby("layer"):
        for row in units.sort_values("AUROC held out", ascending=False).head(BEST).to_dict("records"):
            scores = [row[name] for name in ("AUROC held out", "inclusion*", "replicate")]
            rows.append([f"{task}: {row['site']}/{row['unit']}", _concepts(row), row["frequent concept"], *scores])
    fields = [Field("unit", "unit"), Field("concepts", "text"), Field("best frequent concept", "text")]
    fields += [Field("AUROC held out"), Field("inclusion*"), Field("replicate")]
    return Table(f"Units whose concept holds on other sentences: {network.name}", fields, rows)


def _concepts(row: Mapping[Hashable, object]) -> str:
    return ", ".join(str(row[f"concept {rank}"]) for rank in (1, 2, 3) if row.get(f"concept {rank}"))


def _said(own: Sequence[Network]) -> str:
    table = separates(own).set_index("score")
    replicate = table.loc["replicate"]
    telling = [str(score) for score, row in table.iterrows() if row["separates"] == "yes"]
    lines = [
        f"The headline score, selectivity on replicated concepts, is {replicate['trained']:.2f} in the last layer of "
        f"trained networks and {replicate['untrained']:.2f} in that of untrained ones: it "
        + ("tells the two apart." if replicate["separates"] == "yes" else "does not show that anything was learnt."),
        f"In every network the trained last layer is above its untrained twin, with an interval that excludes 0, in: "
        f"{', '.join(f'`{score}`' for score in telling) or 'no score'}.",
    ]
    weak = [n.name for n in own if not n.skilled]
    if weak:
        lines.append(f"Without skill, and so not to be read as a trained network: {', '.join(weak)}.")
    return "\n\n".join(lines)


def _task_views(own: Sequence[Network]) -> list[View]:
    first = own[0]
    names = sorted({name for n in own for name in n.metrics if name != "best epoch" and not name.startswith("val")})
    quality = Table(
        "Networks",
        [Field("network", "text"), *(Field(name) for name in names)],
        [[n.name, *(n.metrics.get(name, float("nan")) for name in names)] for n in own],
        note="majority: the most frequent class or character; naive bayes: on words and pairs of words; wrong source: "
        "nats per character when the translator reads another sentence",
    )
    told = separates(own)
    fields = [Field("score", "text"), *(Field(name) for name in told.columns[1:-1]), Field("separates", "text")]
    telling = Table(
        "Which scores tell a trained network from an untrained one",
        fields,
        told.to_numpy().tolist(),
        note="means over the units of the last layer of all these networks; difference with its 95 % interval; "
        "separates: the interval of each single network excludes 0 on the same side",
    )
    return [quality, telling, *_by_layer(own), _found(own), *_shares(first), _distribution(first), _clusters(first),
            *_emergence(own)]  # fmt: skip


def _by_layer(own: Sequence[Network]) -> list[View]:
    views: list[View] = []
    for n in own:
        columns = [f"{score}{side}" for score in ("replicate", "instance", "inclusion", "inclusion*", "random", "AUROC",
                   "AUROC held out") for side in ("", ", untrained")]  # fmt: skip
        rows = []
        for number, layer in enumerate(n.trained.layers):
            values = [n.mean(c.split(",")[0], number, twin=c.endswith("untrained")) for c in columns]
            rows.append([layer.site, *values])
        views.append(Table(f"Mean scores by layer: {n.name}", [Field("layer", "text"), *map(Field, columns)], rows))
    return views


def _found(own: Sequence[Network]) -> Lines:
    depth = max(n.depth for n in own)
    series = []
    for n in own:
        for name, side in ((n.name, n.trained), (f"{n.name}, untrained", n.twin)):
            shares = side.units.groupby("layer")["found held out"].mean()
            series.append(Series(name, [float(shares.get(layer, float("nan"))) for layer in range(depth)]))
    return Lines(
        "Units whose concept is found again on held-out sentences",
        [float(layer) for layer in range(depth)],
        series,
        "layer",
        "share of units",
        note="Mann–Whitney, false discovery rate 5 % over the units of a layer",
    )


def _shares(n: Network) -> list[View]:
    views: list[View] = []
    for name, side in ((n.name, n.trained), (f"{n.name}, untrained", n.twin)):
        kinds = [kind for kind in side.shares[0] if kind != "phrases"]
        values = [[share[kind] for kind in kinds] for share in side.shares]
        rows = [layer.site for layer in side.layers]
        views.append(Heatmap(f"What is aligned, layer by layer: {name}", rows, kinds, values, 0.0, 1.0,
                             note="share of the aligned concepts of the layer"))  # fmt: skip
    return views


def _distribution(n: Network) -> Table:
    rows = []
    for layer in (n.trained.layers[0], n.trained.layers[-1]):
        units = units_of_concepts(layer.alignment, n.trained.bank)
        for concept in np.argsort(-units, kind="stable")[: MOST // 2]:
            if units[concept]:
                row = n.trained.bank.table.iloc[concept]
                rows.append([layer.site, row["text"], row["kind"], int(units[concept]), int(row["sentences"])])
    fields = [Field("layer", "text"), Field("concept", "text"), Field("kind", "text"), Field("units", "integer"),
              Field("texts", "integer", "that hold it")]  # fmt: skip
    return Table(f"Concepts with the most units, first and last layer: {n.name}", fields, rows)


def _clusters(n: Network) -> Table:
    bank, last = n.trained.bank, n.trained.layers[-1]
    vectors = context_vectors(bank)
    chosen = last.alignment.concepts[last.alignment.concepts >= 0]
    found = cluster(vectors, chosen)
    units = units_of_concepts(last.alignment, bank)
    rows = []
    for number in range(min(12, int(found.cluster.max(initial=-1)) + 1)):
        members = found.concepts[found.cluster == number]
        if len(members) > 1:
            some = ", ".join(bank.texts[concept] for concept in members[np.argsort(-units[members])][:8])
            rows.append([len(members), int(units[members].sum()), some])
    return Table(
        f"Clusters of the last layer's concepts: {n.name}",
        [Field("concepts", "integer"), Field("units", "integer"), Field("of them", "text")],
        rows,
        note="hierarchical, average linkage, by the cosine of where the concepts stand in the texts",
    )


def _emergence(own: Sequence[Network]) -> list[View]:
    rows = []
    for n in own:
        for name, side in ((n.name, n.trained), (f"{n.name}, untrained", n.twin)):
            for what, r in side.emergence.items():
                if isinstance(r, dict):
                    rows.append([name, what, r["concepts"], r["pearson"], r["low"], r["high"], r["spearman"],
                                 r["held_fixed"]])  # fmt: skip
    fields = [Field("network", "text"), Field("against", "text"), Field("concepts", "integer"), Field("Pearson"),
              Field("low"), Field("high"), Field("Spearman"), Field("frequency held fixed")]  # fmt: skip
    views: list[View] = [
        Table(
            "Units per concept, last layer",
            fields,
            rows,
            note="DEL: rise of the expected loss on held-out texts when the concept is made illegible",
        )
    ]
    largest = own[0].trained.emergence.get("largest DEL")
    if largest:
        fields = [Field("concept", "text"), Field("DEL"), Field("units", "integer")]
        views.append(Table(f"Concepts that the loss needs most: {own[0].name}", fields, largest))
    return views


def _depths(rows: Sequence[tuple[int, str, float, float]]) -> Table:
    fields = [
        Field("layers", "integer"),
        Field("network", "text"),
        Field("test accuracy"),
        Field("phrases, last layer"),
    ]
    return Table("Fewer layers", fields, [list(row) for row in sorted(rows)])


def _cards(
    examined: Examined, site: str, model: ModuleModel, card: TextCard, task: Task
) -> Iterator[Sequence[UnitGroup]]:
    layer = next(layer for layer in examined.layers if layer.site == site)
    units = examined.units[examined.units["site"] == site].to_dict("records")
    texts = Passages([s.text for s in task.sentences], task.name, Characters(card.vocabulary),
                     longest=card.longest or None)  # fmt: skip
    wanted = np.unique(layer.alignment.top[:, :SHOWN]).tolist()
    values: dict[int, torch.Tensor] = {}
    for chunks in Live(model, texts, sequences=wanted).chunks([site]):
        chunk = chunks[site]
        for start, stop in chunk.spans():
            values[int(chunk.sequence[start])] = chunk.activations[start:stop]
    for unit, row in enumerate(units):
        concepts = [[row[f"concept {rank}"], row[f"degree {rank}"]] for rank in (1, 2, 3) if row.get(f"concept {rank}")]
        views: list[View] = [
            Table("Concepts", [Field("concept", "text"), Field("degree of alignment")], concepts,
                  note="constant on all texts: nothing is aligned" if row["constant"] else ""),
            Table("Scores", [Field("score", "text"), Field("value")], [[says, row[name]] for name, says in
                  SCORES.items()], note=f"best frequent concept: {row['frequent concept']}"),
        ]  # fmt: skip
        top = layer.alignment.top[unit, :SHOWN].tolist()
        shown = [values[text][:, unit] for text in top]
        size = max(float(v.abs().max()) for v in shown)
        for rank, (text, v) in enumerate(zip(top, shown, strict=True)):
            mean = float(layer.alignment.top_value[unit, rank])
            tokens = list(texts.text(text))[: len(v)]
            views.append(TokenText(f"{rank + 1}: mean {mean:.3g}", tokens, v.tolist(), -size, size))
        yield [UnitGroup("Concept alignment", "what activates the unit most, and whether that can be believed", views)]
