"""Whether the model uses a unit: what holding it at its mean costs where its label holds, against elsewhere."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from unitscope.asking.answer import Found, Question
from unitscope.asking.columns import Columns
from unitscope.asking.pieces import Side
from unitscope.asking.units import Units
from unitscope.corpus.corpus import Corpus
from unitscope.evidence.used import CONTROLS, Costs, similar, verdicts
from unitscope.interventions.ablation import LOSS, Bench
from unitscope.models.edit import Edit
from unitscope.models.model import Model
from unitscope.progress import Progress


def measured(
    found: Sequence[Found],
    question: Question,
    model: Model,
    corpus: Corpus,
    columns: Columns,
    side: Side,
    means: Mapping[str, Float[np.ndarray, " unit"]],
    stds: Mapping[str, Float[np.ndarray, " unit"]],
    source: Units,
    progress: Progress,
) -> tuple[list[Found], float | None]:
    """The pairs with what their ablation says; only units that pass every other test are ablated.

    None in place of the intact loss for a model that predicts nothing, or where no unit is ablated.
    """
    passing = [one for one in found if not one.failed(question)]
    if not passing or LOSS not in {site.name for site in model.sites()}:
        return list(found), None
    count = max(1, len(side.sequences) // question.ablation_sequences)
    sequences = side.sequences[::count][: question.ablation_sequences]
    flags = dict(zip(columns.table.names, columns.flags(), strict=True))
    labels = list(dict.fromkeys(one.label for one in passing))
    holds = {name: torch.cat([columns.values(flags[name], number) for number in sequences]) > 0.5 for name in labels}
    bench = Bench(model, corpus, sequences, holds, groups=[side.bucket[number] for number in sequences])
    units = list(dict.fromkeys((one.site, one.unit) for one in passing))
    random = _controls(units, stds, source, question.seed)
    jobs = list(dict.fromkeys([*units, *(pair for pairs in random.values() for pair in pairs)]))
    place = {site: {int(number): at for at, number in enumerate(numbers)} for site, numbers in source.chosen.items()}
    edits = [[Edit(site, (unit,), (float(means[site][place[site][unit]]),))] for site, unit in jobs]
    done, total = 0, len(jobs) * math.ceil(len(sequences) / bench.batch_size)

    def tell(count: int) -> None:
        nonlocal done
        done += count
        progress("ablating units", done, total)

    found_of = dict(zip(jobs, bench.each(edits, tell), strict=True))
    costs: dict[tuple[str, int], Costs] = {job: cost for job, (_, cost) in found_of.items()}
    contrast = {job: costs[job].contrast().value for job in jobs}
    at = [labels.index(one.label) for one in passing]
    p = np.array([costs[one.site, one.unit].p()[k] for one, k in zip(passing, at, strict=True)])
    own = np.array([contrast[one.site, one.unit][k] for one, k in zip(passing, at, strict=True)])
    others = np.full((CONTROLS, len(passing)), math.nan)
    for column, (one, k) in enumerate(zip(passing, at, strict=True)):
        drawn = random[one.site, one.unit]
        others[: len(drawn), column] = [contrast[job][k] for job in drawn]
    said, q = verdicts(p, own, others, question.fdr)
    known = {
        (one.label, one.address): (found_of[one.site, one.unit][0], said[n], float(q[n]), _largest(others[:, n]))
        for n, one in enumerate(passing)
    }
    marked = []
    for one in found:
        if (one.label, one.address) not in known:
            marked.append(one)
            continue
        cost, verdict, rate, largest = known[one.label, one.address]
        marked.append(replace(one, damage=cost, used=verdict, used_q=rate, random_contrast=largest))
    return marked, bench.intact()


def _controls(
    units: Sequence[tuple[str, int]], stds: Mapping[str, Float[np.ndarray, " unit"]], source: Units, seed: int
) -> dict[tuple[str, int], list[tuple[str, int]]]:
    """Random units of the same site and of similar activity for each unit; units of one site share what they can."""
    found: dict[tuple[str, int], list[tuple[str, int]]] = {}
    shared: dict[str, list[int]] = {}
    for site, unit in units:
        numbers = source.chosen[site].tolist()
        taken = [numbers.index(other) for where, other in units if where == site and other != unit]
        near = similar(stds[site], numbers.index(unit), taken, 2 * CONTROLS, seed)
        order = np.random.default_rng([seed, unit]).permutation(near).tolist()
        before = shared.setdefault(site, [])
        drawn = [*(other for other in before if other in order), *(other for other in order if other not in before)]
        drawn = drawn[:CONTROLS]
        before += [other for other in drawn if other not in before]
        found[site, unit] = [(site, numbers[other]) for other in drawn]
    return found


def _largest(values: Float[np.ndarray, " control"]) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else math.nan
