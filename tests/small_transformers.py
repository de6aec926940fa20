"""Small random models of the Transformers library."""

import torch
import transformers

SMALL = {"num_hidden_layers": 2, "hidden_size": 8, "intermediate_size": 20, "num_attention_heads": 2, "vocab_size": 300}

SIDES = {"layers": 2, "attention_heads": 2, "ffn_dim": 20}


def gpt2():
    config = transformers.GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=300, n_positions=64)
    return transformers.GPT2LMHeadModel(config)


def llama():
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL))


def bert():
    return transformers.BertModel(transformers.BertConfig(**SMALL, max_position_embeddings=64))


def t5():
    config = transformers.T5Config(vocab_size=300, d_model=8, d_kv=4, d_ff=20, num_layers=2, num_heads=2)
    return transformers.T5ForConditionalGeneration(config)


def bart():
    sizes = {f"{part}_{what}": n for part in ("encoder", "decoder") for what, n in SIDES.items()}
    return transformers.BartForConditionalGeneration(transformers.BartConfig(vocab_size=300, d_model=8, **sizes))


def opt():
    sizes = {"vocab_size": 300, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    return transformers.OPTForCausalLM(transformers.OPTConfig(**sizes, ffn_dim=20, word_embed_proj_dim=8))


def mamba():
    config = transformers.MambaConfig(vocab_size=300, hidden_size=8, num_hidden_layers=2, state_size=4)
    return transformers.MambaForCausalLM(config)


def rwkv():
    return transformers.RwkvForCausalLM(transformers.RwkvConfig(**SMALL, attention_hidden_size=8))


def gemma2():
    return transformers.Gemma2ForCausalLM(transformers.Gemma2Config(**SMALL, head_dim=4, num_key_value_heads=1))


def mixtral():
    sizes = {"num_local_experts": 4, "num_experts_per_tok": 2, "num_key_value_heads": 1}
    return transformers.MixtralForCausalLM(transformers.MixtralConfig(**SMALL, **sizes))


def deepseek():
    ranks = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8}
    experts = {
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "moe_intermediate_size": 8,
    }
    heads = {"num_attention_heads": 4, "num_key_value_heads": 4, "first_k_dense_replace": 1, "hidden_size": 32}
    return transformers.DeepseekV3ForCausalLM(transformers.DeepseekV3Config(**{**SMALL, **ranks, **experts, **heads}))


def jamba():
    layers = {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1}
    experts = {"num_experts": 4, "num_key_value_heads": 1, "mamba_d_state": 4, "mamba_dt_rank": 2}
    return transformers.JambaForCausalLM(
        transformers.JambaConfig(**SMALL, **layers, **experts, use_mamba_kernels=False)
    )


def granite():
    return transformers.GraniteForCausalLM(transformers.GraniteConfig(**SMALL, residual_multiplier=0.25))


def made(make):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().eval()
