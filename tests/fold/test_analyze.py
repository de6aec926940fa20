import dataclasses
import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from planted import planted

from unitscope.analyses.gate_saturation import GateSaturation
from unitscope.analyses.moments import Moments
from unitscope.analyses.step_change import StepChange
from unitscope.errors import InputError
from unitscope.fold.analysis import Analysis, Given, standard
from unitscope.fold.analyze import analyze
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.arrays import Arrays

GATE, CELL = Site("rnn.0.forget_gate", 3, 0.0, 1.0), Site("rnn.0.cell", 2)
LENGTHS = [10, 3, 20, 7]


@dataclass(frozen=True, eq=False)
class AboveResult(Result):
    share: np.ndarray

    def columns(self) -> list[Column]:
        return []

    def views(self, unit: int | None = None) -> list[Any]:
        return []


@dataclass
class Seen:
    site: Site
    mean: torch.Tensor
    chunks: list[Any]


@dataclass(frozen=True)
class Above(Analysis[Seen]):
    """Share of tokens above the mean, which has to be known first."""

    label: str = ""

    @property
    def needs(self) -> tuple[Analysis[Any], ...]:
        return (Moments(),)

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,) if self.label else ()

    def start(self, site: Site, given: Given) -> Seen:
        return Seen(site, torch.from_numpy(given[Moments()].mean), [])

    def update(self, state: Seen, chunk: Any) -> None:
        state.chunks.append(chunk)

    def merge(self, a: Seen, b: Seen) -> Seen:
        return Seen(a.site, a.mean, a.chunks + b.chunks)

    def compute(self, state: Seen) -> AboveResult:
        above = torch.cat([chunk.activations for chunk in state.chunks]) > state.mean
        return AboveResult(state.site.name, state.site.units, above.double().mean(0).numpy())


class Watched(Arrays):
    """Notes what it is asked for."""

    def chunks(self, sites, labels=(), sequences=None):
        self.__dict__.setdefault("asked", []).append((list(sites), list(labels)))
        return super().chunks(sites, labels, sequences)


@pytest.fixture
def source():
    tokens = sum(LENGTHS)
    labels = {"flag": torch.arange(tokens).float()}
    return Watched(
        {GATE: torch.rand(tokens, 3), CELL: torch.randn(tokens, 2)}, LENGTHS, token_labels=labels, batch_size=2
    )


def test_many_analyses_share_one_read(source):
    results = analyze(source, [Moments(), StepChange(), GateSaturation()])
    assert source.asked == [(["rnn.0.forget_gate", "rnn.0.cell"], [])]
    np.testing.assert_allclose(results["rnn.0.cell", "moments"].mean, source.values[CELL].mean(0), atol=1e-6)
    assert results.fingerprint == source.fingerprint


def test_without_analyses_the_standard_ones_are_made(source):
    results = analyze(source, sites=["*gate"])
    assert set(results.of(GATE.name)) == {analysis.key for analysis in standard() if analysis.applies(GATE)}


def test_what_is_needed_is_read_first(source):
    results = analyze(source, [Above(label="flag"), StepChange()])
    assert [labels for _, labels in source.asked] == [[], ["flag"]]
    expected = (source.values[CELL] > source.values[CELL].mean(0)).double().mean(0)
    np.testing.assert_array_equal(results["rnn.0.cell", Above(label="flag").key].share, expected)
    assert ("rnn.0.cell", "moments") in results.entries


def test_an_analysis_that_does_not_apply_has_no_result(source):
    results = analyze(source, [GateSaturation()])
    assert list(results.entries) == [("rnn.0.forget_gate", "gate_saturation")]


def test_sites_are_chosen_by_pattern(source):
    assert analyze(source, [Moments()], ["*.cell"]).sites() == ["rnn.0.cell"]
    with pytest.raises(
        InputError, match=r"no site matches 'attention\.\*'; there are: rnn\.0\.forget_gate, rnn\.0\.cell"
    ):
        analyze(source, [Moments()], ["attention.*"])


@pytest.mark.parametrize("values", [1, 12, 25, 10**6])
def test_parts_are_whole_sequences_in_order(source, values, monkeypatch):
    # The package has a function of the same name, so the module is asked for.
    monkeypatch.setattr(importlib.import_module("unitscope.fold.stage"), "CACHED", values)
    whole = dataclasses.replace(source, batch_size=4)
    state = []
    monkeypatch.setattr(Above, "update", lambda self, seen, chunk: state.append(chunk))
    monkeypatch.setattr(Above, "compute", lambda self, seen: AboveResult(seen.site.name, 2, np.zeros(2)))
    analyze(whole, [Above(label="flag")], ["*.cell"])
    assert torch.equal(torch.cat([part.activations for part in state]), source.values[CELL])
    assert torch.equal(torch.cat([part.labels["flag"] for part in state]), source.token_labels["flag"])
    sequences = [part.sequence.unique().tolist() for part in state]
    assert [sequence for found in sequences for sequence in found] == [0, 1, 2, 3]
    assert all(len(part) <= values // 2 or len(found) == 1 for part, found in zip(state, sequences, strict=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_is_named(source, value):
    source.values[CELL][12, 1] = value
    with pytest.raises(InputError, match=rf"rnn\.0\.cell/1 is {value} in sequence 1"):
        analyze(source, [Moments()])


def test_large_values_are_finite_although_their_sum_is_not(source):
    source.values[CELL][:] = 3e38
    source.values[GATE][:] = 0.5
    analyze(source, [GateSaturation()])


def test_an_empty_source_is_named():
    with pytest.raises(InputError, match="planted has no sequences to analyse"):
        analyze(planted({CELL: torch.empty(0, 2)}, []), [Moments()])


def test_progress_counts_the_sequences_of_every_pass(source):
    seen = []
    analyze(source, [Above()], progress=lambda _, done, total: seen.append((done, total)))
    assert seen == [(2, 8), (4, 8), (6, 8), (8, 8)]
