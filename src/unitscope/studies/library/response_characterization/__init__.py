"""Response characterization: do the dynamics of a unit say what the network loses without it?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats

from unitscope.analyses.class_selectivity import class_selectivity
from unitscope.analyses.importance import Importance, ImportanceResult
from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.analyses.response import ResponseResult
from unitscope.corpus.drives import DriveCorpus, Ends, sine, step
from unitscope.errors import InputError
from unitscope.evidence.slope import slope
from unitscope.fold.analyze import analyze
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.layers import find_layer
from unitscope.interventions.ranking import against, rank, with_baselines
from unitscope.interventions.responses import respond
from unitscope.interventions.screen import gradients
from unitscope.models.module import ModuleModel
from unitscope.networks.lessons.series import Lesson, Score, evaluate, fit, network_card
from unitscope.networks.series import series_model
from unitscope.source.live import Live
from unitscope.studies import (
    Claim,
    Found,
    Here,
    Numbers,
    Options,
    Outcomes,
    Part,
    Run,
    Source,
    Study,
    Value,
    above,
    below,
    between,
    missing,
    of_pairs,
    of_runs,
)
from unitscope.studies.library.response_characterization.tasks import Task, tasks
from unitscope.views import Lines, Series, View

SITE, FREQUENCY = "rnn.0.hidden", 0.05
UNITS, SIZES = 32, (64, 128, 256)
SIZED = "CO2"
"""The task that networks of every size learn."""
NAMES = ("digits, 64 steps", "digits, 8 steps", "CO2", "S&P 500", "protein structure")
METRICS = ("amplitude", "size of delta", "settling")
SHARES = np.linspace(0.02, 0.98, 49)
PAPER = Source("published, from memory", "Hasani et al. 2019 (arXiv 1809.03864)")
CALIBRATION = Source("ours", "calibration runs")
MORCOS = Source("published, from memory", "Morcos et al. 2018 (arXiv 1803.06959)")


@dataclass(frozen=True)
class Asked(Options):
    """Options of the study."""

    data: Path | None = field(default=None, metadata={"help": "folder with the data files; else what needs none"})
    seeds: int = field(default=16, metadata={"help": "networks of each task"})
    large: int = field(default=4, metadata={"help": "networks of each size above the usual one"})


def runs(options: Asked) -> list[Run]:
    """Networks of every task, and of every size for one of them."""
    if min(options.seeds, options.large) < 1:
        raise InputError(f"at least one network is trained, not {min(options.seeds, options.large)}")
    seeds, large = (2, 1) if options.quick else (options.seeds, options.large)
    made = []
    for task in tasks(options.data):
        sizes = [(UNITS, seeds)]
        if task.name == SIZED:
            sizes += [(units, large) for units in (SIZES[:1] if options.quick else SIZES)]
        for units, count in sizes:
            for seed in range(count):
                settings = {"task": task.name, "units": units, "seed": seed, "epochs": task.epochs, "rate": task.rate}
                about = f"{task.train.fingerprint} {task.test.fingerprint} {task.low} {task.high} {task.most}"
                do = partial(characterize, task)
                made.append(Run(f"{task.name} {units} {seed}", settings, do, fingerprint=about))
    return made


def characterize(task: Task, settings: dict[str, Any], _: Here) -> dict[str, Any]:
    """Train, drive, ablate."""
    units, seed = settings["units"], settings["seed"]
    card = network_card(task.train, "lstm", units)
    net = fit(card, Lesson(task.train, seed=seed), task.epochs, task.rate, seed).net
    model = series_model(net, task.train)
    channels = len(task.train.channels)
    ends = Ends(torch.full((1, channels), task.low), torch.full((1, channels), task.high))
    drives = DriveCorpus([step(), sine(frequency=FREQUENCY)], ends)
    stepped, waved = list(respond(find_layer(model, "rnn.0"), drives, streams=["hidden"]))
    assert isinstance(stepped, ResponseResult)
    assert isinstance(waved, ResponseResult)
    sequences = range(min(len(task.test), task.most))
    zeroed = Ablated(model, task.test, SITE, task.measure, values=[0.0] * units, sequences=sequences)  # as in the paper
    (damage,) = analyze(zeroed, [Importance(task.measure)])
    assert isinstance(damage, ImportanceResult)
    moments = analyze(Live(model, task.test, sequences=sequences), [Moments()], [SITE])[SITE, Moments().key]
    assert isinstance(moments, MomentsResult)
    metrics = {
        "amplitude": waved.metric("amplitude"),
        "size of delta": np.abs(stepped.metric("delta")),
        "settling": stepped.metric("settling"),
    }
    readout = net.head.weight.detach().norm(dim=0).numpy().astype(np.float64)
    scores = with_baselines(metrics, readout, moments.std, gradients(model, task.test, SITE, sequences), seed)
    if task.train.classes:
        scores["class selectivity"] = class_selectivity(_class_means(model, task, sequences), floor=-1.0)
    scores |= {"delta": stepped.metric("delta"), "frequency": waved.metric("frequency")}
    score = evaluate(net, task.train, task.test)
    curves = {"step": stepped.response, "sine": waved.response} if seed == 0 else {}
    return {
        "score": {**asdict(score), "skilled": score.skilled},
        "measure": task.measure,
        "scores": {name: np.asarray(values, np.float64) for name, values in scores.items()},
        "damage": damage.mean,
        "curves": curves,
    }


def _class_means(model: ModuleModel, task: Task, sequences: range) -> Float[np.ndarray, "class unit"]:
    """Means of the hidden units at labelled steps, for each class that occurs there."""
    batch = task.test.batch(sequences)
    hidden, target = model.run(batch, [SITE])[SITE][batch.has_target].double(), batch.targets[batch.has_target]
    return np.stack([hidden[target == value].mean(0).numpy() for value in target.unique()])


def rho(one: Found, score: str) -> float:
    """Spearman's correlation of a score of the units with what the network loses without each."""
    values = one["scores"][score]
    known = np.isfinite(values)
    return float(stats.spearmanr(values[known], one["damage"][known]).statistic) if known.sum() > 2 else float("nan")


