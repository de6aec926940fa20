"""The laws of analyses, for every analysis that is found."""

import copy
import dataclasses
import json
import math
import random

import numpy as np
import pytest
import torch
from planted import chunk_of, planted
from safetensors.torch import load_file, save_file

from unitscope.fold.analysis import catalogue, result_type, state_type, title
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.fold.state import Packed, pack, unpack
from unitscope.models.site import Site
from unitscope.result import Result
from unitscope.views import to_json

LENGTHS = [30, 1, 12, 45, 7, 20, 33, 5, 18, 29]
UNITS = 6
LABELS = ("flag", "number")
SITES = {
    "gate": Site("rnn.0.forget_gate", UNITS, 0.0, 1.0),
    "state": Site("rnn.0.hidden", UNITS, -1.0, 1.0),
    "positive": Site("mlp.0.relu", UNITS, 0.0, math.inf),
    "unbounded": Site("rnn.0.cell", UNITS),
}

SMALL = {"examples": {"count": 3, "stretch": 10}, "autocorrelation": {"longest": 16}}
"""Parameters at which even few data make a choice necessary."""


def instance(name, kind):
    # Those that ask about labels are asked about the labels that there are.
    asked = {f.name: LABELS for f in dataclasses.fields(kind) if f.type == tuple[str, ...]}
    return kind(**asked, **SMALL.get(name, {}))


ANALYSES = {name: instance(name, kind) for name, kind in catalogue().items()}
CASES = [
    pytest.param(analysis, site, id=f"{name}-{where}")
    for name, analysis in ANALYSES.items()
    for where, site in SITES.items()
    if analysis.applies(site)
]
for_every_case = pytest.mark.parametrize(("analysis", "site"), CASES)
for_every_analysis = pytest.mark.parametrize("analysis", [pytest.param(a, id=name) for name, a in ANALYSES.items()])


