import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError


def table(folder: Path, columns: dict[str, list[object]], features: dict[str, object] | None = None) -> Path:
    made = pa.table(columns)
    if features:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(made, folder / "rows.parquet")
    return folder / "rows.parquet"


def test_rows_are_sentences(tmp_path: Path) -> None:
    columns = {
        "id": ["0", "1"],
        "tokens": [["EU", "rejects", "it"], ["Yes"]],
        "ner_tags": [[1, 0, 0], [-1]],
        "upos": [["PROPN", "VERB", None], ["INTJ"]],
    }
    features = {"ner_tags": {"feature": {"names": ["O", "B-ORG"], "_type": "ClassLabel"}, "_type": "Sequence"}}
    first, second = read_treebank(table(tmp_path, columns, features))
    assert first.text == "EU rejects it"
    assert [dict(word.labels) for word in first.words] == [
        {"ner_tags": "B-ORG", "upos": "PROPN", "entity": "ORG"},
        {"ner_tags": "O", "upos": "VERB"},
        {"ner_tags": "O"},
    ]
    assert second.words[0].labels == {"upos": "INTJ"}
    assert [first.text[w.start : w.stop] for w in first.words] == ["EU", "rejects", "it"]
    assert second.where.endswith("rows.parquet, row 2")


def test_a_data_set_on_disk(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face's datasets is not installed")
    kinds = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "tag": datasets.Sequence(datasets.ClassLabel(names=["N", "V"])),
        }
    )
    made = datasets.Dataset.from_dict({"tokens": [["a", "b"]], "tag": [[0, 1]]}, features=kinds)
    made.save_to_disk(str(tmp_path / "set"))
    (sentence,) = read_treebank(tmp_path / "set")
    assert [word.labels["tag"] for word in sentence.words] == ["N", "V"]
    with pytest.raises(InputError, match="holds no data set"):
        read_treebank(tmp_path)


def test_rows_that_do_not_align(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 2: 'tag' has 1 values for 2 words"):
        read_treebank(table(tmp_path, {"tokens": [["a"], ["b", "c"]], "tag": [["x"], ["y"]]}))
    with pytest.raises(InputError, match="has the columns body; a table of sentences has"):
        read_treebank(table(tmp_path, {"body": ["a"]}))
    with pytest.raises(InputError, match="row 1: word 1 of this row is empty"):
        read_treebank(table(tmp_path, {"tokens": [[""]], "tag": [["x"]]}))
    with pytest.raises(InputError, match="row 1: word 2 of this row is empty"):
        read_treebank(table(tmp_path, {"tokens": [["a", None]]}))
    with pytest.raises(InputError, match="row 1: 'tokens' holds dict values, not words"):
        read_treebank(table(tmp_path, {"tokens": [[{"form": "a"}]]}))
