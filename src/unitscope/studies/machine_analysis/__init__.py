"""Machine analysis: what do the units of a network that generalises do differently?

After the analyses of attentive guidance by Baan et al. 2019 (arXiv 1906.01634) and Hupkes et al. 2018 (arXiv
1805.09657): encoder–decoders learn compositions of lookup tables with guidance and without, and every unit of encoder
and decoder is compared: distributions and changes over steps, saturated gates, functional groups, what is decodable,
time, similar samples, and what the networks lose without their groups.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from unitscope.comparison.groups import compare_groups
from unitscope.comparison.kinds import classify_kinds
from unitscope.comparison.runs import compare_runs
from unitscope.errors import InputError
from unitscope.page.write import write_html
from unitscope.progress import Progress
from unitscope.studies.check import Check, write_results
from unitscope.studies.machine_analysis.checks import (
    accuracy_checks,
    causal_checks,
    dynamics_checks,
    exact_checks,
    kind_checks,
    unit_checks,
)
from unitscope.studies.machine_analysis.examined import Examined, examine, pairs
from unitscope.studies.machine_analysis.page import Chapter, study_page
from unitscope.studies.machine_analysis.states import sources, states
from unitscope.studies.machine_analysis.synthetic import NOISE, synthetic_checks
from unitscope.studies.machine_analysis.zoo import KINDS, Material, material, obtain

NAME = "machine-analysis"
HIDDEN = ("encoder.hidden", "decoder.hidden")


def run(
    out: Path,
    show: Progress,
    *,
    zoo: Annotated[Path | None, "folder of the trained networks; those that are missing are trained"] = None,
    seeds: Annotated[int, "runs of each kind and cell"] = 3,
    units: Annotated[int, "units of encoder and decoder; 512 as published"] = 128,
    cells: Annotated[str, "gru, lstm or gru,lstm"] = "gru,lstm",
    quick: Annotated[bool, "a smaller task and smaller networks, to see whether everything runs"] = False,
) -> list[Check]:
    """What do the units of a network that generalises do differently? Encoder–decoders with attentive guidance and
    without.

    For example: `unitscope study machine-analysis --out study --seeds 5`
    """
    if seeds < 2:
        raise InputError(f"what is said of a kind of network needs at least 2 runs of each kind, not {seeds}")
    if quick:
        seeds, units, cells = 2, 8, cells.split(",")[0]
    folder = zoo or out / "zoo"
    folder.mkdir(parents=True, exist_ok=True)
    read = material(folder, quick)
    runs = obtain(folder, cells.split(","), units, seeds, quick, show)
    examined: list[Examined] = []
    for done, one in enumerate(runs):
        show("examining", done, len(runs))
        examined.append(examine(one, read))
    show("examining", len(runs), len(runs))
    chapters = []
    checks = exact_checks(examined, read) + synthetic_checks(runs[0], read, 24 if quick else NOISE)
    for cell in dict.fromkeys(run.cell for run in runs):
        chapter = _chapter(cell, examined, read, show)
        chapters.append(chapter)
        checks += accuracy_checks(chapter.pairs, cell, units)
        checks += dynamics_checks(chapter.pairs, cell, units)
        checks += unit_checks(chapter.pairs, cell, units)
        checks += kind_checks(chapter.kinds, cell)
        checks += causal_checks(chapter.pairs, cell)
    figures = {e.run.name: figures_of(e) for e in examined}
    write_results(out / "results.json", NAME, range(1, seeds + 1), checks, figures)
    write_html(study_page(checks, chapters, read), out / "index.html")
    return checks


def figures_of(examined: Examined) -> dict[str, Any]:
    """The numbers behind the page."""
    return {
        "scores": examined.run.trained.card.metrics,
        "command": examined.run.trained.card.command,
        "measures": examined.measures.flat(),
        "groups": {
            name: {
                "size": group.size, "accuracy": group.accuracy, "all units": group.full, "chance": group.chance,
                "p": group.p, "units": group.units,
            }
            for name, group in examined.groups.items()
        },
        "ablation": {
            name: {"intact": row.accuracy[0], "without": row.accuracy[1], "random": row.accuracy[2], "p": row.damage.p}
            for name, row in examined.ablations.items()
        },
        "parity": [*examined.exactness.single.values(), *examined.exactness.double.values()],
    }  # fmt: skip


def _chapter(cell: str, every: Sequence[Examined], read: Material, show: Progress) -> Chapter:
    """What is said of the networks of one cell together."""
    mine = [e for e in every if e.run.cell == cell]
    places = max(len(pair.source) for pair in read.held_out)
    live = {kind: [sources(e.run.model(places), read) for e in mine if e.run.kind == kind] for kind in KINDS}
    found = pairs(mine, cell)
    numbers = {
        kind: {name: [_number(e, name) for e in mine if e.run.kind == kind] for name in _names(mine)} for kind in KINDS
    }
    first = {kind: found[0].guided if kind == "guided" else found[0].baseline for kind in KINDS}
    steps = 2 * len(HIDDEN)
    compared = compare_groups(
        {kind: [source["encoder"] for source in live[kind]] for kind in KINDS},
        ["encoder.hidden"],
        progress=lambda _, done, total: show(f"comparing {cell.upper()}s", done * steps // max(total, 1), steps),
    )
    return Chapter(
        cell=cell,
        zoo=mine,
        pairs=found,
        kinds=classify_kinds({kind: [s["encoder"] for s in live[kind]] for kind in KINDS}, "encoder.hidden", 2),
        differences=compare_runs(numbers["baseline"], numbers["guided"], ("baseline", "guided")),
        compared=compared,
        states={kind: states(one.run.model(places), read) for kind, one in first.items()},
    )


def _names(mine: Sequence[Examined]) -> list[str]:
    return [
        *mine[0].measures.flat(),
        *(f"{what} of {name}" for name in mine[0].groups for what in ("accuracy", "size")),
    ]


def _number(examined: Examined, name: str) -> float:
    flat = examined.measures.flat()
    if name in flat:
        return flat[name]
    what, _, label = name.partition(" of ")
    group = examined.groups[label]
    return group.full if what == "accuracy" else float(group.size or math.nan)
