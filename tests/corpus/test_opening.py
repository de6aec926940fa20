"""Whatever a text is packed in and however it is encoded, its lines are the same, and what is no text is refused."""

import bz2
import gzip
import io
import lzma
import os
import sys
import threading

import pyarrow as pa
import pytest

from unitscope.corpus.dialect import Dialect, Notes, ending
from unitscope.corpus.open import open_corpus
from unitscope.corpus.opening import Lines, open_bytes
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError

TEXT = "Grüße aus Köln.\r\nÄ\u2028b\x85c\x0cd\n\nlast 𝄞"
LINES = ["Grüße aus Köln.", "Ä\u2028b\x85c\x0cd", "", "last 𝄞"]


def zstandard(content):
    return pa.compress(content, "zstd", asbytes=True)


PACKED = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "zst": zstandard, "plain": bytes}
MARKED = {
    "utf-8": b"\xef\xbb\xbf",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "utf-32-le": b"\xff\xfe\0\0",
    "utf-32-be": b"\0\0\xfe\xff",
}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("encoding", MARKED)
def test_packed_and_marked_texts_have_the_same_lines(tmp_path, packed, encoding):
    path = tmp_path / f"a.txt.{packed}"
    path.write_bytes(PACKED[packed](MARKED[encoding] + TEXT.encode(encoding)))
    notes = Notes()
    with Lines(path, notes=notes) as lines:
        assert lines.head(2) == LINES[:2]
        assert list(lines) == LINES
        assert lines.where == f"{path}:4"
    assert bool(notes.facts) == (encoding != "utf-8")
    assert open_corpus(path, unit="characters").document_text(0) == TEXT


def test_gzip_of_several_members_is_one_text(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    with Lines(path) as lines:
        assert list(lines) == ["one", "two"]


def test_what_is_told_counts(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("naïve – ok\n".encode("cp1252"))
    with Lines(path, "cp1252") as lines:
        assert list(lines) == ["naïve – ok"]
    with (
        pytest.raises(InputError, match=r"a\.txt:1: 0xef is no utf-8 text .* often --encoding cp1252"),
        Lines(path) as lines,
    ):
        list(lines)
    assert open_corpus(path, unit="characters", dialect=Dialect("cp1252")).text(0) == "naïve – ok\n"
    path.write_text("x", encoding="utf-16")
    with Lines(path, "utf-16") as lines:
        assert list(lines) == ["x"]
    for wrong in ("latin-99", "hex", "rot13", "\0"):
        with pytest.raises(InputError, match="no encoding is called"):
            Lines(path, wrong)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("Grüße".encode("utf-16-le"), r"zero bytes as UTF-16 does; if it is that, say so: --encoding utf-16-le"),
        ("Grüße".encode("utf-16-be"), r"--encoding utf-16-be"),
        (b"PK\3\4\0\0", "an archive or a document"),
        (b"\0\1\2\3" * 9, "so it is no text; give another file, or its encoding"),
        (gzip.compress(b"text" * 99, mtime=0)[:-9], r"cannot be read to its end: .* fetch or pack it again"),
        (gzip.compress(lzma.compress(b"text"), mtime=0), "is packed twice; unpack it once"),
        (lzma.compress(b"text" * 99)[:-9], r"cannot be read to its end"),
        (b"\xff\xfea\0b", "breaks off inside a character"),
    ],
)
def test_what_is_no_text(tmp_path, content, says):
    (tmp_path / "a.txt").write_bytes(content)
    for unit in ("bytes", "characters"):
        with pytest.raises(InputError, match=says):
            open_corpus(tmp_path / "a.txt", unit=unit)
    if b"\0" in content[:3]:
        assert open_corpus(tmp_path / "a.txt", dialect=Dialect("binary")).tokens == len(content)


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match=r"none\.txt cannot be read: No such file"):
        open_bytes(tmp_path / "none.txt")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        open_bytes(tmp_path)


def test_lines_that_end_in_carriage_returns(tmp_path):
    (tmp_path / "mac.txt").write_bytes(b"one\rtwo\r\rthree")
    with Lines(tmp_path / "mac.txt") as lines:
        assert list(lines) == ["one", "two", "", "three"]


def test_standard_input_and_pipes_are_files_too(tmp_path, monkeypatch):
    content = gzip.compress(b"1\tHares\thare\tNOUN\t_\t_\t0\troot\t_\t_\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read_treebank("-")[0].text == "Hares"
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(content))
    writer.start()
    (sentence,) = read_treebank(tmp_path / "pipe")
    writer.join()
    assert sentence.where.endswith("pipe:1")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(gzip.compress(b"a text")))
    writer.start()
    corpus = open_corpus(tmp_path / "pipe")
    writer.join()
    assert corpus.text(0) == "a text"


def test_a_folder_of_packed_and_plain_files_is_one_text(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("plain")
    (folder / "b.txt.gz").write_bytes(gzip.compress(b"packed"))
    (folder / "c.txt").write_bytes("wide".encode("utf-16"))
    (folder / "d.bin").write_bytes(gzip.compress(b"\0\1\2"))
    corpus = open_corpus(folder, unit="characters")
    assert [corpus.document_text(number) for number in range(3)] == ["plain", "packed", "wide"]
    assert "files that are empty or no text passed over: 1" in corpus.describe()["as read"]


def test_a_byte_order_mark_is_no_character_but_its_bytes_are_bytes(tmp_path):
    (tmp_path / "a.txt").write_text("abc", encoding="utf-8-sig")
    assert open_corpus(tmp_path / "a.txt", unit="characters").text(0) == "abc"
    assert open_corpus(tmp_path / "a.txt").tokens == 6


def test_the_ending_tells_the_format():
    assert ending("x/dev.CoNLLU.gz") == ".conllu"
    assert ending("notes.gz") == ".gz"
    assert ending("eng.testa.xz") == ".testa"
    assert ending("README") == ""