def ranks(o: Outcomes, task: str, score: str, units: int = UNITS) -> Value | None:
    """The mean correlation over the networks of a task; nothing is concluded from networks without skill."""
    own = o.where(task=task, units=units)
    if not len(own) or not all(score in one["scores"] for one in own):
        return None
    unskilled = [one.name for one in own if not one["score/skilled"]]
    why = f"{len(unskilled)} of {len(own)} networks are no better than their baseline" if unskilled else ""
    return of_runs([rho(one, score) for one in own]).unless(why)


def of_task(name: str) -> list[Claim]:
    """Claims about every task."""
    return [
        Claim(
            f"ranking-{name}",
            f"{name}: amplitude × readout ranks damage (Spearman)",
            CALIBRATION,
            {"digits, 64 steps": "0.42 and 0.49", SIZED: "0.46 and 0.49"}.get(name, ""),
            lambda o: ranks(o, name, "amplitude × readout"),
            above(0.25),
        ),
        Claim(
            f"sign-amplitude-{name}",
            f"{name}: a larger amplitude means more damage (Spearman)",
            PAPER,
            "positive",
            lambda o: ranks(o, name, "amplitude"),
            above(0),
        ),
        Claim(
            f"sign-delta-{name}",
            f"{name}: a larger step response means more damage (Spearman)",
            PAPER,
            "positive",
            lambda o: ranks(o, name, "size of delta"),
            above(0),
        ),
        Claim(
            f"responses-{name}",
            f"{name}: responses rank damage better than the deviation over data × readout (difference of Spearman)",
            CALIBRATION,
            "no better",
            lambda o: beyond(o, name),
            above(0),
        ),
        Claim(
            f"selectivity-{name}",
            f"{name}: class selectivity says little of importance (Spearman)",
            MORCOS,
            "weak",
            lambda o: ranks(o, name, "class selectivity"),
            between(-0.3, 0.3),
        ),
    ]


def beyond(o: Outcomes, task: str) -> Value | None:
    """Amplitude × readout against a score that needs no response, network by network."""
    own = o.where(task=task, units=UNITS)
    if not len(own):
        return None
    why = "" if all(own.all("score/skilled")) else "some networks are no better than their baseline"
    pairs = [(rho(one, "amplitude × readout"), rho(one, "std × readout")) for one in own]
    return of_pairs([a for a, _ in pairs], [b for _, b in pairs]).unless(why)


def pooled(o: Outcomes, of: Any) -> Value | None:
    """A share of the units of each skilled network at the usual size, over networks."""
    own = [one for one in o.where(units=UNITS) if one["score/skilled"]]
    if not own:
        return missing("no network is better than its baseline") if len(o) else None
    return of_runs([float(of(one)) for one in own])


def by_size(o: Outcomes, score: str) -> Value | None:
    """The slope of a metric's mean over the doublings of the number of units, over networks: leave-one-out error."""
    own = o.where(task=SIZED)
    if len(own.by("units")) < 2:
        return None
    x = np.log2([one["units"] for one in own])
    y = np.array([np.nanmean(one["scores"][score]) for one in own])
    return Value(*slope(x, y), f"per doubling, {len(x)} networks")


def relation(o: Outcomes) -> Value | None:
    """The same slope of the correlation of amplitude and damage."""
    own = o.where(task=SIZED)
    if len(own.by("units")) < 2:
        return None
    x = np.log2([one["units"] for one in own])
    return Value(*slope(x, np.array([rho(one, "amplitude") for one in own])), "per doubling")


