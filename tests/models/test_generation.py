import pytest
import torch
import transformers
from subword_tokenizer import byte_pairs

from unitscope.errors import InputError
from unitscope.models.edit import Edit, Resampled, Scaled, Steps, add
from unitscope.models.generation import from_prompt, generate
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


def test_greedy_is_greedy_whatever_the_model_comes_with():
    module, tokenizer = writer(), byte_pairs()
    expected = generate(transformer(module), tokenizer, PROMPTS, tokens=5)
    told = module.generation_config
    told.repetition_penalty, told.no_repeat_ngram_size, told.top_k = 5.0, 1, 2
    assert generate(transformer(module), tokenizer, PROMPTS, tokens=5).fingerprint == expected.fingerprint
    assert module.generation_config is told
    likeliest = generate(transformer(module), tokenizer, PROMPTS, tokens=5, temperature=1.0, top_k=1)
    assert likeliest.fingerprint == expected.fingerprint


def by_hand(module, ids, change, tokens=4):
    """What the model writes with a hook on its first block, reading all before each token anew."""
    start = len(ids)

    def hook(m, args, output):
        change(output[0] if isinstance(output, tuple) else output, start)

    handle = module.transformer.h[0].register_forward_hook(hook)
    with torch.no_grad():
        for _ in range(tokens):
            ids = [*ids, int(module(torch.tensor([ids])).logits[0, -1].argmax())]
    handle.remove()
    return ids


def test_edits_while_writing():
    module, tokenizer = writer(), byte_pairs()
    model = transformer(module)
    site = next(site.name for site in model.sites() if site.alias == "blocks.0.hook_resid_post")
    every, direction, seen = tuple(range(8)), torch.linspace(-3, 3, 8), []
    by_hand(module, tokenizer.encode("the hare").ids, lambda x, _: seen.append(x[0, -1].clone()), tokens=1)

    def hold(x, start):
        x[:, start:, 1], x[:, start:, 2] = 4.0, -4.0

    cases = [
        (Edit(site, (1, 2), (4.0, -4.0), Steps(0)), hold),
        (Edit(site, every, Scaled((-2.0,) * 8)), lambda x, _: x.mul_(-2)),
        (add(site, direction), lambda x, _: x.add_(direction)),
        (from_prompt(model, tokenizer, "the hare", site), lambda x, _: x.copy_(seen[0].expand_as(x))),
    ]
    for edit, change in cases:
        written = generate(model, tokenizer, PROMPTS, tokens=4, edits=[edit])
        for number, prompt in enumerate(PROMPTS):
            expected = by_hand(module, tokenizer.encode(prompt).ids, change)
            assert written.batch([number]).tokens[0].tolist() == expected
    plain = generate(model, tokenizer, PROMPTS, tokens=4)
    resampled = generate(model, tokenizer, PROMPTS, tokens=4, edits=[Edit(site, every, Resampled(1))], others=plain)
    assert resampled.lengths(range(3)) == [4] * 3
    with pytest.raises(InputError, match="top_p"):
        generate(model, tokenizer, PROMPTS, top_p=0.0)


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
