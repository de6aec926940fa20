"""One trained network of the study: what it learnt, how its units respond, and what each of them is worth."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from unitscope.analyses.class_selectivity import class_selectivity
from unitscope.analyses.importance import Importance, ImportanceResult
from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.analyses.response import ResponseResult
from unitscope.corpus.drives import DriveCorpus, Ends, sine, step
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.ablated import Ablated
from unitscope.interventions.layers import find_layer
from unitscope.interventions.ranking import with_baselines
from unitscope.interventions.responses import respond
from unitscope.interventions.screen import gradients
from unitscope.models.module import ModuleModel
from unitscope.networks.lessons.series import Lesson, Score, evaluate, fit, network_card
from unitscope.networks.series import series_model
from unitscope.source.live import Live
from unitscope.studies.response_characterization.tasks import Task

SITE, FREQUENCY = "rnn.0.hidden", 0.05
KEPT = "network.json"


@dataclass(frozen=True)
class Network:
    """One trained network, described."""

    score: Score
    results: ResultSet
    scores: dict[str, Float[np.ndarray, " unit"]]
    damage: Float[np.ndarray, " unit"]


def described(folder: Path, task: Task, units: int, seed: int) -> Network:
    """A network as it was kept in the folder, or made now and kept: a study that was stopped goes on."""
    made_from = f"{task.train.fingerprint} {task.test.fingerprint} {task.epochs} {task.rate} {task.low} {task.high}"
    key = hashlib.sha256(f"{made_from} {task.most} {units} {seed}".encode()).hexdigest()[:16]
    where = folder / key
    if (where / KEPT).exists():
        kept = json.loads((where / KEPT).read_text())
        scores = {name: np.array(values, dtype=np.float64) for name, values in kept["scores"].items()}
        return Network(Score(**kept["score"]), ResultSet.load(where), scores, np.array(kept["damage"]))
    found = characterize(task, units, seed)
    found.results.save(where)
    scores = {name: values.tolist() for name, values in found.scores.items()}
    about = {"task": task.name, "units": units, "seed": seed}
    # Last, because it says that the rest is there.
    (where / KEPT).write_text(
        json.dumps({**about, "score": asdict(found.score), "scores": scores, "damage": found.damage.tolist()})
    )
    return found


def characterize(task: Task, units: int, seed: int) -> Network:
    """Train, drive, ablate."""
    card = network_card(task.train, "lstm", units)
    net = fit(card, Lesson(task.train, seed=seed), task.epochs, task.rate, seed).net
    model = series_model(net, task.train)
    channels = len(task.train.channels)
    ends = Ends(torch.full((1, channels), task.low), torch.full((1, channels), task.high))
    drives = DriveCorpus([step(), sine(frequency=FREQUENCY)], ends)
    results = respond(find_layer(model, "rnn.0"), drives, streams=["hidden"])
    stepped, waved = list(results)
    assert isinstance(stepped, ResponseResult)
    assert isinstance(waved, ResponseResult)
    sequences = range(min(len(task.test), task.most))
    ablated = analyze(Ablated(model, task.test, SITE, task.measure, sequences=sequences), [Importance(task.measure)])
    results.entries |= ablated.entries
    (damage,) = ablated
    assert isinstance(damage, ImportanceResult)
    moments = analyze(Live(model, task.test, sequences=sequences), [Moments()], [SITE])[SITE, Moments().key]
    assert isinstance(moments, MomentsResult)
    metrics = {
        "amplitude": waved.metric("amplitude"),
        "size of delta": np.abs(stepped.metric("delta")),
        "settling": stepped.metric("settling"),
    }
    readout = net.head.weight.detach().norm(dim=0).numpy().astype(np.float64)
    slope = gradients(model, task.test, SITE, sequences)
    scores = with_baselines(metrics, readout, moments.std, slope, seed)
    if task.train.classes:
        scores["class selectivity"] = class_selectivity(_class_means(model, task, sequences), floor=-1.0)
    scores["delta"] = stepped.metric("delta")
    scores["frequency"] = waved.metric("frequency")
    return Network(evaluate(net, task.train, task.test), results, scores, damage.mean)


def _class_means(model: ModuleModel, task: Task, sequences: range) -> Float[np.ndarray, "class unit"]:
    """Of the hidden units where a class is told: the classes that occur there."""
    batch = task.test.batch(sequences)
    hidden, target = model.run(batch, [SITE])[SITE][batch.has_target].double(), batch.targets[batch.has_target]
    return np.stack([hidden[target == value].mean(0).numpy() for value in target.unique()])
