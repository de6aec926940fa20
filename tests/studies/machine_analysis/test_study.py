import json

import numpy as np
import pytest

from unitscope.errors import InputError
from unitscope.networks import training
from unitscope.studies import machine_analysis as study
from unitscope.studies.machine_analysis.causal import ablate
from unitscope.studies.machine_analysis.checks import dynamics_checks, kind_checks
from unitscope.studies.machine_analysis.examined import Compared, Pair, pairs
from unitscope.studies.machine_analysis.states import exactness, sources, states
from unitscope.studies.machine_analysis.zoo import material, obtain


def quiet(*_):
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A whole study of a small task: its folder, its checks, and all that was found of each network."""
    out = tmp_path_factory.mktemp("study")
    found, examine = [], study.examine

    def kept(run, read):
        found.append(examine(run, read))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "examine", kept)
        checks = study.run(out, quiet, quick=True)
    return out, checks, found


@pytest.fixture(scope="module")
def zoo(folder):
    return material(folder[0] / "zoo", True), [examined.run for examined in folder[2]]


def test_every_statement_is_checked_and_every_run_is_used(folder):
    out, checks, _ = folder
    ids = {check.id.removesuffix("-gru") for check in checks}
    expected = {"A1-parity", "A2-task", "B1-compositions", "B1-order", "B1-longer", "B2-attention", "B3-encoder"}
    expected |= {"B3-decoder", "B4-encoder", "B4-decoder", "B5-encoder", "B5-decoder", "B6-groups", "B7-attended"}
    expected |= {"B7-second", "B8-time", "B9-similarity", "B10-raw", "B10-summaries"}
    assert expected <= ids
    content = json.loads((out / "results.json").read_text())
    assert content["figures"].keys() == {f"{kind} GRU {seed}" for kind in ("baseline", "guided") for seed in (1, 2)}
    for figures in content["figures"].values():
        for group in figures["groups"].values():
            assert {"size", "accuracy", "all units", "chance"} <= group.keys()  # a size never stands alone
    assert (out / "index.html").stat().st_size > 50_000
    made = {check.id: check for check in checks}
    assert [made[name].met for name in ("A1-parity", "A3-gates", "A4-groups", "A5-counter")] == [True] * 4


def test_the_zoo_is_loaded_where_it_is_trained(folder, monkeypatch):
    monkeypatch.setattr(training, "_Run", None)
    runs = obtain(folder[0] / "zoo", ["gru"], 8, 2, True, quiet)
    assert [run.name for run in runs] == ["baseline GRU 1", "guided GRU 1", "baseline GRU 2", "guided GRU 2"]
    assert [run.options.guidance for run in runs] == [0, 1, 0, 1]


def test_a_pair_began_with_the_same_weights_and_differs_in_guidance_only(zoo):
    _, runs = zoo
    for baseline, guided in zip(runs[::2], runs[1::2], strict=True):
        different = {
            name for name, value in vars(baseline.options).items() if value != vars(guided.options)[name]
        }  # fmt: skip
        assert different == {"guidance", "out"}


def test_steps_belong_to_their_part(zoo):
    """In the original the vectors of the encoder were stored as the decoder's, and the other way round."""
    read, runs = zoo
    found = states(runs[0].model(4), read)
    assert found["encoder.hidden"].shape[1] == len(read.held_out[0].source)
    assert found["decoder.hidden"].shape[1] == len(read.held_out[0].target)
    table = read.outputs.labels("table", 0).tolist()
    assert np.isnan(table[0])
    assert [read.tables[int(number)] for number in table[1:]] == list(read.held_out[0].source[1:3])


def test_the_networks_are_exact(zoo):
    read, runs = zoo
    found = exactness(runs[1].model(4), read)
    assert found.identical
    assert max(found.double.values()) < 1e-12
    assert max(found.single.values()) < 1e-5


def test_numbers_of_a_network_are_those_of_its_states(folder, zoo):
    read, runs = zoo
    one = folder[2][1]
    hidden = states(runs[1].model(4), read)["encoder.hidden"].double().numpy()
    np.testing.assert_allclose(one.measures.variance["encoder"], hidden.var(axis=(0, 2)), rtol=1e-4)
    change = np.linalg.norm(np.diff(hidden, axis=1), axis=2).mean(0)
    np.testing.assert_allclose(one.measures.change["encoder"], change, rtol=1e-4)
    tables = np.array([pair.source[2] for pair in read.held_out])
    distance = np.linalg.norm(hidden[:, None, 2] - hidden[None, :, 2], axis=2)
    same, other = tables[:, None] == tables, ~np.eye(len(tables), dtype=bool)
    expected = distance[same & other].mean() / distance[~same].mean()
    assert one.measures.nearer["same second table"] == pytest.approx(expected, rel=1e-4)
    gate = states(runs[1].model(4), read)["encoder.update_gate"]
    share = float(((gate < 0.1) | (gate > 0.9)).float().mean())
    assert one.measures.saturated["encoder.update_gate"] == pytest.approx(share, abs=1e-5)
    assert {"encoder.reset_gate", "decoder.reset_gate"} <= one.measures.saturated.keys()
    assert not any("new_gate" in name for name in one.measures.saturated)


def test_ablation_of_all_units_leaves_one_answer(zoo):
    read, runs = zoo
    found = states(runs[1].model(4), read)["encoder.hidden"]
    row = ablate(runs[1], "all", "encoder.hidden", range(8), found, read)
    assert row.damage.random.tolist() == [row.damage.without] * len(row.damage.random)
    assert row.accuracy[1] <= row.accuracy[0]


def test_order_is_asked_of_every_pair(folder):
    found = pairs(folder[2], "gru")
    assert [pair.guided.run.seed for pair in found] == [1, 2]
    mirrored = [Pair(found[0].guided, found[0].baseline), *found[1:]]
    for every in (found, mirrored):
        (check,) = [c for c in dynamics_checks(every, "gru", 8) if c.id == "B3-encoder-gru"]
        changes = [(p.baseline.measures.change["encoder"], p.guided.measures.change["encoder"]) for p in every]
        assert check.met == all(b > a for baseline, guided in changes for a, b in zip(baseline, guided, strict=True))
    assert Compared([1.0, 2.0], [2.0, 3.0]).larger
    assert not Compared([1.0, 2.0], [2.0, 2.0]).larger
    assert str(Compared([1.0, 2.0], [2.0, 3.0])) == "2.5 against 1.5"


def test_kinds_are_told_in_unseen_runs_only_by_what_has_no_order(zoo):
    read, runs = zoo
    live = {k: [sources(r.model(4), read)["encoder"] for r in runs if r.kind == k] for k in ("baseline", "guided")}
    checks = kind_checks(study.classify_kinds(live, "encoder.hidden", 2), "gru")
    assert [check.id for check in checks] == ["B10-raw-gru", "B10-summaries-gru"]
    assert all("95 % interval" in check.note for check in checks)


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 2 runs"):
        study.run(tmp_path, quiet, seeds=1)
    with pytest.raises(InputError, match="no cell is called rnn"):
        study.run(tmp_path, quiet, cells="gru,rnn")
