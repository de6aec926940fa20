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


def made(make):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().eval()
