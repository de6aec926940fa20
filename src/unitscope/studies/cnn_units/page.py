"""The page of the study: what held, which scores mean anything, layers, and a card for every unit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unitscope.banks.clusters import cluster, context_vectors
from unitscope.banks.layers import units_of_concepts
from unitscope.models.module import ModuleModel
from unitscope.networks.card import Card as NetworkCard
from unitscope.page.page import Section, UnitField, Units, UnitTable, build_page
from unitscope.page.write import write_html
from unitscope.studies.check import Check, checks_table
from unitscope.studies.cnn_units.cards import cards_of, concepts_of, rows_of
from unitscope.studies.cnn_units.examine import SCORES
from unitscope.studies.cnn_units.results import Network, both_sides, separates
from unitscope.studies.cnn_units.tasks import Task
from unitscope.view import Field, Heatmap, Lines, Series, Table, View

Card = tuple[Network, ModuleModel, NetworkCard, Task]
"""Whose units get cards: a network, how it is read, and what it learnt."""
BEST = 6
"""Units of each layer that the overview shows."""
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
    of_tasks = {task: [c for c in checks if c.statement.startswith((f"{task}:", f"{task},"))] for task in names}
    rest = [c for c in checks if not any(c in own for own in of_tasks.values())]
    tables = [_summary(task, own, [n.name for n in networks if n.task == task]) for task, own in of_tasks.items()]
    sections = [Section("checks", "What held", f"{intro}\n\n{HELD}", [*tables, _titled("Speed", rest)])]
    for number, task in enumerate(names):
        own = [n for n in networks if n.task == task]
        sections.append(Section(f"task-{number}", task.capitalize(), _said(own), _task_views(own)))
        if task in depths:
            sections.append(Section(f"depth-{number}", f"{task.capitalize()}: depth", DEPTH, [_depths(depths[task])]))
    every = [_titled(f"{task.capitalize()}, network by network", own) for task, own in of_tasks.items()]
    sections.append(Section("every", "Every check", "The same statements for each network, with notes.", every))
    sections.append(Section("cards", "Unit cards", CARDS, [_confirmed(task, card[0]) for task, card in cards.items()]))
    fields = [
        UnitField("driven up by", "text", "the three concepts that activate the unit most", "alignment"),
        UnitField("driven down by", "text", "the three on which it is lowest; none if rectified", "alignment"),
        UnitField(
            "AUROC held out", "number", "of the best frequent concept, on sentences that did not choose it", "held"
        ),
        UnitField("AUROC held out, down", "number", "the same of what drives down", "held out"),
    ]
    others = {name: says for name, says in SCORES.items() if name != "AUROC held out"}
    fields += [UnitField(name, "number", f"{says}; of what drives up", "selectivity") for name, says in others.items()]
    rows = []
    groups = {}
    for task, (network, model, card, data) in cards.items():
        for layer in network.trained.up.layers:
            site = f"{task}: {layer.site}"
            for unit, (row, below) in enumerate(zip(*rows_of(network.trained, layer.site), strict=True)):
                held = [row["AUROC held out"], below.get("AUROC held out", float("nan"))]
                rows.append(
                    [site, unit, concepts_of(row), concepts_of(below), *held, *(row[score] for score in others)]
                )
            groups[site] = Units.of(list(cards_of(network.trained, layer.site, model, card, data)))
    subtitle = ", ".join(f"{n.name} ({n.task})" for n in networks)
    page = build_page("What units stand for", subtitle, sections, UnitTable.of_rows(fields, rows), groups)
    write_html(page, path)


HELD = """
A row is a statement about one task; what was found stands for one network after the other. Expected is what the paper
says or what a pilot run of another implementation measured with one seed of it. Statements about tasks without a
published value, and about networks without skill, are not tested.
"""

DEPTH = """
Networks of fewer layers, trained in the same way. If phrases were what depth is for, accuracy should rise where the
share of phrases does. In the paper BLEU is flat above six layers of the encoder and falls below four.
"""

CARDS = """
Each unit of one network per task has a card: the concepts that drive it up and down with their degree of alignment,
the texts of its largest and smallest means, coloured by its activation at each character (blue above 0, red below), and
every score. Open one from the table of all units; sort by `AUROC held out` for units whose concept can be believed.
"""


def _summary(task: str, checks: Sequence[Check], networks: Sequence[str]) -> Table:
    """A row per statement: what was found for one network after the other, and for how many it holds."""
    rows: dict[str, list[Check]] = {}
    for check in checks:
        rows.setdefault(check.statement.partition(": ")[2], []).append(check)  # task and network, then the statement
    table = []
    for statement, own in rows.items():
        tested = [check.met for check in own if check.met is not None]
        holds = f"{sum(tested)} of {len(tested)}" if 0 < sum(tested) < len(tested) else "yes" if any(tested) else "no"
        found = " | ".join(f"{c.value:.2g}" if isinstance(c.value, float) else str(c.value) for c in own)
        table.append([holds if tested else "not tested", statement, found, own[0].expected, own[0].source])
    fields = [Field(name, "text") for name in ("holds", "statement", "found", "expected", "source")]
    return Table(f"What held: {task}", fields, table, note=f"networks, in this order: {', '.join(networks)}")


def _titled(title: str, checks: Sequence[Check]) -> Table:
    return replace(checks_table(checks), title=title)


def _confirmed(task: str, network: Network) -> Table:
    """The units whose frequent concept is told best from other held-out texts, layer by layer."""
    rows = []
    for _, units in network.trained.up.units.groupby("layer"):
        for row in units.sort_values("AUROC held out", ascending=False).head(BEST).to_dict("records"):
            scores = [row[name] for name in ("AUROC held out", "inclusion*", "replicate")]
            rows.append([f"{task}: {row['site']}/{row['unit']}", concepts_of(row), row["frequent concept"], *scores])
    fields = [Field("unit", "unit"), Field("concepts", "text"), Field("best frequent concept", "text")]
    fields += [Field("AUROC held out"), Field("inclusion*"), Field("replicate")]
    return Table(f"Units whose concept holds on other sentences: {network.name}", fields, rows)


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
    return [quality, telling, *_by_layer(own), _found(own), _both_sides(own), *_shares(first), _distribution(first),
            _clusters(first), *_emergence(own)]  # fmt: skip


def _by_layer(own: Sequence[Network]) -> list[View]:
    views: list[View] = []
    for n in own:
        columns = [f"{score}{side}" for score in ("replicate", "instance", "inclusion", "inclusion*", "random", "AUROC",
                   "AUROC held out") for side in ("", ", untrained")]  # fmt: skip
        rows = []
        for number, layer in enumerate(n.trained.up.layers):
            values = [n.mean(c.split(",")[0], number, twin=c.endswith("untrained")) for c in columns]
            rows.append([layer.site, *values])
        views.append(Table(f"Mean scores by layer: {n.name}", [Field("layer", "text"), *map(Field, columns)], rows))
    return views


def _found(own: Sequence[Network]) -> Lines:
    depth = max(n.depth for n in own)
    series = []
    for n in own:
        for name, side in ((n.name, n.trained), (f"{n.name}, untrained", n.twin)):
            shares = side.up.units.groupby("layer")["found held out"].mean()
            series.append(Series(name, [float(shares.get(layer, float("nan"))) for layer in range(depth)]))
    return Lines(
        "Units whose concept is found again on held-out sentences",
        [float(layer) for layer in range(depth)],
        series,
        "layer",
        "share of units",
        note="Mann–Whitney, false discovery rate 5 % over the units of a layer",
    )


def _both_sides(own: Sequence[Network]) -> Table:
    rows: list[list[Any]] = []
    for n in own:
        signed = [layer.site for layer in n.trained.down.layers]
        for number, layer in enumerate(n.trained.up.layers):
            values = [n.mean(score, number, twin, down) for score in ("AUROC held out", "inclusion*")
                      for down in (False, True) for twin in (False, True)]  # fmt: skip
            both = both_sides(n.trained, layer.site) if layer.site in signed else float("nan")
            rows.append([n.name, layer.site, *values, both])
    heads = [f"{score}, {side}{twin}" for score in ("AUROC held out", "inclusion*") for side in ("up", "down")
             for twin in ("", ", untrained")]  # fmt: skip
    fields = [Field("network", "text"), Field("layer", "text"), *map(Field, heads), Field("of both sides")]
    return Table(
        "What drives units up, and what drives them down",
        fields,
        rows,
        note="scores of what drives down are of the unit turned round; a rectified layer has no negative side, and "
        "nothing stands there; of both sides: share of the concepts that drive a unit down and another one up",
    )


def _shares(n: Network) -> list[View]:
    views: list[View] = []
    for name, examined in ((n.name, n.trained), (f"{n.name}, untrained", n.twin)):
        for what, side in (("drives units up", examined.up), ("drives units down", examined.down)):
            if not side.layers:
                continue
            kinds = [kind for kind in side.shares[0] if kind != "phrases"]
            values = [[share[kind] for kind in kinds] for share in side.shares]
            rows = [layer.site for layer in side.layers]
            views.append(Heatmap(f"What {what}, layer by layer: {name}", rows, kinds, values, 0.0, 1.0,
                                 note="share of the aligned concepts of the layer"))  # fmt: skip
    return views


def _distribution(n: Network) -> Table:
    bank, rows = n.trained.bank, []
    below = {layer.site: units_of_concepts(layer.alignment, bank) for layer in n.trained.down.layers}
    for layer in (n.trained.up.layers[0], n.trained.up.layers[-1]):
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
    return Table(f"Concepts with the most units, first and last layer: {n.name}", fields, rows)


def _clusters(n: Network) -> Table:
    bank, last = n.trained.bank, n.trained.up.layers[-1]
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
