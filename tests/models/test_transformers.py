"""Small random models of the Transformers library against their own hidden states."""

from dataclasses import replace

import pytest
import torch
import transformers
from small_transformers import bart, bert, gpt2, llama, made, mamba, opt, rwkv, t5
from subword_tokenizer import TEXT, byte_pairs, word_pieces

from unitscope.corpus.open import open_corpus
from unitscope.corpus.subwords import SubwordCorpus
from unitscope.errors import InputError
from unitscope.models.edit import Edit
from unitscope.models.hub import MissingWeights, open_adapted, open_transformer
from unitscope.models.site import choose
from unitscope.models.transformers import longest, transformer


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return open_corpus(tmp_path / "text.txt", unit="characters")


@pytest.mark.parametrize("make", [gpt2, llama, bert])
def test_residual_stream_is_what_the_library_returns(make, text):
    module = made(make)
    corpus = SubwordCorpus(text, word_pieces() if make is bert else byte_pairs(), length=30, context=5)
    model = transformer(module)
    batch = corpus.batch([0, 1, len(corpus) - 1])
    blocks = [
        choose(model.sites(), [f"blocks.{n}.hook_resid_{side}"])[0].name for n in (0, 1) for side in ("pre", "post")
    ]
    values = model.run(batch, blocks)
    for row, length in enumerate((batch.lengths + len(corpus.after)).tolist()):
        with torch.no_grad():
            alone = module(input_ids=batch.tokens[row : row + 1, :length], output_hidden_states=True).hidden_states
        for name, expected in zip(blocks[:3], (alone[0], alone[1], alone[1]), strict=True):
            torch.testing.assert_close(values[name][row : row + 1, :length], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [gpt2, llama, opt, bert])
def test_neurons_and_attention_are_sites(make):
    model = transformer(made(make))
    aliases = {
        s.alias: s.units for s in model.sites() if s.alias.startswith(("blocks.1", "hook")) and "hook" in s.alias
    }
    neurons = 32 if make is gpt2 else 20
    assert aliases == {
        "hook_embed": 8,
        **{f"blocks.1.{name}": 8 for name in ("hook_resid_pre", "hook_resid_post", "hook_attn_out", "attn.hook_z")},
        "blocks.1.mlp.hook_pre": neurons,
        "blocks.1.mlp.hook_post": neurons,
        "blocks.1.hook_mlp_out": 8,
    }
    assert any(site.name == "output.loss" for site in model.sites()) == (make is not bert)


def test_neurons_after_the_nonlinearity(text):
    module = made(gpt2)
    model, batch = transformer(module), SubwordCorpus(text, byte_pairs(), length=20).batch([0])
    seen = {}
    module.transformer.h[1].mlp.act.register_forward_hook(lambda m, args, output: seen.update(act=output))
    (post,) = choose(model.sites(), ["blocks.1.mlp.hook_post"])
    assert torch.equal(model.run(batch, [post.name])[post.name], seen["act"])
    edited = model.run(batch, [post.name, "output.loss"], [Edit(post.name, (3,), (5.0,))])
    assert (edited[post.name][..., 3] == 5).all()
    assert not torch.equal(edited["output.loss"], model.run(batch, ["output.loss"])["output.loss"])


def test_an_untrained_twin_has_the_same_config_and_other_weights():
    model = transformer(made(gpt2))
    twin = model.untrained(1)
    assert twin.sites() == model.sites()
    assert twin.fingerprint == model.untrained(1).fingerprint != model.fingerprint


def saved(module, tokenizer, folder):
    module.save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return str(folder)


def test_a_folder_is_opened(tmp_path):
    module = made(gpt2)
    model, tokenizer = open_transformer(saved(module, byte_pairs(), tmp_path))
    assert tokenizer.get_vocab_size() == byte_pairs().get_vocab_size()
    assert all(torch.equal(a, b) for a, b in zip(model.module.parameters(), module.parameters(), strict=True))


def test_the_class_is_that_of_the_weights_and_what_is_missing_is_said(tmp_path):
    config = bert().config
    masked = transformers.BertForMaskedLM(config)
    model, _ = open_transformer(saved(masked, byte_pairs(), tmp_path / "masked"))
    assert type(model.module) is transformers.BertForMaskedLM
    assert all(torch.equal(a, b) for a, b in zip(model.module.parameters(), masked.parameters(), strict=True))
    where = saved(transformers.BertModel(config, add_pooling_layer=False), byte_pairs(), tmp_path / "bare")
    drawn = []
    for _ in range(2):
        with pytest.warns(MissingWeights, match=r"no weights for 2 of its parts \(pooler\.dense\.bias, .* at random"):
            drawn.append(open_transformer(where)[0].fingerprint)
    assert drawn[0] == drawn[1]


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match=r"cannot be opened .*; give a folder with config\.json"):
        open_transformer(str(tmp_path))
    where = saved(made(gpt2), byte_pairs(), tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match="is a pickle"):
        open_transformer(where)
    (tmp_path / "pytorch_model.bin").unlink()
    with pytest.raises(InputError, match=r"no file named model\.safetensors"):
        open_transformer(where)


def test_a_tokenizer_of_another_model(tmp_path, text):
    config = transformers.GPT2Config(n_layer=1, n_embd=8, n_head=2, vocab_size=20, n_positions=16)
    model, tokenizer = open_transformer(saved(transformers.GPT2LMHeadModel(config), byte_pairs(), tmp_path))
    # A tokenizer may have more symbols than the model has rows; only one that occurs does harm.
    batch = SubwordCorpus(text, tokenizer, length=10).batch([0])
    site = model.sites()[0].name
    model.run(replace(batch, tokens=batch.tokens % 20), [site])
    with pytest.raises(InputError, match="belongs to another model"):
        model.run(batch, [site])


