"""The texts of tables: every kind says the same, and what cannot be read is refused with its place."""

import gc
import json

import pandas as pd
import pytest

from unitscope.corpus.dialect import Dialect
from unitscope.corpus.open import open_corpus
from unitscope.corpus.rows import rows, split_name
from unitscope.errors import InputError

TEXTS = ["One line.", 'Two\nlines, with a "quote".', "Ünïcode – ok", "the last"]


def json_lines(path):
    path.write_text("".join(json.dumps({"n": n, "text": text}) + "\n" for n, text in enumerate(TEXTS)) + "\n")


def separated(path):
    pd.DataFrame({"n": range(4), "text": TEXTS}).to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")


def parquet(path):
    pd.DataFrame({"text": [*TEXTS, None]}).to_parquet(path)


def data_set(path):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict({"text": TEXTS, "n": [1, 2, 3, 4]}).save_to_disk(str(path))


KINDS = {"a.jsonl": json_lines, "a.csv": separated, "a.tsv": separated, "a.parquet": parquet, "folder": data_set}


@pytest.mark.parametrize("name", KINDS)
def test_a_row_is_a_document(tmp_path, name):
    KINDS[name](tmp_path / name)
    said = Dialect(quotes=True if name == "a.tsv" else None)
    assert list(rows(tmp_path / name, "text", said)) == TEXTS
    corpus = open_corpus(f"{tmp_path / name}:text", unit="characters", length=7, context=3, dialect=said)
    assert [corpus.document_text(n) for n in range(len(corpus.documents.entries))] == TEXTS
    assert corpus.documents.entries[1].name == f"{name}:text:2"
    assert "".join(corpus.text(n) for n in range(len(corpus))) == "".join(TEXTS)
    with pytest.raises(InputError, match=r"no column 'body'; there are: .*text"):
        list(rows(tmp_path / name, "body", said))


def test_an_iterator_is_read_once_and_its_copy_goes_with_the_corpus():
    corpus = open_corpus(iter(TEXTS), unit="characters")
    copy = corpus.documents.entries[0].path
    assert [corpus.document_text(n) for n in range(4)] == TEXTS
    assert copy.exists()
    del corpus
    gc.collect()
    assert not copy.exists()


def test_long_rows_are_cut_and_the_content_decides_the_fingerprint(tmp_path):
    json_lines(tmp_path / "a.jsonl")
    parquet(tmp_path / "b.parquet")
    a, b = (open_corpus(f"{tmp_path / name}:text", document_bytes=10) for name in ("a.jsonl", "b.parquet"))
    assert a.documents.tokens == len("".join(TEXTS).encode())
    assert len(a.documents.entries) > len(TEXTS)
    assert all(document.stop - document.start < 20 for document in a.documents.entries)
    assert a.fingerprint == b.fingerprint
    # Pieces of one row are no independent evidence; rows are.
    wholes = {a.documents.entries[n].name: a.document(n).whole for n in range(len(a.documents.entries))}
    assert all(bool(wholes[f"a.jsonl:text:{n}"]) == (len(text.encode()) > 10) for n, text in enumerate(TEXTS, 1))
    assert len(set(filter(None, wholes.values()))) == sum(len(text.encode()) > 10 for text in TEXTS)


def test_a_name_is_a_table_only_if_there_is_one(tmp_path):
    json_lines(tmp_path / "a.jsonl")
    assert split_name(tmp_path / "a.jsonl") is None
    assert split_name(tmp_path / "b.jsonl:text") is None
    (tmp_path / "a.jsonl:text").write_text("a file of that name")
    assert split_name(tmp_path / "a.jsonl:text") is None


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b'{"text": "a"}\n{"text": \n', r"a.jsonl:2: this line is no JSON"),
        ("a.jsonl", b"[1, 2]\n", r"a.jsonl:1: this line is no object"),
        ("a.jsonl", b'{"text": 5}\n', r"a.jsonl:1: 'text' is int, not text"),
        ("a.jsonl", b"\xff\xfe\n", r"breaks off inside a character"),
        ("a.csv", b"text,n\n,1\n", r"holds no text"),
        ("a.parquet", b"PAR1 no table", r"cannot be read as a table"),
        ("a.xlsx", b"PK", r"is no table of texts; give one of .jsonl"),
    ],
)
def test_what_cannot_be_read(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        open_corpus(f"{tmp_path / name}:text")


def test_a_folder_without_a_data_set_and_one_with_several(tmp_path):
    datasets = pytest.importorskip("datasets")
    with pytest.raises(InputError, match="holds no data set"):
        open_corpus(f"{tmp_path}:text")
    datasets.disable_progress_bars()
    part = datasets.Dataset.from_dict({"text": TEXTS})
    datasets.DatasetDict({"train": part, "test": part}).save_to_disk(str(tmp_path / "both"))
    with pytest.raises(InputError, match=r"holds several parts; give one of them: .*train"):
        open_corpus(f"{tmp_path / 'both'}:text")
    assert len(open_corpus(f"{tmp_path / 'both' / 'train'}:text")) == 4