def activations(site, seed=0):
    """Units that remember, within the bounds of the site."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(sum(LENGTHS), site.units, generator=generator)
    for t in range(1, len(x)):
        x[t] += 0.7 * x[t - 1]
    if site.is_gate:
        return torch.sigmoid(2 * x)
    return torch.tanh(x) if site.high == 1 else 5 * x.clamp(min=site.low)


def source_of(site, x=None, **more):
    generator = torch.Generator().manual_seed(1)
    tokens = sum(LENGTHS)
    number = torch.randn(tokens, generator=generator)
    number[::7] = torch.nan  # undefined there
    labels = {"flag": (torch.rand(tokens, generator=generator) < 0.3).float(), "number": number}
    labels["step"] = torch.cat([(torch.arange(n) >= n // 2).float() for n in LENGTHS])  # a drive
    labels["class"] = (torch.arange(tokens) // 5 % 4).float()
    labels["has-loss"] = (torch.arange(tokens) % 3 > 0).float()
    return planted({site: activations(site) if x is None else x}, LENGTHS, token_labels=labels, **more)


def given(analysis, source):
    """The results that the analysis needs."""
    if not analysis.needs:
        return {}
    results = analyze(source, analysis.needs)
    return {need: results[source.sites[0].name, need.key] for need in analysis.needs}


class Fold:
    """States of one analysis over parts of one source."""

    def __init__(self, analysis, source):
        self.analysis, self.source, self.site = analysis, source, source.sites[0]
        self.given = given(analysis, source)

    def state(self, sequences, batch=3):
        state = self.analysis.start(self.site, self.given)
        for first in range(0, len(sequences), batch):
            self.add(state, sequences[first : first + batch])
        return state

    def add(self, state, sequences):
        self.analysis.update(state, chunk_of(self.source, self.site, sequences, self.analysis.labels))

    def compute(self, state):
        return self.analysis.compute(state)

    def whole(self):
        return self.compute(self.state(list(self.source.sequences)))


def assert_same(found: Result, expected: Result, exact=False):
    """Whole numbers and texts must be equal, other numbers up to rounding."""
    assert type(found) is type(expected)
    for field in dataclasses.fields(expected):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(b, np.ndarray):
            assert (a.dtype, a.shape) == (b.dtype, b.shape), field.name
            if exact or not np.issubdtype(b.dtype, np.floating):
                np.testing.assert_array_equal(a, b, err_msg=field.name)
            else:
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6, err_msg=field.name)
        elif isinstance(b, float) and not exact:
            assert a == pytest.approx(b, rel=1e-4, nan_ok=True), field.name
        else:
            assert a == b, field.name


@for_every_case
@pytest.mark.parametrize("seed", range(3))
def test_any_division_merges_to_the_whole(analysis, site, seed):
    dice = random.Random(seed)
    fold = Fold(analysis, source_of(site))
    parts = [[] for _ in range(dice.randint(2, 5))]
    for sequence in fold.source.sequences:
        dice.choice(parts).append(sequence)
    states = [fold.state(part, batch=dice.randint(1, 4)) for part in parts]
    while len(states) > 1:
        a = states.pop(dice.randrange(len(states)))
        b = states.pop(dice.randrange(len(states)))
        states.append(analysis.merge(a, b))
    assert_same(fold.compute(states[0]), fold.whole())


@for_every_case
def test_a_state_that_was_written_and_read_is_the_same_state(analysis, site, tmp_path):
    fold = Fold(analysis, source_of(site))
    states = [fold.state(part) for part in ([0, 1, 2, 3], [], [4, 5, 6, 7, 8, 9])]
    read = []
    for number, state in enumerate(states):
        packed = pack(state)
        path = tmp_path / f"{number}.safetensors"
        save_file({name: tensor.contiguous().clone() for name, tensor in packed.tensors.items()}, path)
        plain = json.loads(json.dumps(packed.plain, allow_nan=False))
        read.append(unpack(state_type(type(analysis)), Packed(load_file(path), plain)))
        assert_same(fold.compute(read[-1]), fold.compute(state), exact=True)
    whole, again = (analysis.merge(analysis.merge(a, b), c) for a, b, c in (states, read))
    assert_same(fold.compute(again), fold.compute(whole), exact=True)
    # What was read goes on as if nothing had happened, and shares nothing with what was packed.
    fold.add(read[0], [4, 5])
    fold.add(states[0], [4, 5])
    assert_same(fold.compute(read[0]), fold.compute(states[0]), exact=True)


@for_every_case
@pytest.mark.parametrize("work", [1, 300])
def test_parts_of_any_size_merge_to_the_whole(analysis, site, work):
    source = source_of(site)
    whole, parts = (analyze(source, [analysis], work=size)[site.name, analysis.key] for size in (10**9, work))
    assert_same(parts, whole)


@for_every_case
def test_the_size_of_chunks_does_not_matter(analysis, site):
    fold = Fold(analysis, source_of(site))
    everything = list(fold.source.sequences)
    for batch in (1, len(everything)):
        assert_same(fold.compute(fold.state(everything, batch)), fold.whole())


@for_every_case
def test_an_empty_chunk_changes_nothing(analysis, site):
    fold = Fold(analysis, source_of(site))
    state = fold.state([0, 1, 2])
    before = fold.compute(state)
    fold.add(state, [])
    assert_same(fold.compute(state), before, exact=True)

    late = analysis.start(site, fold.given)
    fold.add(late, [])
    fold.add(late, [0, 1, 2])
    assert_same(fold.compute(late), before, exact=True)

    nothing = analysis.start(site, fold.given)
    for merged in (analysis.merge(state, nothing), analysis.merge(nothing, state)):
        assert_same(fold.compute(merged), before)


@for_every_case
def test_no_data_is_no_error(analysis, site):
    fold = Fold(analysis, source_of(site))
    result = fold.compute(fold.state([]))
    assert_renders(result)
    assert_same(fold.compute(analysis.merge(fold.state([]), fold.state([]))), result, exact=True)


@for_every_case
def test_compute_twice_is_the_same_and_takes_nothing_from_the_state(analysis, site):
    fold = Fold(analysis, source_of(site))
    state = fold.state([0, 1, 2, 3])
    first = fold.compute(state)
    kept = copy.deepcopy(first)
    assert_same(fold.compute(state), first, exact=True)
    fold.add(state, [4, 5])
    fold.compute(state)
    assert_same(first, kept, exact=True)


@for_every_case
def test_merge_leaves_its_inputs_alone(analysis, site):
    fold = Fold(analysis, source_of(site))
    a, b = fold.state([0, 1, 2]), fold.state([3, 4])
    before = copy.deepcopy((fold.compute(a), fold.compute(b)))
    merged = analysis.merge(a, b)
    fold.add(merged, [5, 6])
    assert_same(fold.compute(a), before[0], exact=True)
    assert_same(fold.compute(b), before[1], exact=True)
    # Nor do they change what came out of them.
    expected = copy.deepcopy(fold.compute(merged))
    fold.add(a, [7])
    fold.add(b, [8])
    assert_same(fold.compute(merged), expected, exact=True)


@for_every_case
def test_exchanging_units_exchanges_the_columns(analysis, site):
    order = torch.randperm(UNITS, generator=torch.Generator().manual_seed(2))
    x = activations(site)
    plain = Fold(analysis, source_of(site, x)).whole().columns()
    exchanged = Fold(analysis, source_of(site, x[:, order])).whole().columns()
    new_address = {f"{site.name}/{int(old)}": f"{site.name}/{new}" for new, old in enumerate(order)}
    for before, after in zip(plain, exchanged, strict=True):
        expected = before.values[order.numpy()]
        if before.kind == "unit":
            expected = np.array([new_address.get(address, address) for address in expected], dtype=object)
        if before.kind in ("unit", "text"):
            assert after.values.tolist() == expected.tolist(), before.name
        else:
            np.testing.assert_allclose(after.values, expected, rtol=1e-4, atol=1e-6, err_msg=before.name)


@for_every_case
def test_a_result_survives_saving(analysis, site, tmp_path):
    results = analyze(source_of(site), [analysis])
    results.save(tmp_path)
    loaded = ResultSet.load(tmp_path)
    assert loaded.fingerprint == results.fingerprint
    assert list(loaded.entries) == list(results.entries)
    for key, result in results.entries.items():
        assert_same(loaded.entries[key], result, exact=True)
    assert loaded.to_pandas().equals(results.to_pandas())
    for path in tmp_path.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=_no_json)


def _no_json(word):
    raise AssertionError(f"{word} is no JSON")


def assert_renders(result):
    """Every view can be written as strict JSON, for the site and for each unit."""
    for unit in (None, *range(result.units)):
        for view in result.views(unit):
            assert view.title
            json.dumps(to_json(view), allow_nan=False)


@for_every_case
def test_every_result_renders(analysis, site):
    result = Fold(analysis, source_of(site)).whole()
    assert_renders(result)
    assert result.views(), "no picture of the site"
    assert result.views(0), "no picture of a unit"


@for_every_case
def test_units_that_stand_still_do_no_harm(analysis, site):
    x = activations(site)
    x[:, 0] = 0.0
    x[:, 1] = 0.3
    x[:, 2] = 1.0
    source = source_of(site, x)
    fold = Fold(analysis, source)
    result = fold.whole()
    assert_renders(result)
    for column in result.columns():
        if column.kind not in ("unit", "text"):
            assert not np.isinf(column.values[:3]).any(), column.name
    # The others are what they are without them.
    for still, moving in zip(result.columns(), Fold(analysis, source_of(site)).whole().columns(), strict=True):
        if moving.kind not in ("unit", "text") and moving.name != "nearest r":
            np.testing.assert_allclose(still.values[3:], moving.values[3:], rtol=1e-5, err_msg=still.name)


@for_every_case
def test_one_unit_and_one_token_are_enough(analysis, site):
    narrow = dataclasses.replace(site, units=1)
    source = planted(
        {narrow: activations(narrow)[:1]},
        [1],
        token_labels={name: torch.ones(1) for name in (*LABELS, "class", "step", "has-loss")},
    )
    assert_renders(Fold(analysis, source).whole())


@for_every_analysis
def test_it_says_what_it_is(analysis):
    kind = type(analysis)
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert kind.name == kind.__module__.rsplit(".", 1)[-1]
    assert kind.__doc__ is not None
    assert not kind.__doc__.startswith(f"{kind.__name__}("), "the docstring is the one that dataclass makes"
    assert title(kind)[0].isupper()
    assert issubclass(result_type(kind), Result)
    for field in dataclasses.fields(kind):
        assert field.metadata.get("help"), f"{kind.name} does not say what {field.name} is"


@for_every_case
def test_columns_say_what_they_are(analysis, site):
    result = Fold(analysis, source_of(site)).whole()
    assert isinstance(result, result_type(type(analysis)))
    for column in result.columns():
        assert column.help
        assert column.values.shape == (UNITS,)


def test_no_two_columns_have_one_name():
    results = analyze(source_of(SITES["gate"]), list(ANALYSES.values()))
    table = results.to_pandas()
    assert table.columns.is_unique
    assert len(table) == UNITS
