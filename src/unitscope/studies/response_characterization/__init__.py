"""Response characterization: do the dynamics of a unit say what the network loses without it?

After Hasani, Amini, Lechner, Naser, Grosu & Rus 2019 (arXiv 1809.03864): LSTMs are trained on digits read pixel by
pixel and row by row, on the carbon dioxide of Mauna Loa, on the S&P 500 and on protein secondary structure; each unit
is taken apart and driven by a step and a sine; the scores made from its responses are set against the damage of
ablating it, beside scores that need no response at all.
"""

from pathlib import Path
from typing import Annotated

from unitscope.errors import InputError
from unitscope.progress import Progress
from unitscope.studies.check import Check, write_results
from unitscope.studies.response_characterization.checks import SIZED, Outcome, checks_of, figures_of
from unitscope.studies.response_characterization.networks import described
from unitscope.studies.response_characterization.page import write_page
from unitscope.studies.response_characterization.tasks import tasks

NAME = "response-characterization"
UNITS, SIZES = 32, (64, 128, 256)


def run(
    out: Path,
    show: Progress,
    *,
    data: Annotated[Path | None, "folder with the study's data files; without it, what needs none"] = None,
    seeds: Annotated[int, "networks that are trained for each task and size"] = 4,
    quick: Annotated[bool, "two networks each and no large ones: shows that all of it runs, and nothing more"] = False,
) -> list[Check]:
    """Do the dynamics of a unit say what the network loses without it?

    Each network is kept in the folder when it is done, so that a study that was stopped goes on. For example:
    `unitscope study response-characterization --out study --data series`
    """
    if seeds < 1:
        raise InputError(f"at least one network is trained, not {seeds}")
    found, seeds = tasks(data), min(seeds, 2) if quick else seeds
    sizes = SIZES[:1] if quick else SIZES
    wanted = [(task, UNITS) for task in found] + [(t, units) for t in found if t.name == SIZED for units in sizes]
    outcomes, total = [], len(wanted) * seeds
    for number, (task, units) in enumerate(wanted):
        networks = []
        for seed in range(seeds):
            show(f"{task.name}, {units} units: training, driving, ablating", number * seeds + seed, total)
            networks.append(described(out / "networks", task, units, seed))
        outcomes.append(Outcome(task, units, networks))
    show("writing the page", total, total)
    checks = checks_of(outcomes)
    write_results(out / "results.json", NAME, range(seeds), checks, {o.name: figures_of(o) for o in outcomes})
    write_page(out / "index.html", (__doc__ or "").split("\n\n", 1)[1], checks, outcomes)
    return checks
