from pathlib import Path

import pytest
from treebanks import written

from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError


def test_table(tmp_path: Path) -> None:
    text = "sentence,form,mood\n1,so,\n1,what,sad\n2,yes,glad\n"
    first, second = read_treebank(written(tmp_path, text, "small.csv"))
    assert first.text == "so what"
    assert [dict(w.labels) for w in first.words] == [{}, {"mood": "sad"}]
    assert second.words[0].labels == {"mood": "glad"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("form\tmood\nso\tsad\n", "has the columns form, mood; a table of sentences has"),
        ("sentence\tform\n1\tso\n1\n", ":3: this row has 1 cells between tabs, the table 2 columns"),
        ("sentence\tform\n1\tso\tmore\n", ":2: this row has 3 cells"),
        ("sentence\tform\n1\t\n", ":2: this row has no form"),
    ],
)
def test_rows_that_do_not_fit(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_treebank(written(tmp_path, text, "small.tsv"))
