"""The parts of the study that look at the whole grid: losses, the map of models, gates, errors."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from unitscope.errors import InputError
from unitscope.networks.card import load
from unitscope.networks.context import ContextConfig, ContextNet
from unitscope.networks.files import CONFIG
from unitscope.networks.lessons.text import train_context
from unitscope.networks.recipes import Modern
from unitscope.networks.stream import stream_of
from unitscope.page.page import Section
from unitscope.studies.visualizing_rnns import checks
from unitscope.studies.visualizing_rnns.dynamics import CONTEXTS, resemblance
from unitscope.studies.visualizing_rnns.errors import checks_of_errors, errors_of
from unitscope.studies.visualizing_rnns.exactness import recording_error
from unitscope.studies.visualizing_rnns.grid import Member
from unitscope.studies.visualizing_rnns.held_out import train_segments
from unitscope.studies.visualizing_rnns.model_map import Apart, apart, distances
from unitscope.studies.visualizing_rnns.onion import word_counts
from unitscope.studies.visualizing_rnns.published import STATUS
from unitscope.studies.visualizing_rnns.saturation import saturation, summary
from unitscope.studies.visualizing_rnns.setting import Part, Setting
from unitscope.view import View


def loss_part(s: Setting) -> Part:
    """Losses beside the published, anchors, protocols and orderings."""
    losses = {m.name: s.losses.of(m) for m in s.members}
    figures = {name: [loss.mean, loss.low, loss.high] for name, loss in losses.items()}
    figures |= {f"{n}-gram": [float(-v.mean(dtype=np.float64))] for n, v in s.losses.ngrams.items()}
    text = (
        "Nats per character over the test text, which no network has seen: the last of each of the stretches into "
        "which the text is cut. Intervals are by bootstrap over stretches. Rows are budgets of weights, not widths. "
        "Differences between networks in the checks are taken character by character, so they are surer than the "
        f"intervals here say. Published values: {STATUS}; the modern protocol is not the paper's."
    )
    found = [*checks.of_text(s.corpus, s.losses), *checks.of_budgets(), *checks.of_losses(s.losses)]
    return Part(Section("losses", "Losses", text, s.losses.views()), found, {"test nats": figures})


def map_part(s: Setting) -> Part:
    """How differently models predict."""
    nets = {m.name: load(m.folder)[0] for m in s.members}
    found = distances(s.test, nets)
    kinds = {m.name: m.cell.upper() for m in s.members}
    is_rnn = [m.cell == "rnn" for m in s.members]
    away: Apart | None = None
    if sum(is_rnn) >= 2 and len(is_rnn) - sum(is_rnn) >= 2:
        away = apart(found.disagreement, is_rnn, seed=s.seed)
    text = "How differently two networks predict the test text, and the plane in which like stands near like."
    figures = {"networks": list(nets), "disagreement": found.disagreement.tolist()}
    return Part(Section("map", "Map of models", text, found.views(kinds)), checks.of_map(away), {"map": figures})


def gate_part(s: Setting) -> Part:
    """Saturation, and whether recorded gates are those of the modules."""
    corpus = s.part("test")
    gated = [m for m in s.members if m.cell != "rnn"]
    found = []
    for done, member in enumerate(gated, start=1):
        found.append(saturation(member.model(), corpus))
        s.show("gates", done, len(gated))
    first = gated[0].model().untrained(s.seed) if gated else None
    untrained = saturation(first, corpus, range(min(20, len(corpus)))) if first else None
    worst = max(recording_error(m.model(), corpus) for m in s.members)
    pictured = [one for one in found if one.name in _pictured(gated, s)]
    views: list[View] = [summary(found, {m.name: m.forget_bias for m in gated})]
    views += [view for one in pictured for view in one.views()]
    text = (
        "A gate's unit is left-saturated where it is below 0.1 and right-saturated where it is above 0.9; each point "
        "is a unit, its place the shares of the test characters. The paper's text came before char-rnn began forget "
        "gates at a bias of 1, so both beginnings are shown where they were trained."
    )
    held = [checks.of_recording(worst)]
    if untrained is not None:
        held += checks.of_gates(found, untrained, s.large)
    figures = {one.name: {gate: [one.left(gate).max(), one.right(gate).max()] for gate in one.gates} for one in found}
    return Part(Section("gates", "Gates", text, views), held, {"largest left and right share": figures})


def _pictured(gated: Sequence[Member], s: Setting) -> set[str]:
    """The deepest networks of each kind, and the best of each."""
    best = [s.best(kind) for kind in ("lstm", "gru")]
    deepest = max((m.layers for m in gated), default=0)
    return {m.name for m in gated if m.layers == deepest} | {m.name for m in best if m}


NN_CONTEXTS = (1, 2, 3, 4, 5, 6)


def error_part(s: Setting) -> list[Part]:
    """Errors, gains, the brace case, the onion, and what a learning network resembles."""
    nets = fixed_contexts(s)
    scored = {n: s.test.scores(net) for n, net in nets.items()}
    path = None
    learner = s.learner()
    if learner:
        s.show("training dynamics", 0, 1)
        path = resemblance(s.test, learner.snapshots(), s.ngram, nets, [n for n in CONTEXTS if n <= s.ngram.context])
        s.show("training dynamics", 1, 1)
    words = word_counts(train_segments(s.corpus), s.corpus.vocabulary)
    s.show("errors", 0, 1)
    sizes = {m.name: m.size for m in s.members}
    found = errors_of(s.test, s.losses.scores, sizes, s.test.ngram_scores(s.ngram), words, scored, path)
    s.show("errors", 1, 1)
    sections = found.sections()
    held = checks_of_errors(found, s.losses.reference)
    return [Part(sections[0], held, {"errors": found.figures()}), *(Part(section) for section in sections[1:])]


def fixed_contexts(s: Setting) -> dict[int, ContextNet]:
    """Networks that read the last n characters, as n-grams do: those of the folder, or trained and kept there."""
    folders = {int(path.parent.name): path.parent for path in (s.grid / "n-NN").glob(f"[0-9]*/{CONFIG}")}
    if not folders:
        recipe = replace(Modern(), epochs=1 if s.quick else 3, rows=32, steps=s.corpus.split.steps, rate=4e-2)
        train, validation = (stream_of(s.part(part)) for part in ("train", "validation"))
        contexts = NN_CONTEXTS[:2] if s.quick else NN_CONTEXTS
        for done, n in enumerate(contexts, start=1):
            config = ContextConfig(len(s.corpus.vocabulary), n, 64 if s.quick else 256)
            folders[n] = s.grid / "n-NN" / str(n)
            train_context(train, validation, config, recipe, s.seed, folders[n])
            s.show("n-NN", done, len(contexts))
    found = {n: load(folder, ("context",))[0] for n, folder in sorted(folders.items())}
    for net in found.values():
        if net.config.symbols != len(s.corpus.vocabulary):
            raise InputError(f"{s.grid / 'n-NN'} holds networks of other symbols; remove them, or give another --grid")
    return found
