from pathlib import Path

import pytest
import torch
from treebanks import CONLLU, written

from unitscope.corpus.treebank import TreebankCorpus, read_treebank
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.models.networks.char import CharConfig, CharNet
from unitscope.probing.words import divide, gather, pooled_over, word_chunks
from unitscope.recording.live import Live

SITE = "rnn.0.hidden"


def source(folder: Path, text: str = CONLLU) -> tuple[Live, TreebankCorpus]:
    corpus = TreebankCorpus(read_treebank(written(folder, text)), "small")
    torch.manual_seed(0)
    model = ModuleModel(CharNet(CharConfig(len(corpus.vocabulary), units=6)))
    return Live(model, corpus, batch_size=1), corpus


def test_pooling() -> None:
    x = torch.arange(10.0).reshape(5, 2)
    ranges = torch.tensor([[0, 2], [1, 5]])
    assert torch.equal(pooled_over(x, ranges, "first"), x[[0, 1]])
    assert torch.equal(pooled_over(x, ranges, "last"), x[[1, 4]])
    assert torch.equal(pooled_over(x, ranges, "mean"), torch.stack([x[:2].mean(0), x[1:].mean(0)]))


def test_each_word_has_the_activation_of_its_last_character(tmp_path: Path) -> None:
    live, corpus = source(tmp_path)
    words = gather(live, corpus, [SITE], [0, 1])
    assert [word.form for word in words.words] == ["I", "do", "n't", "go", ".", "Café", "de", "le", "coin"]
    assert words.sentence.tolist() == [0] * 5 + [1] * 4
    for sequence in (0, 1):
        (chunks,) = live.chunks([SITE], (), [sequence])
        whole = chunks[SITE].activations
        rows = words.activations[SITE][words.sentence == sequence]
        assert torch.equal(rows, whole[corpus.words(sequence)[:, 1] - 1])


def test_no_sentence_is_cut(tmp_path: Path) -> None:
    live, corpus = source(tmp_path)
    assert len(gather(live, corpus, [SITE], [0, 1], most=3)) == 5
    assert len(gather(live, corpus, [SITE], [0, 1], most=6)) == 9


def test_another_treebank_is_noticed(tmp_path: Path) -> None:
    live, _ = source(tmp_path)
    other = TreebankCorpus(read_treebank(written(tmp_path, CONLLU.replace("go", "fly"))), "other")
    with pytest.raises(InputError, match="sentence 0 has 11 tokens in CharNet on small and 12 in the treebank"):
        list(word_chunks(live, other, [SITE]))


def test_documents_are_not_divided(tmp_path: Path) -> None:
    text = "".join(CONLLU.replace("letters", f"letters {i}") + "\n" for i in range(20))
    _, corpus = source(tmp_path, text)
    parts = divide(corpus, range(len(corpus)))
    assert sorted(s for part in parts for s in part) == list(range(40))
    documents = [{corpus.sentences[s].document for s in part} for part in parts]
    assert not documents[0] & documents[1] | documents[0] & documents[2] | documents[1] & documents[2]
    assert divide(corpus, range(len(corpus))) == parts
    assert divide(corpus, range(len(corpus)), seed=1) != parts
    with pytest.raises(InputError, match="cannot be divided"):
        divide(corpus, [0, 1])
