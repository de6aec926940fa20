"""A model of Transformers from its folder to findings, on the command line."""

import json
import os
import shutil
import sys

import pytest
import torch
import transformers
from small_transformers import bert, gemma2, gpt2, jamba, llama, made, mixtral, t5
from subword_tokenizer import TEXT, byte_pairs, word_pieces

from unitscope.asking import Answer
from unitscope.cli import console
from unitscope.cli.main import run
from unitscope.errors import InputError
from unitscope.fold.resultset import ResultSet
from unitscope.opening.inputs import Inputs, by_default
from unitscope.recording.recording import Recording


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console.out, "width", 150)  # what COLUMNS said when the tests began
    torch.manual_seed(0)
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=12, vocab_size=80,
        max_position_embeddings=64,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(tmp_path / "model")
    transformers.PreTrainedTokenizerFast(tokenizer_object=word_pieces()).save_pretrained(tmp_path / "model")
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


def unitscope(*words):
    """Run a command in this process, and see that it ends well."""
    before = sys.argv
    sys.argv = ["unitscope", "--threads", "1", *map(str, words)]
    try:
        with pytest.raises(SystemExit) as end:
            run()
    finally:
        sys.argv = before
    assert end.value.code == 0


def test_from_a_folder_to_findings(folder, capsys):
    unitscope("info", "hf:model")
    assert "blocks.0.mlp.hook_post" in capsys.readouterr().out
    cut = ("--length", "30", "--context", "10", "--sites", "*.mlp.hook_post")
    unitscope("record", "hf:model", "text.txt", *cut)
    os.chdir("/")  # a recording knows its model from anywhere
    unitscope("analyze", folder / "run", "moments", "histogram", "examples")
    unitscope("ask", folder / "run", "--label", "digit", "--label", "inside-double-quotes", "--baselines", "5")
    answer = Answer.load(folder / "run" / "answer")
    assert {found.label for found in answer.found} == {"digit", "inside-double-quotes"}
    assert {found.site for found in answer.found} == {"encoder.layer.0.output.dense.input"}
    assert all(found.damage is None for found in answer.found)
    assert answer.networks == 5
    driven = (
        "--from",
        "hook_embed",
        "--way",
        "together",
        "--drive-steps",
        "30",
        "--sites",
        "*.hook_post",
        "--drive",
        "step",
    )
    unitscope("respond", folder / "run", *driven)
    table = ResultSet.load(folder / "run" / "results").to_pandas()
    assert "step settling" in table.columns
    unitscope("report", folder / "run")


def test_what_is_recorded_by_default(folder, capsys):
    """The residual stream, the heads' outputs and the MLP's neurons; attention stays fast."""
    model, _ = Inputs("hf:model").open_transformer()
    taken = by_default(model.sites())
    aliases = {site.alias for site in model.sites() if site.name in taken}
    assert aliases == {f"blocks.0.{name}" for name in ("hook_resid_post", "attn.hook_z", "mlp.hook_post")} | {
        "hook_embed"
    }
    used = []
    model.module.encoder.layer[0].register_forward_hook(
        lambda module, args, output: used.append(model.module.config._attn_implementation)
    )
    corpus = Inputs("hf:model", ("text.txt",), length=30, context=10).open()[1]
    model.run(corpus.batch([0]), taken)
    assert used == ["sdpa"]
    unitscope("record", "hf:model", "text.txt", "--length", "30", "--context", "10", "--out", "usual")
    assert [site.name for site in Recording.open(folder / "usual").sites] == taken
    unitscope("record", "hf:model", "text.txt", "--length", "30", "--context", "10", "--sites", "*", "--out", "all")
    assert any("pattern_entropy" in site.name for site in Recording.open(folder / "all").sites)
    capsys.readouterr()
    unitscope("info", "hf:model")
    lines = [line for line in capsys.readouterr().out.splitlines() if "blocks.0" in line]
    assert {line.split()[-2] for line in lines if "pattern" in line} == {"named"}
    assert {line.split()[-2] for line in lines if "hook_resid_post" in line} == {"yes"}


def test_layouts_are_told_and_kept(folder, capsys):
    told = "embeddings.LayerNorm.output=batch time unit"
    unitscope("info", "hf:model", "--layout", told)
    assert "embeddings.LayerNorm.output" in capsys.readouterr().out
    cut = ("--length", "30", "--context", "10", "--sites", "embeddings.LayerNorm.output")
    unitscope("record", "hf:model", "text.txt", *cut, "--layout", told)
    again, _ = Inputs.load(folder / "run").open()
    assert "embeddings.LayerNorm.output" in {site.name for site in again.sites()}
    with pytest.raises(InputError, match="has the layout 'time batch unit'"):
        Inputs("hf:model", layouts=("embeddings.LayerNorm.output=time batch unit",)).open_transformer()
    with pytest.raises(InputError, match="--layout is PATTERN=AXES"):
        Inputs("hf:model", layouts=("batch time unit",)).open_transformer()


def test_what_does_not_fit(folder):
    with pytest.raises(InputError, match="has no parts"):
        Inputs("hf:model", ("text.txt",), part="test").open()
    with pytest.raises(InputError, match="works on character-level networks"):
        Inputs("hf:model", ("text.txt",)).open_model()
    shutil.rmtree(folder / "model")
    (folder / "model").mkdir()
    with pytest.raises(InputError, match="give a folder with"):
        Inputs("hf:model", ("text.txt",)).open()


@pytest.mark.parametrize("make", [gpt2, llama, gemma2, mixtral, jamba, t5, bert], ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore::UserWarning")  # the library is missing its fast kernels
def test_families_are_recorded_asked_and_shown(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console.out, "width", 150)
    made(make).save_pretrained("model")
    transformers.PreTrainedTokenizerFast(tokenizer_object=byte_pairs()).save_pretrained("model")
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    unitscope("record", "hf:model", "text.txt", "--sequences", "6", "--length", "24", "--context", "8")
    recording = Recording.open(tmp_path / "run")
    kinds = {site.kind for site in recording.sites}
    assert {"embedding", "residual"} <= kinds
    assert kinds & {"head", "mixer"}
    unitscope("ask", "run", "--label", "digit", "--baselines", "0", "--no-controls", "--no-ablate")
    unitscope("report", "run", "--out", "page.json")
    page = json.loads((tmp_path / "page.json").read_text(encoding="utf-8"))
    assert set(page["units"]) == {site.name for site in recording.sites}


def test_defaults_fit_the_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made(gpt2).save_pretrained("model")  # reads 64 tokens at a time
    transformers.PreTrainedTokenizerFast(tokenizer_object=byte_pairs()).save_pretrained("model")
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    _, corpus = Inputs("hf:model", ("text.txt",)).open()
    assert (corpus.length, corpus.context) == (48, 16)
    with pytest.raises(InputError, match="give, for example, --length 48 --context 16"):
        Inputs("hf:model", ("text.txt",), length=60, context=10).open()
