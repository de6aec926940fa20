import os
from pathlib import Path

import numpy as np
import pytest
import torch

from unitscope.corpus.documents import TextFile, scan
from unitscope.corpus.open import open_corpus
from unitscope.corpus.splits import PARTS, Split
from unitscope.corpus.text import TextCorpus
from unitscope.corpus.vocabulary import UNKNOWN, UnknownSymbols, Vocabulary
from unitscope.errors import InputError

DATA = Path(os.environ.get("UNITSCOPE_DATA", Path(__file__).parents[2] / "../shared/data")) / "text"


@pytest.fixture
def texts(tmp_path):
    """Three documents of 25, 7 and 40 characters, with symbols of one to four bytes."""
    texts = {"a.txt": "The quick brown fox jumps", "b.txt": "naïve €", "c.txt": 'x = "𝄞"\n' * 5}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path, list(texts.values())


def rows(corpus, batch):
    """What a batch says, row by row: context, counted text, and targets as text."""
    found = []
    for row in range(len(batch.sequence)):
        symbols = corpus.vocabulary.decode(batch.tokens[row, : batch.lengths[row]].tolist())
        context = int(batch.context[row])
        targets = [corpus.vocabulary.symbols[t] if t >= 0 else None for t in batch.targets[row].tolist()]
        found.append(("".join(symbols[:context]), "".join(symbols[context:]), targets))
    return found


@pytest.mark.parametrize("unit", ["bytes", "characters"])
@pytest.mark.parametrize(("length", "context"), [(10, 4), (1, 0), (1000, 128), (7, 30)])
def test_windows_targets_and_context_as_in_a_plain_loop(texts, unit, length, context):
    folder, documents = texts
    if unit == "bytes":
        documents = [text.encode().decode("latin-1") for text in documents]
    expected = [
        (text[max(0, start - context) : start], text[start : start + length], text[start + 1 : start + length + 1])
        for text in documents
        for start in range(0, len(text), length)
    ]
    corpus = open_corpus(folder, unit=unit, length=length, context=context)
    batch = corpus.batch(range(len(corpus)))
    assert len(corpus) == len(expected)
    assert corpus.lengths(range(len(corpus))) == [len(counted) for _, counted, _ in expected]
    for number, (row, (before, counted, following)) in enumerate(zip(rows(corpus, batch), expected, strict=True)):
        assert row[:2] == (before, counted)
        assert corpus.text(number) == counted
        # Targets: none in the context, then the next symbols of the document, none at its end and in the padding.
        assert row[2][: len(before)] == [None] * len(before)
        assert "".join(filter(None, row[2])) == following
        assert sum(target is None for target in row[2]) == batch.tokens.shape[1] - len(following)
    assert (batch.tokens[~batch.counted & (batch.targets == -1)] >= 0).all()


def test_any_sequence_in_any_order(texts):
    corpus = open_corpus(texts[0], length=6, context=3)
    order = torch.randperm(len(corpus), generator=torch.Generator().manual_seed(0)).tolist()
    together = rows(corpus, corpus.batch(range(len(corpus))))
    alone = [rows(corpus, corpus.batch([number]))[0][:2] for number in order]
    assert alone == [together[number][:2] for number in order]
    for outside in (-1, len(corpus)):
        with pytest.raises(IndexError):
            corpus.batch([outside])
    assert corpus.batch([]).tokens.shape == (0, 0)


@pytest.mark.parametrize("kind", ["contiguous", "interleaved"])
def test_parts_are_the_text_at_their_spans(texts, kind):
    folder, documents = texts
    text = "".join(documents)
    for part in PARTS:
        split = Split(kind, part, (0.5, 0.25, 0.25), rows=3, steps=2)
        corpus = open_corpus(folder, unit="characters", split=split, length=4)
        read = "".join(corpus.text(number) for number in range(len(corpus)))
        assert read == "".join(text[first:after] for first, after in split.spans(len(text)))
        assert corpus.tokens == len(read)


def test_context_may_lie_in_another_part_but_not_in_another_document(texts):
    corpus = open_corpus(texts[0], unit="characters", split=Split("contiguous", "test", (0.2, 0.2, 0.6)), context=100)
    found = [row[:2] for row in rows(corpus, corpus.batch(range(len(corpus))))]
    assert found == [("naï", "ve €"), ("", texts[1][2])]


def test_stretches_know_what_follows(texts):
    folder, _ = texts
    corpus = open_corpus(folder, unit="characters", split=Split("contiguous", "train", (0.1, 0.1, 0.8)))
    ((ids, following),) = corpus.stretches()
    assert "".join(corpus.vocabulary.decode(ids.tolist())) == "The qui"
    assert corpus.vocabulary.symbols[following] == "c"
    assert [following for _, following in open_corpus(folder).stretches()] == [-1, -1, -1]


def test_labels_are_those_of_the_whole_document(texts):
    folder, documents = texts
    asked = []

    def place(text):
        asked.append(text)
        return np.arange(len(text)) / 2

    corpus = open_corpus(folder, unit="characters", length=6, annotations={"place": place})
    found = torch.cat([corpus.labels("place", number) for number in range(len(corpus))])
    assert found.tolist() == [t / 2 for text in documents for t in range(len(text))]
    assert asked == documents  # each document once, though it has many sequences
    quoted = torch.cat([corpus.labels("inside double quotes", number) for number in range(len(corpus))])
    assert "".join(c for c, q in zip("".join(documents), quoted.tolist(), strict=True) if q) == '"𝄞' * 5


