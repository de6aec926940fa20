"""Names are TransformerLens's where the values are: with it as the oracle, where it is installed (version 4)."""

import pytest
import torch
import transformers
from small_transformers import gemma2, gpt2, llama, mixtral
from subword_tokenizer import byte_pairs

from unitscope.corpus.batch import Batch
from unitscope.models.transformers import transformer

bridge = pytest.importorskip("transformer_lens.model_bridge", reason="TransformerLens is not installed")


@pytest.mark.filterwarnings("ignore")  # of another library
@pytest.mark.parametrize("make", [gpt2, llama, gemma2, mixtral])
def test_names_have_the_values_that_transformerlens_gives_them(make, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.manual_seed(0)
    module = make().eval()
    with torch.no_grad():
        for weight in module.parameters():
            if weight.dim() > 1:
                weight.normal_(0, 0.2)
    module.save_pretrained(tmp_path)
    sign = dict.fromkeys(("bos_token", "eos_token", "pad_token"), "!")
    transformers.PreTrainedTokenizerFast(tokenizer_object=byte_pairs(), **sign).save_pretrained(tmp_path)
    tokens = torch.randint(1, 50, (1, 7))
    with torch.no_grad():
        _, cache = bridge.TransformerBridge.boot_transformers(str(tmp_path), device="cpu").run_with_cache(tokens)
    model, none = transformer(module), torch.zeros(1, dtype=torch.long)
    names = {site.alias: site.name for site in model.sites() if site.alias in set(cache.keys())}
    assert len(names) >= 11
    batch = Batch(tokens, torch.full_like(tokens, -1), none, torch.tensor([7]), none)
    values = model.run(batch, list(names.values()))
    for alias, name in names.items():
        own = values[name]
        torch.testing.assert_close(cache[alias].float().reshape(own.shape), own, rtol=1e-4, atol=1e-4, msg=alias)
