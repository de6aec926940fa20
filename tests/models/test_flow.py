"""Names are given to what is added to the residual stream, in families that keep it in different places."""

import pytest
import torch
import transformers
from small_transformers import bert, deepseek, gemma2, gpt2, granite, jamba, llama, made, mixtral, t5
from torch import nn

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.edit import Edit
from unitscope.models.transformers import transformer

LENGTHS = (5, 9)


def given(lengths=LENGTHS):
    draw, rows = torch.Generator().manual_seed(1), len(lengths)
    tokens = torch.randint(5, 300, (rows, max(lengths)), generator=draw)
    none = torch.zeros(rows, dtype=torch.long)
    return Batch(tokens, torch.full_like(tokens, -1), none, torch.tensor(lengths), none)


def read(model, batch):
    """By alias, what is read."""
    sites = {site.alias: site.name for site in model.sites() if site.alias and site.kind != "pattern"}
    values = model.run(batch, list(sites.values()))
    return {alias: values[name] for alias, name in sites.items()}


def spread(module):
    """The same weights, only larger, so that nothing is small by chance."""
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(0, 0.3)
    return module


@pytest.mark.parametrize("make", [gpt2, llama, gemma2, mixtral, deepseek, jamba, t5])
@pytest.mark.filterwarnings("ignore::UserWarning")  # the library is missing its fast kernels
def test_what_is_named_adds_up_to_the_stream(make):
    model, batch = transformer(spread(made(make))), given()
    assert not [name for name in model.checked.left_out if "hook_" in name]
    values = read(model, batch)
    blocks = {alias.rpartition(".")[0] for alias in values if alias.endswith("hook_resid_post")}
    assert len(blocks) == (4 if make is t5 else 2)
    for block in blocks:
        parts = [v for name, v in values.items() if name.startswith(f"{block}.hook_") and name.endswith("_out")]
        assert len(parts) >= 2
        total = values[f"{block}.hook_resid_pre"] + sum(parts)
        expected = values[f"{block}.hook_resid_post"]
        torch.testing.assert_close(total[batch.counted], expected[batch.counted], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_after_a_norm_and_before_it():
    module = spread(made(gemma2))
    values, norms = read(transformer(module), given((9,))), {}
    for name in ("post_attention_layernorm", "post_feedforward_layernorm"):
        norm = getattr(module.model.layers[1], name)
        norm.register_forward_hook(lambda m, args, output, name=name: norms.update({name: (args[0], output)}))
    module(given((9,)).tokens)
    torch.testing.assert_close(values["blocks.1.hook_attn_out"], norms["post_attention_layernorm"][1])
    torch.testing.assert_close(values["blocks.1.hook_mlp_out"], norms["post_feedforward_layernorm"][1])
    heads = values["blocks.1.attn.hook_z"] @ module.model.layers[1].self_attn.o_proj.weight.T
    torch.testing.assert_close(heads, norms["post_attention_layernorm"][0])
    module = spread(made(bert))
    values = read(transformer(module), given((9,)))
    layer = module.encoder.layer[1]
    middle = layer.attention.output.LayerNorm(values["blocks.1.hook_resid_pre"] + values["blocks.1.hook_attn_out"])
    after = layer.output.LayerNorm(middle + values["blocks.1.hook_mlp_out"])
    torch.testing.assert_close(after, values["blocks.1.hook_resid_post"])


def test_what_is_added_times_a_number_has_no_such_name():
    model = transformer(spread(made(granite)))
    assert "times 0.25" in model.checked.left_out["blocks.1.hook_mlp_out"]
    assert {"blocks.1.attn.hook_z", "blocks.1.mlp.hook_post", "blocks.1.hook_resid_post"} <= {
        site.alias for site in model.sites()
    }


@pytest.mark.parametrize("make", [mixtral, deepseek])
@torch.no_grad()
def test_experts_their_weights_and_neurons(make):
    module = spread(made(make))
    model, batch = transformer(module), given((9,))
    values = read(model, batch)
    mixture = module.model.layers[1].mlp
    weights, neurons = values["blocks.1.mlp.hook_expert_weights"][0], values["blocks.1.mlp.hook_expert_neurons"][0]
    assert ((weights > 0).sum(1) == 2).all()
    routed = torch.zeros(9, 32 if make is deepseek else 8)
    for token in range(9):
        for expert, own in enumerate(neurons[token].view(4, -1)):
            routed[token] += weights[token, expert] * (mixture.experts.down_proj[expert] @ own)
            assert bool(own.any()) == bool(weights[token, expert] > 0)
    torch.testing.assert_close(routed[None], values["blocks.1.mlp.hook_routed_out"] if make is deepseek else
                               values["blocks.1.hook_mlp_out"], rtol=1e-4, atol=1e-5)  # fmt: skip
    logits = values["blocks.1.mlp.hook_router_logits"][0]
    if make is mixtral:
        top = logits.softmax(1).topk(2, 1)
        torch.testing.assert_close(weights.gather(1, top.indices), top.values / top.values.sum(1, keepdim=True))
    name = next(site.name for site in model.sites() if site.alias == "blocks.1.mlp.hook_expert_neurons")
    with pytest.raises(InputError, match="read and not edited"):
        model.run(batch, [name], [Edit(name, (0,), (0.0,))])


def test_kinds_of_units():
    kinds = {site.alias: site.kind for site in transformer(made(mixtral)).sites()}
    assert kinds["hook_embed"] == "embedding"
    assert {kinds[f"blocks.0.{name}"] for name in ("hook_resid_pre", "hook_resid_post")} == {"residual"}
    assert kinds["blocks.0.attn.hook_z"] == "head"
    assert kinds["blocks.0.hook_attn_out"] == "added"
    assert kinds["blocks.0.mlp.hook_router_logits"] == "router"
    assert kinds["blocks.0.mlp.hook_expert_neurons"] == "expert"


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of another library
@torch.no_grad()
def test_adapters_are_one_map_with_what_they_adapt():
    peft = pytest.importorskip("peft", reason="peft is not installed")
    module = made(llama)
    config = peft.LoraConfig(r=3, target_modules=["o_proj", "down_proj"], init_lora_weights=False)
    adapted = peft.get_peft_model(module, config).eval()
    model = transformer(adapted)
    values = read(model, given((9,)))
    layer = adapted.base_model.model.model.layers[1]
    for linear, into, out in (
        (layer.self_attn.o_proj, "blocks.1.attn.hook_z", "blocks.1.hook_attn_out"),
        (layer.mlp.down_proj, "blocks.1.mlp.hook_post", "blocks.1.hook_mlp_out"),
    ):
        a, b = linear.lora_A["default"].weight, linear.lora_B["default"].weight
        whole = linear.base_layer.weight + linear.scaling["default"] * b @ a
        assert values[into].shape[-1] == whole.shape[1]
        torch.testing.assert_close(values[into] @ whole.T, values[out], rtol=1e-4, atol=1e-6)
    twin = model.untrained(1)
    assert twin.sites() == model.sites()
    base = transformer(made(llama))
    for name in ("hook_resid_post", "hook_attn_out"):
        torch.testing.assert_close(read(twin, given())[f"blocks.1.{name}"], read(base, given())[f"blocks.1.{name}"])


def test_a_block_that_is_called_again_and_again():
    config = transformers.AlbertConfig(
        vocab_size=300,
        embedding_size=8,
        hidden_size=8,
        intermediate_size=20,
        num_attention_heads=2,
        num_hidden_layers=3,
    )
    torch.manual_seed(0)
    module = spread(transformers.AlbertModel(config).eval())
    values = read(transformer(module), given((9,)))
    with torch.no_grad():
        states = module(given((9,)).tokens, output_hidden_states=True).hidden_states
    for number in range(3):
        torch.testing.assert_close(values[f"blocks.{number}.hook_resid_post"], states[number + 1])
        assert values[f"blocks.{number}.mlp.hook_post"].shape[-1] == 20


def test_a_module_without_a_residual_stream():
    class Bare(nn.Module):
        config = transformers.BertConfig()

        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(9, 4)

        def forward(self, input_ids, attention_mask):
            return self.embed(input_ids)

    with pytest.raises(InputError, match="no list of blocks"):
        transformer(Bare())