def test_bytes_are_latin1_characters_for_labels(texts):
    corpus = open_corpus(texts[0], annotations={"value": lambda text: np.array([ord(c) for c in text])})
    found = torch.cat([corpus.labels("value", number) for number in range(len(corpus))])
    assert found.tolist() == list("".join(texts[1]).encode())


def test_wrong_labels_are_refused(texts):
    corpus = open_corpus(texts[0], annotations={"short": lambda text: np.zeros(3)})
    with pytest.raises(InputError, match="short gave values of shape"):
        corpus.labels("short", 0)
    with pytest.raises(InputError, match="no-such-thing"):
        corpus.labels("no-such-thing", 0)


def test_a_given_vocabulary_is_kept_and_its_gaps_are_named(texts):
    folder, documents = texts
    known = Vocabulary.of(set("".join(documents)) - {"ï"})
    with pytest.raises(InputError, match=r"b\.txt holds 'ï' at byte 2, and the vocabulary of"):
        open_corpus(folder, unit="characters", vocabulary=known)
    wider = Vocabulary((*known.symbols, UNKNOWN))
    with pytest.warns(UnknownSymbols, match="1.4% of the symbols"):
        corpus = open_corpus(folder, unit="characters", vocabulary=wider)
    assert corpus.vocabulary == wider
    assert "na" + UNKNOWN + "ve €" in [row[1] for row in rows(corpus, corpus.batch(range(len(corpus))))]


def test_a_gap_in_another_part_does_not_matter(texts):
    known = Vocabulary.of(set("".join(texts[1])) - {"ï"})
    split = Split("contiguous", "train", (0.3, 0.3, 0.4))
    for symbols in (known, Vocabulary((*known.symbols, UNKNOWN))):
        assert len(open_corpus(texts[0], unit="characters", vocabulary=symbols, split=split)) == 1


def test_the_offset_of_a_gap_counts_bytes_of_the_file(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("é\n" * 100 + "ü", encoding="utf-8")
    for unit, symbol in (("characters", "ü"), ("bytes", "¼")):
        known = Vocabulary.of("é\nÃ©")
        offset = 300 if unit == "characters" else 301
        with pytest.raises(InputError, match=f"holds '{symbol}' at byte {offset}, "):
            open_corpus(path, unit=unit, vocabulary=known, document_bytes=50)


@pytest.mark.filterwarnings("ignore::unitscope.corpus.vocabulary.UnknownSymbols")
def test_fingerprint_follows_content_and_cut_and_nothing_else(texts, tmp_path_factory):
    folder, documents = texts
    moved = tmp_path_factory.mktemp("moved")
    for number, text in enumerate(documents):
        (moved / f"{number}.txt").write_text(text, encoding="utf-8")
    same = open_corpus(folder).fingerprint
    assert open_corpus(moved).fingerprint == same
    others = [
        open_corpus(folder, length=9),
        open_corpus(folder, context=9),
        open_corpus(folder, unit="characters"),
        open_corpus(folder, split=Split("contiguous", "train")),
        open_corpus(folder, at_least=2),
        open_corpus(folder, pattern="a*"),
        open_corpus(folder, document_bytes=9),
    ]
    (moved / "0.txt").write_text("the" + documents[0][3:])
    prints = [same, open_corpus(moved).fingerprint, *[corpus.fingerprint for corpus in others]]
    assert len(set(prints)) == len(prints)


def test_an_empty_part_is_refused(tmp_path):
    (tmp_path / "one.txt").write_text("text")
    empty = [part for part in PARTS if not Split("documents", part).holds("one.txt")]
    for part in empty:
        with pytest.raises(InputError, match=f"the {part} part of one.txt is empty"):
            open_corpus(tmp_path / "one.txt", split=Split("documents", part))


def test_memory_holds_few_documents(tmp_path, monkeypatch):
    monkeypatch.setattr("unitscope.corpus.text.KEPT", 100)
    path = tmp_path / "long"
    path.write_bytes(b"0123456789" * 100)
    documents = scan([TextFile("long", path)], "bytes", document_bytes=40)
    corpus = TextCorpus(documents, "long", length=20)
    corpus.batch(range(len(corpus)))
    assert sum(len(ids) for ids in corpus._loaded.values()) <= 100


def test_describe_is_plain(texts):
    described = open_corpus(texts[0], split=Split("contiguous", "test")).describe()
    assert described["corpus size"] == "90 bytes in 3 files"
    assert described["corpus part"] == "test (contiguous split): 9 bytes"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the reference texts")
def test_war_and_peace_as_the_paper_reads_it():
    corpus = open_corpus(DATA / "warpeace_input.txt", split=Split("interleaved", "train"))
    assert (corpus.documents.tokens, len(corpus.vocabulary)) == (3_258_246, 87)
    assert [corpus.part(part).tokens for part in PARTS] == [2_600_000, 320_000, 330_000]
    assert (
        open_corpus(DATA / "warpeace_input.txt", unit="characters").tokens == 3_258_226
    )  # without its byte order mark
