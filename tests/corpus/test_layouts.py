"""Published tables without a head, and columns by their usual names."""

from pathlib import Path

import pytest
from treebanks import written

from unitscope.corpus.dialect import Dialect, Notes
from unitscope.corpus.labelled import labelled_rows, read_labelled, texts_of
from unitscope.errors import InputError


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("train.csv", '"3","Wall St. Bears","Short-sellers, again."\n"2","A cup","They won it."\n',
         [("Wall St. Bears Short-sellers, again.", "3"), ("A cup They won it.", "2")]),
        ("dbpedia.csv", "2,A singer of songs\n11,An album\n", [("A singer of songs", "2"), ("An album", "11")]),
        ("CoLA.tsv", 'gj04\t1\t\tOur "friends" won\'t.\ngj04\t0\t*\tThe more we.\n',
         [('Our "friends" won\'t.', "1"), ("The more we.", "0")]),
        ("SST-2.tsv", "sentence\tlabel\nhide \" it\t0\nso good\t1\n", [('hide " it', "0"), ("so good", "1")]),
        ("spam.tsv", "ham\tGo on until\nspam\tFree entry now\nham\tU dun say\n",
         [("Go on until", "ham"), ("Free entry now", "spam"), ("U dun say", "ham")]),
        ("past_present.txt", "tr\tPAST\tIt was .\nva\tPRES\tIt is .\n", [("It was .", "PAST"), ("It is .", "PRES")]),
        ("sst.txt", "(3 (2 It) (4 works))\n(0 (2 It) (1 fails))\n", [("It works", "3"), ("It fails", "0")]),
        ("lines.txt", "pos good film\nneg bad\tfilm\n", [("good film", "pos"), ("bad\tfilm", "neg")]),
        ("tabs.txt", "pos\tgood film\nneg\tbad\n", [("good film", "pos"), ("bad", "neg")]),
    ],
)  # fmt: skip
def test_published_layouts(tmp_path: Path, name: str, text: str, wanted: list[tuple[str, str]]) -> None:
    assert list(read_labelled([str(written(tmp_path, text, name))])) == wanted


def test_columns_are_told(tmp_path: Path) -> None:
    path = str(written(tmp_path, "x,5,so so,part\ny,2,no,rest\n", "a.csv"))
    told = Dialect(columns=("name", "stars", "body", "split"), label="stars", text="body")
    assert list(read_labelled([path], told)) == [("so so", "5"), ("no", "2")]
    assert list(read_labelled([path], Dialect(columns=told.columns, label="stars", text="name,body", part="rest"))) == [
        ("y no", "2")
    ]
    pair = str(written(tmp_path, "question\tsentence\tlabel\nWho ?\tAda .\tyes\n", "qnli.tsv"))
    with pytest.raises(InputError, match="sentence and question could each be the text; say which: --text"):
        read_labelled([pair])
    assert list(read_labelled([pair], Dialect(text="question,sentence"))) == [("Who ? Ada .", "yes")]
    head = str(written(tmp_path, "stars,body\n5,so\n", "b.csv"))
    assert list(read_labelled([head], Dialect(columns=("stars", "body"), label="stars", text="body"))) == [("so", "5")]
    with pytest.raises(InputError, match=r"no column is the text; there are: stars, body\. Say which: --text COLUMN"):
        read_labelled([head])
    with pytest.raises(InputError, match=r"has no column of parts; .*--part COLUMN=dev"):
        read_labelled([head], Dialect(label="stars", text="body", part="dev"))


def test_rows_that_are_left_out_are_counted(tmp_path: Path) -> None:
    notes = Notes()
    path = written(
        tmp_path, '{"text": "a", "label": 1}\n{"text": "b", "label": -1}\n{"text": null, "label": 1}\n', "a.jsonl"
    )
    assert list(read_labelled([str(path)], notes=notes)) == [("a", "1")]
    assert list(notes) == ["rows without a label or a text, left out: 2"]
    with pytest.raises(InputError, match=r"a\.csv:2: this row has no label"):
        read_labelled([str(written(tmp_path, "label,text\n,a\n", "a.csv"))])


def test_columns_without_a_name_are_none(tmp_path: Path) -> None:
    notes = Notes()
    path = written(tmp_path, ",label,text,,\n0,a,so it is,,\n1,b,no,more,\n", "a.csv")
    assert list(read_labelled([str(path)], notes=notes)) == [("so it is", "a"), ("no", "b")]
    assert "columns of a.csv without a name left out: 3" in list(notes)


def test_texts_of_a_network_may_have_labels_or_not(tmp_path: Path) -> None:
    lines = str(written(tmp_path, "a who is it\nb so\n", "a.txt"))
    table = str(written(tmp_path, "sentence\nso it is\n", "a.tsv"))

    def read(file: str, *classes: str) -> list[list[str]]:
        return [list(each) for each in texts_of([file], classes)]

    assert read(lines, "a", "b") == [["who is it", "so"], ["a", "b"]]
    assert read(lines, "a") == [["a who is it", "b so"], []]
    assert read(table, "a") == [["so it is"], []]
    assert read(f"b={table}", "a", "b") == [["so it is"], ["b"]]


def test_labelled_texts_are_no_treebank(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.conllu holds annotated sentences, not labelled texts"):
        list(labelled_rows([str(written(tmp_path, "", "a.conllu"))]))
