"""Latents of hand-made autoencoders over a small Transformer, against the formulas written out."""

import json

import pytest
import torch
import transformers
from safetensors.torch import save_file
from subword_tokenizer import TEXT, byte_pairs

from unitscope.corpus.open import open_corpus
from unitscope.corpus.subwords import SubwordCorpus
from unitscope.errors import InputError
from unitscope.models.edit import Edit, Steps
from unitscope.models.sparse_autoencoder import open_autoencoder, open_autoencoders
from unitscope.models.transformers import transformer

HOOK, WIDTH, LATENTS = "blocks.0.hook_resid_post", 8, 24
EXTRA = {
    "standard": {"b_enc": (LATENTS,)},
    "topk": {"b_enc": (LATENTS,)},
    "jumprelu": {"b_enc": (LATENTS,), "threshold": (LATENTS,)},
    "gated": {"b_gate": (LATENTS,), "b_mag": (LATENTS,), "r_mag": (LATENTS,)},
}


def written(folder, architecture="standard", width=WIDTH, **told):
    generator = torch.Generator().manual_seed(1)
    shapes = {
        "W_enc": (width, LATENTS),
        "W_dec": (LATENTS, width),
        "b_dec": (width,),
        **EXTRA.get(architecture, EXTRA["standard"]),
    }
    weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "sae_weights.safetensors")
    config = {"architecture": architecture, "d_in": width, "d_sae": LATENTS, "metadata": {"hook_name": HOOK}, **told}
    (folder / "cfg.json").write_text(json.dumps(config))
    return weights


def small():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.GPT2Config(n_layer=2, n_embd=WIDTH, n_head=2, vocab_size=300, n_positions=64)
        return transformer(transformers.GPT2LMHeadModel(config).eval())


