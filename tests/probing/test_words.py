from dataclasses import replace
from pathlib import Path

import pytest
import torch
from treebanks import CONLLU, written

from unitscope.corpus.sentence import Span
from unitscope.corpus.treebank import TreebankCorpus, read_treebank
from unitscope.errors import InputError
from unitscope.models.module import ModuleModel
from unitscope.networks.char import CharConfig, CharNet
from unitscope.probing.words import divide, gather, pooled_over, word_chunks
from unitscope.source.live import Live

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
    with pytest.raises(InputError, match=r"sentence 0 \(.*\) has 11 tokens in CharNet on small and 12 in the treebank"):
        list(word_chunks(live, other, [SITE]))


def test_another_text_of_the_same_length_is_noticed(tmp_path: Path) -> None:
    live, _ = source(tmp_path)
    other = TreebankCorpus(
        read_treebank(written(tmp_path, CONLLU.replace("go", "do"))), "other", vocabulary=live.corpus.vocabulary
    )
    with pytest.raises(
        InputError, match=r"sentence 0 \(.*small.conllu:4\): token 8 is 'g' in CharNet on small and 'd'"
    ):
        list(word_chunks(live, other, [SITE]))


def test_edges_put_the_dependent_before_the_head(tmp_path: Path) -> None:
    live, corpus = source(tmp_path)
    words = gather(live, corpus, [SITE], [0, 1]).activations[SITE]
    edges = gather(live, corpus, [SITE], [0, 1], level="edge")
    assert [(w.form, w.labels["deprel"]) for w in edges.words][:3] == [("I", "nsubj"), ("do", "aux"), ("n't", "advmod")]
    assert edges.sentence.tolist() == [0] * 4 + [1] * 3
    assert torch.equal(edges.activations[SITE][0], torch.cat([words[0], words[3]]))
    assert torch.equal(edges.activations[SITE][-1], torch.cat([words[8], words[5]]))


def test_spans_and_sentences(tmp_path: Path) -> None:
    live, corpus = source(tmp_path)
    corpus.sentences = [
        replace(corpus.sentences[0], spans=(Span(0, 2, "ODD"), Span(3, 4, "VP")), labels={"mood": "no"}),
        corpus.sentences[1],
    ]
    spans = gather(live, corpus, [SITE], [0, 1], level="span")
    assert [(w.form, w.labels) for w in spans.words] == [("I do", {"span": "ODD"}), ("go", {"span": "VP"})]
    words = gather(live, corpus, [SITE], [0, 1])
    assert torch.equal(spans.activations[SITE], words.activations[SITE][[1, 3]])
    (chunks,) = live.chunks([SITE], (), [0])
    whole = gather(live, corpus, [SITE], [0], "mean", level="sentence")
    assert whole.words[0].labels == {"mood": "no"}
    torch.testing.assert_close(whole.activations[SITE][0], chunks[SITE].activations.mean(0))
    with pytest.raises(InputError, match="no spans"):
        gather(live, corpus, [SITE], [1], level="span")


def test_activations_that_are_not_finite_are_named(tmp_path: Path) -> None:
    live, corpus = source(tmp_path)
    with torch.no_grad():
        live.model.module.rnn.bias_ih_l0[0] = torch.nan  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"rnn.0.hidden/0 is nan at 'I' \(.*small.conllu:4\)"):
        gather(live, corpus, [SITE], [0])


def test_parts_that_are_settled(tmp_path: Path) -> None:
    _, corpus = source(tmp_path, "".join(CONLLU + "\n" for _ in range(3)))
    names = ["train", "dev", "test", "train", "train", "test"]
    corpus.sentences = [replace(s, part=part) for s, part in zip(corpus.sentences, names, strict=True)]
    assert [sorted(part) for part in divide(corpus, range(6))] == [[0, 3, 4], [1], [2, 5]]
    corpus.sentences = [replace(corpus.sentences[0], part="valid"), *corpus.sentences[1:]]
    with pytest.raises(InputError, match="is in the part 'valid'"):
        divide(corpus, range(6))


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
