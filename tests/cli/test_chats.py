"""A file of chats from the command line to labels of who speaks; devices on every command that runs a model."""

import json

import pytest
import torch
import transformers
import typer
from subword_tokenizer import byte_pairs

from unitscope.cli.app import app
from unitscope.cli.lazy import load_all
from unitscope.errors import InputError
from unitscope.models.hub import chat_template
from unitscope.opening.inputs import Inputs
from unitscope.source.live import Live

TEMPLATE = "{% for m in messages %}<|start|>{{ m['role'] }}\\n{{ m['content'] }}<|end|>{% endfor %}"


@pytest.fixture
def folder(tmp_path):
    tokenizer = byte_pairs()
    tokenizer.add_special_tokens(["<|start|>", "<|end|>"])
    config = transformers.GPT2Config(
        n_layer=1, n_embd=8, n_head=2, vocab_size=tokenizer.get_vocab_size(), n_positions=64
    )
    torch.manual_seed(0)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path / "model")
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=TEMPLATE)
    wrapped.save_pretrained(tmp_path / "model")
    chat = [{"role": "user", "content": "The fox?"}, {"role": "assistant", "content": "The lazy dog."}]
    (tmp_path / "chats.jsonl").write_text(f"{json.dumps({'messages': chat})}\n" * 3)
    return tmp_path


def test_chats_are_read_in_the_models_template(folder):
    inputs = Inputs(f"hf:{folder / 'model'}", (str(folder / "chats.jsonl"),))
    source = inputs.live()
    assert isinstance(source, Live)
    assert len(source.sequences) == 3
    assert {"role:user", "role:assistant", "turn", "special"} <= set(source.annotations)
    speaks = source.labels("role:assistant", 0)
    text = "".join(source.vocabulary.decode(source.tokens(0)[speaks.numpy() == 1].tolist()))
    assert text == "The lazy dog."


def test_chats_that_cannot_be_read_are_refused(folder):
    (folder / "a.txt").write_text("text")
    with pytest.raises(InputError, match="holds chats, which models of Transformers read"):
        Inputs(f"hf:{folder / 'model'}", (str(folder / "chats.jsonl"), str(folder / "a.txt"))).open()
    (folder / "model" / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="has no chat template"):
        chat_template(str(folder / "model"))


def test_every_command_that_runs_a_model_has_a_device():
    load_all()
    commands = typer.main.get_command(app).commands
    for name in ("ablate", "ask", "check", "compare", "info", "probe", "record", "respond", "view"):
        assert "--device" in {option for param in commands[name].params for option in param.opts}, name
    for name in ("ask", "check", "compare", "info", "probe", "record", "view"):  # which are given a model by name
        assert "--model-dtype" in {option for param in commands[name].params for option in param.opts}, name
