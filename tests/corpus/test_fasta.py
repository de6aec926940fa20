"""Sequences of letters under names."""

import gzip

import pytest

from unitscope.corpus.fasta import records
from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError

TEXT = ">sp|P1 one of them\nMKT\nLL*\n\n;a comment\n>two\nACDE FG\n"


@pytest.mark.parametrize("name", ["a.fasta", "a.faa.gz"])
def test_a_sequence_is_a_document(tmp_path, name):
    content = TEXT.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert list(records(tmp_path / name)) == [("sp|P1", "MKTLL"), ("two", "ACDEFG")]
    corpus = open_corpus(tmp_path / name, unit="characters")
    assert [corpus.text(number) for number in range(len(corpus))] == ["MKTLL", "ACDEFG"]
    assert corpus.documents.entries[1].name == f"{name}:two"
    assert ">" not in corpus.vocabulary.symbols


@pytest.mark.parametrize(
    ("text", "says"), [("MK\n", r"a\.fa:1: 'MK' stands before"), (">x\n>y\nM\n", r"a\.fa:1: x has no")]
)
def test_what_is_none(tmp_path, text, says):
    (tmp_path / "a.fa").write_text(text)
    with pytest.raises(InputError, match=says):
        open_corpus(tmp_path / "a.fa")