@pytest.fixture
def batch(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return SubwordCorpus(
        open_corpus(tmp_path / "text.txt", unit="characters"), byte_pairs(), length=20, context=0
    ).batch([0, 1])


def by_formula(x, w, architecture, normalization="none", subtracts=True):
    if normalization == "layer_norm":
        x = (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5)
    if normalization == "constant_norm_rescale":
        x = x * WIDTH**0.5 / x.norm(dim=-1, keepdim=True)
    x = x - w["b_dec"] if subtracts else x
    if architecture == "gated":
        magnitude = (x @ (w["W_enc"] * w["r_mag"].exp()) + w["b_mag"]).clamp(min=0)
        return torch.where(x @ w["W_enc"] + w["b_gate"] > 0, magnitude, 0.0)
    z = x @ w["W_enc"] + w["b_enc"]
    if architecture == "jumprelu":
        return torch.where(z > w["threshold"], z.clamp(min=0), 0.0)
    if architecture == "topk":
        return torch.where(z >= z.sort(-1).values[..., -3, None], z.clamp(min=0), 0.0)
    return z.clamp(min=0)


@pytest.mark.parametrize("architecture", EXTRA)
@pytest.mark.parametrize("normalization", ["none", "layer_norm", "constant_norm_rescale"])
def test_latents_are_those_of_the_formulas(tmp_path, batch, architecture, normalization):
    subtracts = normalization != "none"
    told = {"k": 3, "normalize_activations": normalization, "apply_b_dec_to_input": subtracts}
    weights = written(tmp_path / "sae", architecture, **told)
    plain = small()
    model = plain.with_extras(open_autoencoder(tmp_path / "sae"))
    (site,) = [site for site in model.sites() if site.name.endswith(".latents")]
    assert (site.units, site.low, site.alias) == (LATENTS, 0.0, f"{HOOK}.hook_sae_acts_post")
    base = site.name.removesuffix(".latents")
    values = model.run(batch, [base, site.name, "output.loss"])
    expected = by_formula(values[base], weights, architecture, normalization, subtracts)
    torch.testing.assert_close(values[site.name], expected, rtol=1e-4, atol=1e-5)
    assert 0 < (values[site.name] > 0).float().mean() < 1
    assert torch.equal(values["output.loss"], plain.run(batch, ["output.loss"])["output.loss"])
    assert model.fingerprint != plain.fingerprint
    assert [site.name for site in model.untrained(0).sites()] == [site.name for site in model.sites()]


def test_an_edited_latent_changes_what_it_decodes_to(tmp_path, batch):
    weights = written(tmp_path / "sae")
    model = small().with_extras(open_autoencoder(tmp_path / "sae"))
    base = next(site.name for site in model.sites() if site.alias == HOOK)
    latents = f"{base}.latents"
    after = next(site.name for site in model.sites() if site.alias == "blocks.1.hook_resid_pre")
    intact = model.run(batch, [latents, after, "output.loss"])
    edit = Edit(latents, (5,), (7.0,), Steps(2, 9))
    edited = model.run(batch, [latents, after, "output.loss"], [edit])
    assert (edited[latents][:, 2:9, 5] == 7).all()
    change = edited[latents] - intact[latents]
    torch.testing.assert_close(edited[after] - intact[after], change @ weights["W_dec"], rtol=1e-3, atol=1e-4)
    assert not change[:, 9:].any()
    assert not torch.equal(edited["output.loss"], intact["output.loss"])


@pytest.mark.parametrize("kind", ["transcoder", "jumprelu_skip_transcoder"])
def test_a_transcoder_reads_one_site_and_writes_another(tmp_path, batch, kind):
    computed = "jumprelu" if kind.startswith("jumprelu") else "standard"
    weights = written(tmp_path / "sae", computed)
    reads, writes = "transformer.h.0.ln_2.output", "blocks.0.hook_mlp_out"
    told = {"architecture": kind, "metadata": {"hook_name": "blocks.0.hook_mlp_in", "hook_name_out": writes}}
    (tmp_path / "sae" / "cfg.json").write_text(json.dumps(told))
    plain = small()
    model = plain.with_extras(open_autoencoder(tmp_path / "sae", reads=reads))
    latents = f"{reads}.latents"
    seen = {}
    block = plain.module.transformer.h[0]
    hook = block.ln_2.register_forward_hook(lambda _m, _a, output: seen.update(x=output.detach().clone()))
    with torch.no_grad():
        plain.module(input_ids=batch.tokens)
    hook.remove()
    expected = by_formula(seen["x"], weights, computed, subtracts=False)
    intact = model.run(batch, [latents, "output.log_prob"])
    torch.testing.assert_close(intact[latents], expected, rtol=1e-4, atol=1e-5)
    edit = Edit(latents, (5,), (7.0,), Steps(2, 9))
    edited = model.run(batch, [latents, "output.log_prob"], [edit])
    change = torch.zeros_like(expected)
    change[:, 2:9, 5] = 7 - expected[:, 2:9, 5]
    hook = block.mlp.register_forward_hook(lambda _m, _a, output: output + change @ weights["W_dec"])  # by hand
    with torch.no_grad():
        by_hand = plain.module(input_ids=batch.tokens).logits.log_softmax(-1)
    hook.remove()
    torch.testing.assert_close(edited["output.log_prob"], by_hand, rtol=1e-3, atol=1e-4)
    assert not torch.equal(edited["output.log_prob"], intact["output.log_prob"])


def test_autoencoders_of_all_layers_are_read_when_they_are_needed(tmp_path, batch):
    for layer in (0, 1):
        written(tmp_path / f"layer_{layer}", metadata={"hook_name": f"blocks.{layer}.hook_resid_post"})
    every = open_autoencoders(tmp_path)
    model = small().with_extras(*every)
    (first, _) = [site for site in model.sites() if site.kind == "latent"]
    assert first.alias == "blocks.0.hook_resid_post.hook_sae_acts_post"
    for autoencoder in every:
        autoencoder.weights._read.clear()
    model.run(batch, [first.name])
    assert [bool(autoencoder.weights._read) for autoencoder in every] == [True, False]
    with pytest.raises(InputError, match="holds no folders with"):
        open_autoencoders(tmp_path / "layer_0")


def test_older_files(tmp_path, batch):
    written(
        tmp_path / "sae", "topk", activation_fn_str="topk", activation_fn_kwargs={"k": 2}, metadata={}, hook_point=HOOK
    )
    autoencoder = open_autoencoder(tmp_path / "sae")
    assert (autoencoder.architecture, autoencoder.k, autoencoder.site) == ("topk", 2, HOOK)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"architecture": "crosscoder"}, "'crosscoder' is not one of standard, topk"),
        ({"normalize_activations": "expected_average_only_in"}, "normalised"),
        ({"metadata": {}}, "does not say which site"),
        ({"architecture": "transcoder"}, r"which site it writes \(hook_name_out\); say so"),
    ],
)
def test_what_is_refused(tmp_path, told, says):
    written(tmp_path / "sae", **told)
    with pytest.raises(InputError, match=says):
        open_autoencoder(tmp_path / "sae")


def test_files_that_do_not_fit(tmp_path):
    with pytest.raises(InputError, match="holds no sparse autoencoder"):
        open_autoencoder(tmp_path)
    written(tmp_path / "sae", "standard", width=9)
    with pytest.raises(InputError, match=r"reads 9 units and blocks\.0\.hook_resid_post has 8"):
        small().with_extras(open_autoencoder(tmp_path / "sae")).sites()
    written(tmp_path / "other")
    (tmp_path / "other" / "cfg.json").write_text(json.dumps({"architecture": "gated", "hook_name": HOOK}))
    with pytest.raises(InputError, match=r"lacks b_gate, b_mag, r_mag"):
        open_autoencoder(tmp_path / "other")
