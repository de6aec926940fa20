import numpy as np
import pytest
import torch
from subword_tokenizer import TEXT, byte_pairs

from unitscope.corpus.open import open_corpus
from unitscope.corpus.subwords import SubwordCorpus
from unitscope.corpus.token_lists import TokenLists
from unitscope.errors import InputError


def lists(context=3):
    tokenizer = byte_pairs()
    texts = [TEXT[:60], TEXT[40:150], "añb ☃ c"]
    return texts, TokenLists([tokenizer.encode(text).ids for text in texts], tokenizer, [context] * 3)


def test_the_same_labels_as_the_text_itself(tmp_path):
    texts, corpus = lists(context=0)
    for number, text in enumerate(texts):
        (tmp_path / "text.txt").write_text(text, encoding="utf-8")
        other = SubwordCorpus(open_corpus(tmp_path / "text.txt", unit="characters"), byte_pairs(), length=500)
        assert corpus.document_text(number) == text
        np.testing.assert_array_equal(corpus.batch([number]).tokens, other.batch([0]).tokens)
        mine, theirs = corpus.labels("upper-case", number), other.labels("upper-case", 0)
        # Of the tokens that share a character, the last has read it.
        whole = ~mine.isnan()
        assert torch.equal(mine[whole], theirs[whole])
        assert bool(whole.all()) == ("☃" not in text and "€" not in text)


def test_context_is_read_and_not_counted():
    texts, corpus = lists()
    batch = corpus.batch([0, 1, 2])
    assert batch.context.tolist() == [3, 3, 3]
    assert corpus.lengths([0, 1, 2]) == (batch.lengths - 3).tolist()
    for number, text in enumerate(texts):
        assert text.endswith(corpus.text(number))
        assert len(corpus.labels("digit", number)) == corpus.lengths([number])[0]
        length = int(batch.lengths[number])
        # The last token has nothing to predict, and neither has the context but its last step.
        assert batch.targets[number, 3 : length - 1].tolist() == batch.tokens[number, 4:length].tolist()
        assert batch.targets[number, length - 1] == -1


def test_another_sequence_has_another_fingerprint():
    assert lists()[1].fingerprint == lists()[1].fingerprint != lists(context=2)[1].fingerprint


@pytest.mark.parametrize(
    ("ids", "context", "says"),
    [([], [], "no sequence"), ([[1, 2]], [2], "2 of them are context"), ([[1, 10**6]], [0], "beyond the")],
)
def test_what_is_refused(ids, context, says):
    with pytest.raises(InputError, match=says):
        TokenLists(ids, byte_pairs(), context)