GENERAL = [
    Claim(
        "negative",
        "about half of the units are inhibited by the step (share)",
        PAPER,
        "about 0.5",
        lambda o: pooled(o, lambda one: np.mean(one["scores"]["delta"] < 0)),
        between(0.35, 0.65),
    ),
    Claim(
        "frequency",
        "almost all units keep the input's frequency (share)",
        PAPER,
        "above 0.9",
        lambda o: pooled(o, lambda one: np.mean(np.abs(one["scores"]["frequency"] - FREQUENCY) <= 1 / 150)),
        above(0.9),
    ),
    *(
        Claim(
            f"capacity-{score}",
            f"{SIZED}: mean {score} {'falls' if bar.high <= 0 else 'rises'} with the number of units (slope)",
            PAPER,
            "falls" if bar.high <= 0 else "rises",
            partial(by_size, score=score),
            bar,
        )
        for score, bar in (("amplitude", below(0)), ("size of delta", below(0)), ("settling", above(0)))
    ),
    Claim(
        "capacity-relation",
        f"{SIZED}: the relation of amplitude and damage weakens with size (slope of Spearman)",
        PAPER,
        "falls",
        relation,
        below(0),
    ),
]


def quality(o: Outcomes) -> dict[str, Numbers]:
    """Scores of the networks, and scores of units against damage, by task and size."""
    learnt: dict[str, dict[str, Any]] = {}
    ranked: dict[str, dict[str, Any]] = {}
    for name, of_task_ in o.by("task").items():
        for units, own in of_task_.by("units").items():
            score = Score(**{k: v for k, v in own.found[0]["score"].items() if k != "skilled"})
            what = "mae" if score.mae == score.mae else "accuracy"
            learnt[f"{name}, {units} units"] = {
                "networks": len(own),
                what: float(np.mean(own.all(f"score/{what}"))),
                "without a model": float(np.mean(own.all("score/baseline"))),
                "better than that": f"{sum(own.all('score/skilled'))} of {len(own)}",
                "largest damage": float(np.mean([d.max() for d in own.all("damage")])),
                "median damage": float(np.mean([np.median(d) for d in own.all("damage")])),
            }
            scores = [s for s in own.found[0]["scores"] if s not in ("delta", "frequency")]
            ranked[f"{name}, {units} units"] = {s: str(of_runs([rho(one, s) for one in own])) for s in scores}
    return {"What was learnt": learnt, "Spearman's correlation of scores with damage": ranked}


def pictures(o: Outcomes) -> list[View]:
    """Responses of a network of each task, and each unit's damage against scores."""
    made: list[View] = []
    for name, own in o.where(units=UNITS).by("task").items():
        first = own.found[0]
        made += [_curves(name, drive, values) for drive, values in first["curves"].items()]
        pairs = [(one["scores"], one["damage"]) for one in own]
        ranking = rank(pairs, all(own.all("score/skilled")))
        for score in ("amplitude × readout", "settling", "class selectivity"):
            if score in first["scores"]:
                made.append(against(score, pairs, ranking[score], f"{name} {SITE}", first["measure"]))
    return made


def _curves(name: str, drive: str, y: Float[np.ndarray, "time unit"], shown: int = 16) -> Lines:
    """Distance of some units from their rest before a step, or from their mean in a sine."""
    moved = y - (y[len(y) // 2 - 1] if drive == "step" else y[len(y) // 4 :].mean(axis=0))
    order = np.argsort(moved[-1] if drive == "step" else moved.std(axis=0), kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(shown, len(order))).astype(int)]
    series = [Series(f"unit {unit}", moved[:, unit].tolist()) for unit in chosen]
    steps = [float(t) for t in range(len(moved))]
    return Lines(f"{name}: responses of single units to a {drive}", steps, series, "step", "change of the hidden value")


def sizes(o: Outcomes) -> Sequence[View]:
    """The distribution of each metric for every size."""
    own = o.where(task=SIZED).by("units")
    if len(own) < 2:
        return []
    return [
        Lines(
            f"Distribution of {score} by size",
            SHARES.tolist(),
            [
                Series(f"{units} units", np.nanquantile(np.concatenate(f.all(f"scores/{score}")), SHARES).tolist())
                for units, f in own.items()
            ],
            "share of units below",
            score,
        )
        for score in METRICS
    ]


STUDY = Study(
    name="response-characterization",
    paper="Hasani, Amini, Lechner, Naser, Grosu & Rus 2019 (arXiv 1809.03864)",
    text="""Do the dynamics of a unit say what the network loses without it?

LSTMs are trained on digits read pixel by pixel and row by row, on the carbon dioxide of Mauna Loa, on the S&P 500 and
on protein secondary structure; each unit is taken apart and driven by a step and a sine; the scores made from its
responses are set against the damage of ablating it, beside scores that need no response at all. The paper's 784-step
digits are not here, so nothing is said of them.""",
    runs=runs,
    parts=[Part("Tasks", tables=quality, views=pictures), Part("Dynamics by size", views=sizes)],
    claims=[*(claim for name in NAMES for claim in of_task(name)), *GENERAL],
    options=Asked,
)
