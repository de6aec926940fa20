import pytest
import torch
import transformers
from subword_tokenizer import byte_pairs

from unitscope.errors import InputError
from unitscope.models.generation import generate
from unitscope.models.transformers import transformer

PROMPTS = ["One day", "the cat", "Once upon a time there was"]


def writer(end=None):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ends = {"eos_token_id": end, "bos_token_id": None, "initializer_range": 0.5}
        return transformers.GPT2LMHeadModel(
            transformers.GPT2Config(n_layer=2, n_embd=8, n_head=2, vocab_size=300, n_positions=64, **ends)
        ).eval()


def test_activations_of_writing_are_those_of_reading():
    module = writer()
    model, tokenizer = transformer(module), byte_pairs()
    seen = []
    handle = module.transformer.h[1].register_forward_hook(lambda m, args, output: seen.append(output))
    corpus = generate(model, tokenizer, PROMPTS[:1], tokens=6)
    handle.remove()
    states = [output[0] if isinstance(output, tuple) else output for output in seen]
    written = torch.cat([state[:, -1] for state in states])  # where each new token was chosen
    site = next(site.name for site in model.sites() if site.alias == "blocks.1.hook_resid_post")
    read = model.run(corpus.batch([0]), [site])[site][0]
    start = len(tokenizer.encode(PROMPTS[0]).ids)
    torch.testing.assert_close(read[start - 1 : -1], written, rtol=1e-4, atol=1e-5)
    assert corpus.lengths([0]) == [6]


def test_greedy_choice_and_drawing():
    module, tokenizer = writer(), byte_pairs()
    model = transformer(module)
    corpus = generate(model, tokenizer, PROMPTS, tokens=5)
    batch = corpus.batch([2])
    with torch.no_grad():
        choice = module(batch.tokens).logits.argmax(-1)
    first = int(batch.context[0])
    assert batch.tokens[0, first:].tolist() == choice[0, first - 1 : -1].tolist()
    drawn = [generate(model, tokenizer, PROMPTS, tokens=5, temperature=2.0, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0].fingerprint == drawn[1].fingerprint != drawn[2].fingerprint
    torch.manual_seed(3)
    after = torch.rand(1)
    torch.manual_seed(3)
    generate(model, tokenizer, PROMPTS, tokens=2, temperature=1.0)
    assert torch.equal(torch.rand(1), after)


def test_it_stops_where_the_model_stops():
    free, tokenizer = generate(transformer(writer()), byte_pairs(), PROMPTS, tokens=8), byte_pairs()
    end = int(free.batch([1]).tokens[0, int(free.batch([1]).context[0]) + 2])
    stopped = generate(transformer(writer(end)), tokenizer, PROMPTS, tokens=8)
    ids = stopped.batch([1]).tokens[0, int(stopped.batch([1]).context[0]) :].tolist()
    assert ids[-1] == end
    assert end not in ids[:-1]


def test_what_does_not_write():
    bert = transformers.BertConfig(num_hidden_layers=1, hidden_size=8, num_attention_heads=2, vocab_size=300)
    with pytest.raises(InputError, match="does not continue texts"):
        generate(transformer(transformers.BertModel(bert)), byte_pairs(), PROMPTS)
    with pytest.raises(InputError, match="prompt 1 holds no token"):
        generate(transformer(writer()), byte_pairs(), ["a", ""])
