import numpy as np
import pytest
import torch

from unitscope.corpus.open import open_corpus
from unitscope.corpus.splits import Split
from unitscope.errors import InputError
from unitscope.networks import stream
from unitscope.networks.stream import stream_of


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "a.txt").write_text("abcde")
    (tmp_path / "b.txt").write_text("fghijkl")
    return open_corpus(tmp_path)


def as_text(values, none):
    return "".join("." if value == none else chr(ord("a") + value) for value in values)


@pytest.mark.parametrize("in_memory", [1 << 20, 0])
def test_ids_and_what_follows(corpus, monkeypatch, in_memory):
    monkeypatch.setattr(stream, "IN_MEMORY", in_memory)
    found = stream_of(corpus)
    assert as_text(found.ids, found.none) == "abcdefghijkl"
    assert as_text(found.targets, found.none) == "bcde.ghijkl."
    assert found.ids.dtype == np.uint8
    assert isinstance(found.ids, np.memmap) == (in_memory == 0)


def test_the_end_of_a_part_knows_what_follows_in_the_text(corpus):
    part = corpus.part("all")
    train = stream_of(type(part)(part.documents, "", Split("contiguous", "train", (0.7, 0.2, 0.1)), part.vocabulary))
    assert as_text(train.targets, train.none) == "bcde.ghi"


def test_windows_read_rows_from_left_to_right(corpus):
    rows = stream_of(corpus).rows(2)
    windows = [
        (as_text(ids[1].tolist(), rows.none), as_text(targets[1].tolist(), rows.none))
        for ids, targets in rows.windows(4, torch.device("cpu"))
    ]
    assert windows == [("ghij", "hijk"), ("kl", "l.")]
    assert len(stream_of(corpus).rows(5)) == 2
    with pytest.raises(InputError, match="too short for 13 rows"):
        stream_of(corpus).rows(13)


def test_interleaved_rows_are_those_of_char_rnn(tmp_path):
    text = np.random.default_rng(0).integers(97, 123, 1000).astype(np.uint8)
    (tmp_path / "t").write_bytes(text.tobytes())
    split = Split("interleaved", "train", rows=7, steps=5)
    corpus = open_corpus(tmp_path / "t", split=split)
    # The loader of char-rnn: cut to whole batches, view as rows, then divide along the columns.
    batches = 1000 // 35
    view = text[: batches * 35].reshape(7, -1)
    rows = stream_of(corpus).rows(7)
    letters = np.array([ord(symbol) for symbol in corpus.vocabulary.symbols])
    columns = int(batches * 0.8) * 5
    np.testing.assert_array_equal(letters[rows.ids], view[:, :columns])
    np.testing.assert_array_equal(letters[rows.targets], view[:, 1 : columns + 1])
