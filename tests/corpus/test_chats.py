"""Chats in the words of a model's template, against what Transformers itself makes of them."""

import json
from functools import partial

import numpy as np
import pytest
import transformers
from subword_tokenizer import byte_pairs
from tokenizers import processors

from unitscope.corpus.chats import chat_corpus, is_chats, read_chats
from unitscope.errors import InputError

CHATML = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|end|>\n{% endfor %}"
)
THINKS = CHATML.replace("{{ m['content'] | trim }}", "{{ m['content'].split('</t>')[-1] }}")
CHATS = [
    [("system", "Be brief."), ("user", "  user and system? "), ("assistant", "No.")],
    [("user", "The fox"), ("assistant", "The fox"), ("user", "user"), ("assistant", "so be it")],
]


def tokenizer(template=CHATML):
    """Which puts <s> before every text, as many do."""
    plain = byte_pairs()
    plain.add_special_tokens(["<s>", "<|start|>", "<|end|>"])
    plain.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", plain.token_to_id("<s>"))]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="<s>", chat_template=template)


def messages():
    return [[{"role": role, "content": content} for role, content in chat] for chat in CHATS]


def corpus(chats, template=CHATML, **cut):
    made = tokenizer(template)
    written = partial(made.apply_chat_template, tokenize=False)
    return chat_corpus(chats, written, made.backend_tokenizer, **cut), made


def test_tokens_are_those_of_the_template_and_special_ones_stand_once():
    chats, made = corpus(messages(), length=200, context=0)
    assert len(chats) == 2
    for number, chat in enumerate(messages()):
        batch = chats.batch([number])
        expected = made.apply_chat_template(chat, tokenize=True)
        expected = expected if isinstance(expected, list) else expected["input_ids"]
        assert batch.tokens[0].tolist() == expected
        assert batch.tokens[0].tolist().count(made.convert_tokens_to_ids("<s>")) == 1


@pytest.mark.parametrize("length", [200, 7])
def test_who_says_what(length):
    chats, made = corpus(messages(), length=length, context=3)
    assert {"role:system", "role:user", "role:assistant", "turn", "special"} <= set(chats.annotations)
    tokens, said = {}, {}
    for number in range(len(chats)):
        document = chats.place(number).document
        batch = chats.batch([number])
        tokens.setdefault(document, []).extend(batch.tokens[0][batch.counted[0]].tolist())
        for name in ("role:system", "role:user", "role:assistant", "turn", "special"):
            said.setdefault((document, name), []).extend(chats.labels(name, number).tolist())
    for document, chat in enumerate(messages()):
        ids = np.array(tokens[document])
        special = np.isin(ids, [made.convert_tokens_to_ids(t) for t in ("<s>", "<|start|>", "<|end|>")])
        assert np.array_equal(np.array(said[document, "special"]) == 1, special)
        for number, message in enumerate(chat):
            here = np.array(said[document, "turn"]) == number
            assert made.decode(ids[here]) == message["content"].strip()
            assert np.all(np.array(said[document, f"role:{message['role']}"])[here] == 1)


def test_a_template_that_leaves_something_out():
    chat = [{"role": "user", "content": "so?"}, {"role": "assistant", "content": "hm</t>yes"}]
    chats, made = corpus([chat], THINKS, length=200)
    turn = chats.labels("turn", 0).numpy()
    ids = chats.batch([0]).tokens[0].numpy()
    assert made.decode(ids[turn == 1]) == "yes"


def test_files_of_chats(tmp_path):
    openai, sharegpt = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    openai.write_text("\n".join(json.dumps({"messages": chat}) for chat in messages()))
    said = [[{"from": {"user": "human", "assistant": "gpt"}.get(r, r), "value": c} for r, c in chat] for chat in CHATS]
    sharegpt.write_text("\n".join(json.dumps({"id": 1, "dialogue": chat}) for chat in said))
    assert list(read_chats(str(openai))) == messages() == list(read_chats(f"{sharegpt}:dialogue"))
    assert is_chats(str(openai))
    assert is_chats(f"{sharegpt}:dialogue")
    assert not is_chats(str(sharegpt))
    parts = tmp_path / "c.jsonl"
    parts.write_text(json.dumps({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}))
    assert list(read_chats(str(parts))) == [[{"role": "user", "content": "hi"}]]
    parts.write_text(json.dumps({"messages": [{"role": "user", "content": 3}]}))
    with pytest.raises(InputError, match=r"c.jsonl:1.*role and a content"):
        list(read_chats(str(parts)))


def test_a_template_that_refuses_a_chat():
    with pytest.raises(InputError, match="does not write chat 1"):
        corpus(messages(), "{{ raise_exception('roles must alternate') }}")
