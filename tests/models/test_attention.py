"""What heads look at, against the library's own attention weights."""

import pytest
import torch
import transformers
from small_transformers import bert, gpt2, llama, made, t5
from subword_tokenizer import TEXT, byte_pairs

from unitscope.corpus.open import open_corpus
from unitscope.corpus.subwords import SubwordCorpus
from unitscope.errors import InputError
from unitscope.models.edit import zero
from unitscope.models.transformers import transformer


@pytest.fixture
def batch(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return SubwordCorpus(open_corpus(tmp_path / "text.txt", unit="characters"), byte_pairs(), length=9).batch([0, 3])


@pytest.mark.parametrize("make", [gpt2, llama, bert])
def test_streams_are_those_of_the_weights(make, batch):
    module = made(make)
    model = transformer(module)
    kept = module.config._attn_implementation
    names = {site.alias: site.name for site in model.sites() if "attn.pattern_" in site.alias}
    assert len(names) == 2 * 5
    values = model.run(batch, list(names.values()))
    assert module.config._attn_implementation == kept
    for row, length in enumerate(batch.lengths.tolist()):
        module.set_attn_implementation("eager")
        with torch.no_grad():
            patterns = module(input_ids=batch.tokens[row : row + 1, :length], output_attentions=True).attentions
        module.set_attn_implementation(kept)
        for block, pattern in enumerate(patterns):
            got = {
                stream: values[names[f"blocks.{block}.attn.pattern_{stream}"]][row, :length]
                for stream in ("entropy", "distance", "self", "previous", "first")
            }
            for head in range(2):
                for query in range(length):
                    p = pattern[0, head, query]
                    expected = {
                        "entropy": torch.distributions.Categorical(p).entropy(),
                        "distance": sum(p[key] * abs(query - key) for key in range(length)),
                        "self": p[query],
                        "previous": p[query - 1] if query else torch.tensor(0.0),
                        "first": p[0],
                    }
                    for stream, value in expected.items():
                        torch.testing.assert_close(got[stream][query, head], value, rtol=1e-3, atol=1e-5)


def test_encoder_decoder_has_three_kinds():
    names = [site.name for site in transformer(made(t5)).sites() if site.name.endswith("pattern_first")]
    assert [sum(part in name for name in names) for part in ("encoder", "decoder", "EncDec")] == [2, 4, 2]


def test_patterns_are_left_out_where_plain_attention_makes_another_network():
    class Other(transformers.GPT2LMHeadModel):
        def forward(self, *given, **named):
            found = super().forward(*given, **named)
            found.logits = found.logits * (1 + (self.config._attn_implementation == "eager"))
            return found

    model = transformer(made(lambda: Other(gpt2().config)))
    assert not [site.name for site in model.sites() if site.kind == "pattern"]
    assert "attention goes in plain steps" in next(iter(model.checked.left_out.values()))
    assert model.checked.predicts


def test_a_pattern_is_not_edited(batch):
    model = transformer(made(gpt2))
    name = next(site.name for site in model.sites() if site.name.endswith("pattern_first"))
    with pytest.raises(InputError, match=r"can be read and not edited; edit the heads' output"):
        model.run(batch, [], [zero(name, [0])])