@pytest.mark.parametrize("name", ["./no/folder", "/no/folder", "no model", "nobody/has-this"])
def test_what_is_not_there_is_said_at_once(name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", refused)
    with pytest.raises(InputError, match=f"there is no folder {name}"):
        open_transformer(name)


def refused(*_, **told):
    assert told["timeout"] <= 5  # nobody waits for long
    raise ConnectionError


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of another library
def test_an_adapter_and_its_base(tmp_path):
    peft = pytest.importorskip("peft", reason="peft is not installed")
    base = saved(made(llama), byte_pairs(), tmp_path / "base")
    config = peft.LoraConfig(r=2, target_modules=["o_proj"], init_lora_weights=False)
    adapted = peft.get_peft_model(made(llama), config).eval()
    adapted.peft_config["default"].base_model_name_or_path = base
    adapted.save_pretrained(tmp_path / "adapter")
    model, _ = open_adapted(str(tmp_path / "adapter"))
    ids = torch.arange(6)[None] + 5
    with torch.no_grad():
        torch.testing.assert_close(model.module(ids).logits, adapted(ids).logits)
    assert model.fingerprint != open_transformer(base)[0].fingerprint
    (tmp_path / "base").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"the base of .* cannot be opened: there is no folder"):
        open_adapted(str(tmp_path / "adapter"))
    with pytest.raises(InputError, match="holds no adapter"):
        open_adapted(str(tmp_path))


def test_positions_that_begin_behind_the_padding():
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12}
    config = transformers.RobertaConfig(vocab_size=300, max_position_embeddings=20, pad_token_id=1, **sizes)
    assert longest(transformers.RobertaModel(config)) == 18
    assert longest(made(gpt2)) == 64


@pytest.mark.parametrize("make", [t5, bart])
def test_encoder_and_decoder_are_read_side_by_side(make, text):
    module = made(make)
    corpus = SubwordCorpus(text, byte_pairs(), length=30, context=5)
    model = transformer(module)
    batch = corpus.batch([0, len(corpus) - 1])
    aliases = {site.alias: site.name for site in model.sites() if site.alias}
    names = [aliases[f"{side}.{n}.hook_resid_post"] for side in ("encoder", "decoder") for n in (0, 1)]
    z = aliases["decoder.1.cross_attn.hook_z"]
    values = model.run(batch, [*names, z])
    # The encoder has read the whole sequence, so what the decoder gives is no prediction of it.
    assert not any(site.kind == "prediction" for site in model.sites())
    assert "sees later tokens" in model.checked.output
    assert values[z].shape == (*batch.tokens.shape, 8)
    for row, length in enumerate(batch.lengths.tolist()):
        ids = batch.tokens[row : row + 1, :length]
        with torch.no_grad():
            alone = module(input_ids=ids, decoder_input_ids=ids, output_hidden_states=True)
        # The library's last state has gone through the final normalisation, so the first block's is compared.
        for name, states in zip(names[::2], (alone.encoder_hidden_states, alone.decoder_hidden_states), strict=True):
            torch.testing.assert_close(values[name][row : row + 1, :length], states[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("make", "inner"), [(mamba, 16), (rwkv, 8)])
@pytest.mark.filterwarnings("ignore::UserWarning")  # the library is missing its fast kernels
def test_state_space_and_recurrent_families(make, inner, text):
    module = made(make)
    model = transformer(module)
    batch = SubwordCorpus(text, byte_pairs(), length=20, context=5).batch([1])
    aliases = {site.alias: site for site in model.sites() if site.alias}
    mixer = "mixer" if make is mamba else "attn"
    assert aliases[f"blocks.1.{mixer}.hook_z"].units == inner
    names = [aliases[f"blocks.{n}.hook_resid_post"].name for n in (0, 1)]
    values = model.run(batch, names)
    with torch.no_grad():
        states = module(input_ids=batch.tokens, output_hidden_states=True).hidden_states
    torch.testing.assert_close(values[names[0]], states[0], rtol=1e-4, atol=1e-5)


def test_half_precision_and_autocast_are_read_as_float32(text):
    batch = SubwordCorpus(text, byte_pairs(), length=20).batch([0])
    whole = transformer(made(gpt2))
    (post,) = choose(whole.sites(), ["blocks.0.mlp.hook_post"])
    exact = whole.run(batch, [post.name])[post.name]
    narrow = transformer(made(gpt2).bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        cast = whole.run(batch, [post.name])[post.name]
    for values in (narrow.run(batch, [post.name])[post.name], cast):
        assert values.dtype == torch.float32
        torch.testing.assert_close(values, exact, rtol=0.05, atol=0.02)
        assert not torch.equal(values, exact)


@pytest.mark.parametrize("make", [gpt2, llama])
@pytest.mark.filterwarnings("ignore")  # of another library
def test_equal_to_transformer_lens_by_its_names(make, text, tmp_path):
    lens = pytest.importorskip("transformer_lens", reason="transformer-lens is not installed")
    where = saved(made(make), byte_pairs(), tmp_path)
    model, _ = open_transformer(where)
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(where)
    bridge = lens.TransformerBridge.boot_transformers(where, hf_model=made(make), tokenizer=tokenizer, device="cpu")
    batch = SubwordCorpus(text, byte_pairs(), length=30).batch([0])
    _, cache = bridge.run_with_cache(batch.tokens)
    compared = [site for site in model.sites() if "hook" in site.alias]
    assert len(compared) == 1 + 2 * 7
    values = model.run(batch, [site.name for site in compared])
    for site in compared:
        theirs = cache[site.alias].flatten(2)  # hook_z has an axis of heads
        torch.testing.assert_close(values[site.name], theirs, rtol=1e-4, atol=1e-5)
