"""The page of the study."""

from collections.abc import Sequence
from dataclasses import dataclass

from unitscope.analyses.change_by_step import ChangeByStep, ChangeByStepResult
from unitscope.comparison.groups import GroupComparison, kinship_note
from unitscope.comparison.kinds import KindAccuracy, kinds_table
from unitscope.comparison.runs import Differences
from unitscope.comparison.steps import compare_changes, transition_views
from unitscope.page.comparison import kinship_views
from unitscope.page.page import Page, Section, build_page
from unitscope.studies.check import Check, checks_table
from unitscope.studies.machine_analysis import views
from unitscope.studies.machine_analysis.examined import Examined, Pair
from unitscope.studies.machine_analysis.groups import ATTENDED, TABLE
from unitscope.studies.machine_analysis.states import PARTS, States
from unitscope.studies.machine_analysis.zoo import KINDS, Material
from unitscope.view import View

READ = """
Networks of one architecture learn to apply lookup tables. Guided ones are also told, while they learn, where to look
(attentive guidance); baseline ones are not. Pairs with one seed began with the same weights. All units are read on
pairs of two tables that were not trained on.

A run is one piece of evidence, however many pairs it read: statements are asked of every pair of runs, and tests
permute runs. With few runs no test can be very sure, and the table says how sure it can be at best.
"""
GROUPS = """
A linear probe of all units tells a label; units are added in the order of their weights, over all classes, until 95 %
of its accuracy is reached. A size means nothing without its accuracy: where all units are at chance, few units are as
good.
"""
ABLATION = """
Does the network use the units that a probe finds? The group is held at its means while the network does the
compositions that it learnt, and so are random groups of the same size. That a few units are enough for a probe does
not make them the only ones that know: where the same is told by others too, the network can do without them.

This was never asked in the original, which takes features from a probe and nothing from a network.
"""
TIME = """
Which step is it? Ridge regression on all units, on each unit alone, and without each unit, judged on whole pairs that
were held out.
"""
KIND = """
A classifier of raw activations is nearly perfect on runs that it has seen, whatever the kinds are: unit 7 of one run is
not unit 7 of another. Only what does not depend on the order of units can be the mark of a kind.
"""
SIMILAR = """
Distance of two sources that share a table, over that of two that do not; below 1 the shared table brings states
together. No pair is in both groups; groups are permuted over sources for p.
"""
WEIGHTS = """
How much each unit counts for a probe, and what the encoder's units read of each other: the units of the functional
group for the table stand first, in brackets, the others in clusters.
"""
FAULTS = """
Encoder and decoder are read by name, the LSTM's decoder starts from both hidden state and cell, groups are ranked by
the weights of all classes, similar and other pairs are disjoint, whole sequences are held out, every seed is used. In
the published analysis none of these was so, and some of its numbers are of the other half, or off the model.
"""


@dataclass(frozen=True)
class Chapter:
    """All that was found of the networks with one kind of cell."""

    cell: str
    zoo: Sequence[Examined]
    pairs: Sequence[Pair]
    kinds: Sequence[KindAccuracy]
    differences: Differences
    compared: GroupComparison
    states: dict[str, States]
    """Of the first pair, by kind."""


def study_page(checks: Sequence[Check], chapters: Sequence[Chapter], material: Material) -> Page:
    """Everything on one page."""
    sections = [Section("checks", "What held", READ.strip(), [checks_table(checks)])]
    for chapter in chapters:
        sections += _chapter(chapter, material)
    sections.append(Section("faults", "Faults that are not repeated", FAULTS.strip()))
    networks = sum(len(chapter.zoo) for chapter in chapters)
    subtitle = f"{networks} networks, {len(material.held_out)} held-out pairs"
    return build_page("Guided and baseline, unit by unit", subtitle, sections)


def _chapter(chapter: Chapter, material: Material) -> list[Section]:
    first, name = chapter.pairs[0], chapter.cell.upper()

    def section(id: str, title: str, text: str, shown: Sequence[View]) -> Section:
        return Section(f"{chapter.cell}-{id}", f"{name}: {title}", text.strip(), shown)

    change = views.over_steps(chapter.pairs, lambda e: e.measures.change, "change")
    variance = views.over_steps(chapter.pairs, lambda e: e.measures.variance, "variance")
    time = [view for part in PARTS for kind in KINDS for view in _time(first, kind, part)]
    similar = [view for kind in KINDS for view in _similar(first, kind)]
    compared = chapter.compared
    return [
        section("accuracy", "what the networks can do", "", [views.accuracies(chapter.zoo, material)]),
        section("variance", "distributions over steps", "", [*variance, *views.violins(first)]),
        section("change", "change from step to step", "", [*change, *_transitions(first)]),
        section("saturation", "saturated gates", "", views.saturation(first)),
        section("groups", "functional groups", GROUPS, [views.group_sizes(chapter.zoo), *views.curves(first)]),
        section(
            "ablation", "without the groups", ABLATION,
            [*views.ablations(chapter.zoo), *views.without_more(chapter.pairs)],
        ),
        section("time", "time", TIME, time),
        section("similar", "similar samples", SIMILAR, similar),
        section("kinds", "guided or baseline?", KIND, [kinds_table(chapter.kinds)]),
        section(
            "runs", "tests over runs", chapter.differences.warning,
            [chapter.differences.view(), compared.differences.view()],
        ),
        section("kin", "are runs of one kind more alike?", kinship_note(_sizes(chapter)), kinship_views(compared)),
        section("one", "one pair of sequences", "", views.one_pair(chapter.states, material, 0)),
        section(
            "weights", "weights", WEIGHTS,
            [*views.weights(first, TABLE), *views.weights(first, ATTENDED), *views.recurrent(first, TABLE)],
        ),
    ]  # fmt: skip


def _sizes(chapter: Chapter) -> tuple[int, int]:
    return len(chapter.pairs), len(chapter.pairs)


def _transitions(pair: Pair) -> list[View]:
    made: list[View] = []
    for part in PARTS:
        results = []
        for one in (pair.baseline, pair.guided):
            result = one.results[f"{part}.hidden", ChangeByStep.name]
            assert isinstance(result, ChangeByStepResult)
            results.append(result)
        names = (pair.baseline.run.name, pair.guided.run.name)
        made += [views.titled(view, part) for view in transition_views(compare_changes(results[0], results[1]), names)]
    return made


def _time(pair: Pair, kind: str, part: str) -> list[View]:
    one = pair.guided if kind == "guided" else pair.baseline
    return [views.titled(view, f"{one.run.name}, {part}") for view in one.time[part].views()]


def _similar(pair: Pair, kind: str) -> list[View]:
    one = pair.guided if kind == "guided" else pair.baseline
    return [
        views.titled(view, f"{one.run.name}, {what}") for what, found in one.similar.items() for view in found.views()
    ]
