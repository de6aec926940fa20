"""A whole study of a small task, and whether its numbers are those of the networks' states."""

import json

import numpy as np
import pytest

from unitscope.errors import InputError
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.studies import runner
from unitscope.studies.library.machine_analysis import Asked
from unitscope.studies.library.machine_analysis.claims import doublings, of_pair
from unitscope.studies.library.machine_analysis.look import network
from unitscope.studies.library.machine_analysis.states import exactness, states
from unitscope.studies.library.machine_analysis.zoo import material, options
from unitscope.studies.study import Found, Here, Outcomes, Run


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    return out, runner.do("machine-analysis", Asked(quick=True), out)


@pytest.fixture(scope="module")
def guided(done):
    out, found = done
    one = found.outcomes.one(kind="guided", seed=1)
    net, _, read = network(None, one.run.settings, Here(out, out))
    return one, Seq2SeqModel(net, places=4), read


def test_every_statement_is_concluded_and_every_network_stands_in_the_tables(done):
    out, found = done
    ids = {one.claim.id for one in found.claims}
    expected = {"parity", "sets", "planted-gates", "planted-groups", "noise", "counter", "compositions-gru", "half-gru"}
    assert expected | {"attention-gru", "change-encoder-gru", "groups-gru", "raw-gru", "summaries-gru"} <= ids
    assert not any(id.endswith("-lstm") for id in ids)
    exact = {one.claim.id: one.verdict for one in found.claims if one.value.low == one.value.high}
    right = ("parity", "identical", "planted-gates", "planted-groups", "planted-order", "noise", "counter")
    assert [exact[name] for name in right] == ["holds"] * len(right)
    tables = json.loads((out / "results.json").read_text())["tables"]
    names = {f"{kind} gru {seed}" for kind in ("baseline", "guided") for seed in (1, 2)}
    assert tables["What the networks can do"]["Every network on every set"].keys() == names
    for row in tables["Functional groups"]["Functional groups"].values():
        assert {"size", "accuracy", "all units", "chance"} <= row.keys()  # a size never stands alone
    assert (out / "index.html").stat().st_size > 50_000


def test_numbers_of_a_network_are_those_of_its_states(guided):
    one, model, read = guided
    found = states(model, read)
    assert found["encoder.hidden"].shape[1] == len(read.held_out[0].source)
    assert found["decoder.hidden"].shape[1] == len(read.held_out[0].target)
    hidden, numbers = found["encoder.hidden"].double().numpy(), one["numbers"]
    np.testing.assert_allclose(numbers["variance"]["encoder"], hidden.var(axis=(0, 2)), rtol=1e-4)
    change = np.linalg.norm(np.diff(hidden, axis=1), axis=2).mean(0)
    np.testing.assert_allclose(numbers["change"]["encoder"], change, rtol=1e-4)
    tables = np.array([pair.source[2] for pair in read.held_out])
    distance = np.linalg.norm(hidden[:, None, 2] - hidden[None, :, 2], axis=2)
    same, other = tables[:, None] == tables, ~np.eye(len(tables), dtype=bool)
    expected = distance[same & other].mean() / distance[~same].mean()
    assert numbers["distance"]["same second table"] == pytest.approx(expected, rel=1e-4)
    gate = found["encoder.update_gate"]
    share = float(((gate < 0.1) | (gate > 0.9)).float().mean())
    assert numbers["saturated"]["encoder.update_gate"] == pytest.approx(share, abs=1e-5)
    assert not any("new_gate" in name for name in numbers["saturated"])


def test_the_networks_are_exact(guided):
    _, model, read = guided
    found = exactness(model, read)
    assert found.identical
    assert max(found.double.values()) < 1e-12


def test_a_pair_differs_in_guidance_only(done):
    _, found = done
    for guided, base in found.outcomes.pairs("kind", "guided", "baseline"):
        one, other = (vars(options(done[0], each.run.settings)) for each in (guided, base))
        assert {name for name in one if one[name] != other[name]} == {"guidance", "out"}


def test_nothing_is_concluded_from_networks_that_have_not_learnt():
    def outcomes(learnt):
        found = [
            Found(Run("", {"kind": kind, "cell": "gru", "seed": seed}, print), {"numbers": {"x": x}, "curve": learnt})  # type: ignore[arg-type]
            for kind, x in (("guided", 2.0), ("baseline", 1.0))
            for seed in (1, 2)
        ]
        return of_pair("gru", lambda one: one["numbers/x"])(Outcomes(found))

    assert outcomes({"intact": 1.0}).mean == 1.0
    assert not outcomes({"intact": 1.0}).why_not
    assert "less than 80%" in outcomes({"intact": 0.5}).why_not
    curve = {"sizes": [1, 2, 4], "ranked": [0.9, 0.2, 0.1], "random": [1.0, 0.9, 0.8], "intact": 1.0}
    assert doublings(Found(Run("", {}, print), {"curve": curve})) == 2.0  # type: ignore[arg-type]


def test_what_cannot_be_is_refused(tmp_path):
    study = runner.load_study("machine-analysis")
    with pytest.raises(InputError, match="at least 2 runs"):
        study.runs(Asked(seeds=1))
    with pytest.raises(InputError, match="no cell is called rnn"):
        study.runs(Asked(cells="gru,rnn"))
    assert len(material(tmp_path, quick=False).everything) == 576
