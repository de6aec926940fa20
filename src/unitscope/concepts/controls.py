"""The controls of a best hypothesis: other data, shifted labels, an untrained twin.

A unit's best hypothesis is an arg-max over all that were asked, so its value on the data where it was chosen is too
high, for any unit. Here it is chosen on one half of the documents and scored on the other; the same is done under
labels that are shifted against the text, and in an untrained twin of the model. What an untrained twin reaches too says
nothing of training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor

from unitscope.concepts.blocks import Table
from unitscope.concepts.fold import Folded, batches_of, evidence, fold
from unitscope.concepts.inspection import chosen_units, sources_of
from unitscope.concepts.measures import find_measure
from unitscope.concepts.pairs import Hypotheses
from unitscope.concepts.questions import Asked, Questions
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.models.model import Model
from unitscope.source.live import Live
from unitscope.source.relabelled import Circle
from unitscope.source.source import Source

MODEL, SHIFTED, TWIN = "model", "shifted labels", "untrained twin"
RESAMPLES = 2000

Progress = Callable[[str, int, int], None]
"""Called with what is being read, sequences done, and sequences in all."""


@dataclass(frozen=True, eq=False)
class ShiftedQuestions:
    """The labels of other tokens of a circle of sequences."""

    whole: Questions
    circle: Circle

    @property
    def hypotheses(self) -> Hypotheses:
        return self.whole.hypotheses

    def labels(self, sequences: Sequence[int]) -> Float[Tensor, "token hypothesis"]:
        return torch.cat([self.circle.read(number, lambda other: self.whole.labels([other])) for number in sequences])


def controlled(
    model: Model | Source,
    hypotheses: Sequence[Asked],
    over: Corpus | None = None,
    measure: str = "correlation",
    units: Sequence[str] = ("*",),
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Each unit's best hypothesis, chosen on one half of the documents and scored on the other, with its controls.

    One row per ``run`` (the model, the same under shifted labels, and for a ``Model`` its untrained twin), ``site`` and
    ``unit``: ``hypothesis``, ``value_where_chosen``, and from the other half ``value``, ``low``, ``high``, ``p`` and
    ``q`` (Benjamini & Hochberg over the units of a run). Best is the farthest from the value of no skill.
    Raises ``InputError`` as ``inspect`` does, for a measure without such a value, and for too few documents.
    """
    taken = find_measure(measure)
    if taken.chance is None:
        raise InputError(f"{measure} has no value of no skill; control correlation, difference, standardised or auroc")
    ((source, corpus),) = sources_of(model, over)
    questions = Questions(hypotheses, source, corpus)
    chosen = chosen_units(source, units)
    batches = batches_of(source)
    halves = batches[::2], batches[1::2]
    if len(halves[1]) < 3:
        raise InputError(f"{source.name} has too few documents to choose on one half and score on the other")
    groups = evidence(source)
    off = [
        ShiftedQuestions(
            questions,
            Circle({n: groups[n] for batch in half for n in batch}, lambda n: len(questions.labels([n])), seed),
        )
        for half in halves
    ]
    runs: dict[str, tuple[Source, Sequence[Table]]] = {
        MODEL: (source, [questions, questions]),
        SHIFTED: (source, off),
    }
    live = source if isinstance(source, Live) else None
    if live is not None:
        twin = Live(live.model.untrained(seed), live.corpus, live.batch_size, sequences=live.sequences)
        runs[TWIN] = (twin, [questions, questions])
    tables = []
    for name, (read, asked) in runs.items():

        def show(done: int, total: int, what: str = name) -> None:
            if progress:
                progress(what, done, total)

        here, there = (
            fold(read, ask, chosen, [taken], None, show, half) for ask, half in zip(asked, halves, strict=True)
        )
        table = pd.concat([_best(here[site], there[site], measure, taken.chance) for site in here], ignore_index=True)
        table.insert(0, "run", name)
        known = table["p"].notna().to_numpy()
        table["q"] = np.nan
        if known.any():
            table.loc[known, "q"] = stats.false_discovery_control(table.loc[known, "p"].to_numpy(float))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _best(here: Folded, there: Folded, measure: str, chance: float) -> pd.DataFrame:
    taken = find_measure(measure)
    value, held = taken(here.pairs), taken(there.pairs)
    strength = np.where(np.isnan(value), -1.0, np.abs(value - chance))
    winner: Int[np.ndarray, " unit"] = strength.argmax(1)
    rows = np.arange(len(winner))
    none = strength[rows, winner] < 0
    spread, width = there.spreads[measure], there.half_width(measure, whole=False)
    score = held[rows, winner]
    names = there.pairs.hypotheses.names
    frame = pd.DataFrame(
        {
            "site": there.site.name,
            "unit": there.units,
            "hypothesis": [names[k] for k in winner],
            "value_where_chosen": value[rows, winner],
            "value": score,
            "low": score - width[rows, winner],
            "high": score + width[rows, winner],
            "p": spread.p(held - chance)[rows, winner],
        }
    )
    frame.loc[none, ["value_where_chosen", "value", "low", "high", "p"]] = np.nan
    frame.loc[none, "hypothesis"] = ""
    return frame


def compared(table: pd.DataFrame, measure: str, fdr: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """How far the model is from its controls, site by site.

    One row per site and run: mean strength (distance from no skill) of the units' best hypotheses where they were
    ``chosen`` and ``held_out``; the units that are significant at ``fdr``; and for the controls ``less``, by how much
    they are weaker than the model on held-out data, with the 95 % bootstrap interval over units.
    """
    chance = find_measure(measure).chance or 0.0
    strength = (table["value"] - chance).abs() * np.where(
        (table["value"] - chance) * (table["value_where_chosen"] - chance) < 0, -1, 1
    )  # a best hypothesis whose sign turns round was none
    table = table.assign(strength=strength, chosen=(table["value_where_chosen"] - chance).abs())
    draw = np.random.default_rng(seed)
    rows = []
    for site, here in table.groupby("site", sort=False):
        own = here.loc[here["run"] == MODEL, "strength"].dropna().to_numpy()
        for run, part in here.groupby("run", sort=False):
            other = part["strength"].dropna().to_numpy()
            row = {
                "site": site,
                "run": run,
                "units": len(part),
                "chosen": float(part["chosen"].mean()),
                "held_out": float(np.mean(other)) if len(other) else np.nan,
                "significant": int((part["q"] <= fdr).sum()),
            }
            if run != MODEL and len(own) and len(other):
                samples = [draw.choice(x, (RESAMPLES, len(x))).mean(1) for x in (own, other)]
                row["less"] = float(own.mean() - other.mean())
                row["low"], row["high"] = np.quantile(samples[0] - samples[1], [0.025, 0.975])
            rows.append(row)
    return pd.DataFrame(rows)
