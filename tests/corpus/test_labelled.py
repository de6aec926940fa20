from pathlib import Path

import pytest
import torch
from treebanks import DATA, written

from unitscope.corpus.annotated import WithText
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.labelled import LabelledTexts, read_labelled, symbols_of
from unitscope.corpus.vocabulary import UNKNOWN, UnknownSymbols, Vocabulary
from unitscope.errors import InputError

TEXTS = LabelledTexts(["who ?", "café", "why so"], ["a", "b", "a"], name="small")


def test_three_forms_say_the_same(tmp_path: Path) -> None:
    lines = written(tmp_path, "a who is it ?\n\nb  why\n", "x.txt")
    table = written(tmp_path, 'label,text\na,who is it ?\nb,"why"\n', "x.csv")
    first, second = written(tmp_path, "who is it ?\n", "x.a"), written(tmp_path, " why\n", "x.b")
    wanted = [("who is it ?", "a"), ("why", "b")]
    assert list(read_labelled([str(lines)])) == wanted
    assert list(read_labelled([str(table)])) == wanted
    assert list(read_labelled([f"a={first}", f"b={second}"])) == wanted


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("a\n", "x.txt", "x.txt:1: a line is a label, a space and a text"),
        ("\n", "x.txt", "there is no text"),
        ("text\nyes\n", "x.csv", "x.csv: no column is the label; there are: text. Say which: --label COLUMN"),
        ("label\ttext\na\t\n", "x.tsv", "x.tsv:2: this row has no text"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, text: str, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labelled([str(written(tmp_path, text, name))])


def test_encodings(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes("a café\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"x\.txt:1: 0xe9 is no utf-8 text .* often --encoding latin-1"):
        read_labelled([str(tmp_path / "x.txt")])
    assert list(read_labelled([str(tmp_path / "x.txt")], "latin-1")) == [("café", "a")]
    with pytest.raises(InputError, match="no encoding is called"):
        read_labelled([str(tmp_path / "x.txt")], "latin-99")
    with pytest.raises(InputError, match="cannot be read"):
        read_labelled([str(tmp_path / "y.txt")])


def test_the_last_token_has_the_class() -> None:
    assert isinstance(TEXTS, Corpus) and isinstance(TEXTS, WithText)
    batch = TEXTS.batch([1, 0])
    assert batch.lengths.tolist() == [4, 5]
    assert batch.targets.tolist() == [[-1, -1, -1, 1, -1], [-1, -1, -1, -1, 0]]
    assert "".join(TEXTS.vocabulary.decode(batch.tokens[1].tolist())) == "who ?"
    assert TEXTS.labels("class=a", 0).tolist() == [1.0] * 5
    assert TEXTS.labels("white-space", 2).tolist() == [0, 0, 0, 1, 0, 0]
    assert TEXTS.take([2]).fingerprint == TEXTS.like(["why so"], ["a"]).fingerprint != TEXTS.fingerprint


def test_bytes_and_cuts() -> None:
    assert LabelledTexts(["café"], name="x", unit="bytes").lengths([0]) == [5]
    assert LabelledTexts(["café"], name="x", longest=2).lengths([0]) == [2]
    assert torch.equal(LabelledTexts(["ab"], name="x").batch([0]).targets, torch.full((1, 2), -1))


def test_rare_symbols_are_unknown() -> None:
    vocabulary = symbols_of(["aab"], at_least=2)
    assert vocabulary.symbols == ("a", UNKNOWN)
    with pytest.warns(UnknownSymbols, match="x: 66.7% of the symbols"):
        corpus = LabelledTexts(["abc"], name="x", vocabulary=vocabulary)
    assert "symbols that the model does not know (66.67%: 'b', 'c'): 2" in corpus.describe()["as read"]
    assert corpus.batch([0]).tokens.tolist() == [[0, 1, 1]]


def test_bad_texts() -> None:
    with pytest.raises(InputError, match="a text is empty"):
        LabelledTexts(["a", ""], name="x")
    with pytest.raises(InputError, match="3 texts but 1 labels"):
        LabelledTexts(["a", "b", "c"], ["x"], name="x")
    with pytest.raises(InputError, match="'c' is no class of the network; there are: a, b"):
        TEXTS.like(["who"], ["c"])
    with pytest.raises(InputError, match="text 1 holds 'z'"):
        LabelledTexts(["a", "z"], name="x", vocabulary=Vocabulary(("a",)))


def test_questions() -> None:
    folder = DATA.parent / "labelled"
    if not folder.exists():
        pytest.skip(f"{folder} is not there")
    train = read_labelled([str(folder / "TREC.train.all")], "latin-1")
    assert len(train) == 5452
    assert len({label for _, label in train}) == 6
