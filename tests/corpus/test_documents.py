import os

import pytest

from unitscope.corpus import documents
from unitscope.corpus.documents import TextFile, find_files, pieces, scan
from unitscope.corpus.vocabulary import UNKNOWN
from unitscope.errors import InputError


def files_of(*paths):
    return [TextFile(path.name, path) for path in paths]


def test_files_of_a_folder_are_text_sorted_and_named_relative_to_it(tmp_path):
    for name, content in {"b.txt": b"b", "a/z.txt": b"z", "a/y.py": b"y", ".hidden": b"h", "binary": b"x\0y",
                          "empty": b"", ".git/c.txt": b"c", "skip/d.txt": b"d"}.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert [file.name for file in find_files([tmp_path], without={"skip"})] == ["a/y.py", "a/z.txt", "b.txt"]
    assert [file.name for file in find_files([tmp_path], "*.py")] == ["a/y.py"]
    assert [file.name for file in find_files([tmp_path / "a", tmp_path / "b.txt"])] == ["a/y.py", "a/z.txt", "b.txt"]


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.txt does not exist"):
        find_files([tmp_path / "nowhere.txt"])
    with pytest.raises(InputError, match="no text file"):
        find_files([tmp_path])
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(InputError, match=r"'\*\.md'"):
        find_files([tmp_path], "*.md")


def test_an_empty_file_is_refused_alone_and_left_out_among_others(tmp_path):
    empty, full = tmp_path / "empty", tmp_path / "full"
    empty.write_bytes(b"")
    full.write_bytes(b"abc")
    with pytest.raises(InputError, match="empty is empty"):
        scan(files_of(empty), "bytes")
    assert scan(files_of(empty, full), "bytes").tokens == 3


@pytest.mark.parametrize("size", [1, 999, 1000, 1001, 5432])
def test_pieces_cover_the_file(tmp_path, size):
    path = tmp_path / "text"
    path.write_bytes(b"x" * size)
    cuts = list(pieces(TextFile(path.name, path), 1000))
    assert len(cuts) == -(-size // 1000)
    assert [start for start, _ in cuts] == [0, *[stop for _, stop in cuts[:-1]]]
    assert cuts[-1][1] == size
    assert max(stop - start for start, stop in cuts) <= 1000


def test_a_cut_lies_behind_a_line_end(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"four\n" * 1000)
    cuts = list(pieces(TextFile(path.name, path), 777))
    assert len(cuts) == 7
    assert all(stop % 5 == 0 for _, stop in cuts)


@pytest.mark.parametrize("letter", ["é", "€", "𝄞"])
def test_a_cut_never_divides_a_character(tmp_path, letter):
    path = tmp_path / "text"
    text = "a" + letter * 500
    path.write_text(text, encoding="utf-8")
    found = scan(files_of(path), "characters", document_bytes=101)
    assert len(found.entries) > 5
    assert "".join(document.read().decode() for document in found.entries) == text
    assert found.tokens == len(text)


def test_symbols_are_counted(tmp_path):
    path = tmp_path / "text"
    path.write_text("aé\r\né", encoding="utf-8", newline="")
    assert scan(files_of(path), "characters").counts == {"a": 1, "é": 2, "\r": 1, "\n": 1}
    as_bytes = scan(files_of(path), "bytes")
    assert as_bytes.counts == {"a": 1, "Ã": 2, "©": 2, "\r": 1, "\n": 1}
    assert as_bytes.vocabulary().symbols == ("\n", "\r", "a", "©", "Ã")
    assert as_bytes.vocabulary(at_least=2).symbols == (UNKNOWN, "©", "Ã")


def test_no_utf8_names_file_and_offset(tmp_path, monkeypatch):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"line\n" * 100 + b"caf\xe9 noir")
    monkeypatch.setattr(documents, "NEAR", 100)
    for document_bytes in (4000, 100):
        with pytest.raises(InputError, match=r"latin\.txt is no UTF-8: byte 503 is 0xe9; give its encoding"):
            scan(files_of(path), "characters", document_bytes)
    assert scan(files_of(path), "bytes").tokens == 509


def test_a_file_that_shrinks_is_noticed(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"abcdef")
    document = scan(files_of(path), "bytes").entries[0]
    path.write_bytes(b"abc")
    with pytest.raises(InputError, match="shorter"):
        document.read()
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        document.read()


def test_a_name_that_is_no_utf8_can_be_shown(tmp_path):
    with open(os.path.join(os.fsencode(tmp_path), b"na\xefve.txt"), "wb") as file:
        file.write(b"text")
    name = find_files([tmp_path])[0].name
    assert name == "na\\xefve.txt"
