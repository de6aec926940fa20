from pathlib import Path

import pytest
from treebanks import written

from unitscope.corpus.label_table import read_table
from unitscope.errors import InputError


def test_table(tmp_path: Path) -> None:
    text = "sentence,form,mood\n1,so,\n1,what,sad\n2,yes,glad\n"
    first, second = read_table(written(tmp_path, text, "small.csv"))
    assert first.text == "so what"
    assert [dict(w.labels) for w in first.words] == [{}, {"mood": "sad"}]
    assert second.words[0].labels == {"mood": "glad"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("form\tmood\nso\tsad\n", ":1: a table of labels has the columns"),
        ("sentence\tform\n1\tso\n1\n", ":3: this row has more or fewer"),
        ("sentence\tform\n1\tso\tmore\n", ":2: this row has more or fewer"),
        ("sentence\tform\n1\t\n", ":2: this row has no form"),
    ],
)
def test_rows_that_do_not_fit(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(read_table(written(tmp_path, text, "small.tsv")))
