import gc
import io
import sys

import pytest

from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError


def test_standard_input_is_spooled_and_removed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("déjà vu".encode())))
    corpus = open_corpus("-", unit="characters")
    path = corpus.documents.entries[0].path
    assert (corpus.name, corpus.text(0)) == ("standard input", "déjà vu")
    part = corpus.part("all")
    del corpus
    assert part.text(0) == "déjà vu"
    del part
    gc.collect()
    assert not path.exists()


def test_empty_standard_input_is_refused_and_removed(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(InputError, match="empty"):
        open_corpus("-")
    assert list(tmp_path.iterdir()) == []


def test_several_paths(tmp_path):
    (tmp_path / "a.txt").write_text("first")
    (tmp_path / "b.txt").write_text("second")
    corpus = open_corpus([tmp_path / "b.txt", str(tmp_path / "a.txt")])
    assert [corpus.text(number) for number in range(len(corpus))] == ["second", "first"]
    assert corpus.name == "b.txt, a.txt"


def test_the_standard_library_by_name():
    corpus = open_corpus("stdlib")
    assert corpus.name == "stdlib"
    assert corpus.documents.files > 400


@pytest.mark.parametrize("text", [[], ["-", "a.txt"], "", "no/such/file"])
def test_nothing_to_read_is_refused(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        open_corpus(text)
