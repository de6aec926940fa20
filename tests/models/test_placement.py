"""Models whose weights lie elsewhere, on disk or brought in call by call, read like any others."""

import accelerate
import pytest
import torch
from odd_nets import Net, batch, lstm, made
from small_transformers import mixtral

from unitscope.interventions.engines import runs
from unitscope.models.edit import Bound
from unitscope.models.module import ModuleModel
from unitscope.models.transformers import transformer


def test_a_model_that_is_split_between_memory_and_disk(tmp_path):
    torch.manual_seed(0)
    module = mixtral().eval()
    module.save_pretrained(tmp_path / "model")
    places = {"model.embed_tokens": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu", "lm_head": "cpu"}
    places |= {"model.layers.0": "cpu", "model.layers.1": "disk"}
    split = type(module).from_pretrained(tmp_path / "model", device_map=places, offload_folder=tmp_path / "kept")
    plain, other = transformer(module), transformer(split.eval())
    assert {weight.device.type for weight in split.parameters()} == {"cpu", "meta"}
    names = [site.name for site in plain.sites()]
    assert [site.name for site in other.sites()] == names
    given = batch([5, 9, 3])
    expected, found = plain.run(given, names), other.run(given, names)
    for name in names:
        torch.testing.assert_close(found[name][given.is_read], expected[name][given.is_read], msg=name)
    assert other.fingerprint == plain.fingerprint


@pytest.mark.parametrize("site", ["rnn.0.hidden", "out.input"])
def test_units_of_an_offloaded_model_are_ablated(site):
    net, given, hooked = made(Net, lstm()), batch([5, 9, 3]), ["out.input"] if site == "out.input" else None
    edits = [Bound(site, torch.tensor([unit]), torch.full((1,), 0.2)) for unit in range(3)]
    expected = [v["output.loss"] for v in runs(ModuleModel(net, hooked=hooked), given, edits, ["output.loss"])]
    offloaded = ModuleModel(accelerate.cpu_offload(net), hooked=hooked)
    found = [v["output.loss"] for v in runs(offloaded, given, edits, ["output.loss"])]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one[given.is_read], other[given.is_read])
