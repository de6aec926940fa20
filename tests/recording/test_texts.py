import pyarrow.parquet as pq
import pytest

from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.files.digest import digest_of
from unitscope.recording import texts
from unitscope.recording.texts import Texts, write_texts


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.txt").write_text(f"document {number}, é\r\n\t" * (number + 1), newline="")
    return open_corpus(folder, unit="characters")


def test_each_document_comes_back(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(texts, "GROUP", 100)
    write_texts(tmp_path, corpus, [0, 1, 2, 4, 8])
    kept = Texts(tmp_path, None)
    assert [kept.document(number) for number in (8, 0, 4)] == [corpus.document(number) for number in (8, 0, 4)]
    with pq.ParquetFile(tmp_path / "documents.parquet") as file:
        assert file.num_row_groups > 2  # one document is read without the others
        assert file.metadata.num_rows == 5


def test_a_document_that_is_not_there(tmp_path, corpus):
    write_texts(tmp_path, corpus, [0])
    with pytest.raises(InputError, match=r"documents\.parquet keeps no document 1"):
        Texts(tmp_path, None).document(1)


def test_damage(tmp_path, corpus):
    with pytest.raises(InputError, match=r"documents\.parquet cannot be read: No such file"):
        Texts(tmp_path, None)
    (tmp_path / "documents.parquet").write_bytes(b"PAR1 and so on")
    with pytest.raises(InputError, match=r"documents\.parquet is damaged"):
        Texts(tmp_path, None)


def test_other_documents_are_found(tmp_path, corpus, monkeypatch):
    write_texts(tmp_path, corpus, [0, 1])
    expected = digest_of(tmp_path / "documents.parquet")
    Texts(tmp_path, expected)
    write_texts(tmp_path, corpus, [0, 2])
    with pytest.raises(InputError, match="differs from what the manifest says"):
        Texts(tmp_path, expected)
    monkeypatch.setattr(texts, "SMALL", 10)
    Texts(tmp_path, expected)  # a large file is checked page by page, and as a whole by verify
