import dataclasses
import json

import numpy as np
import pytest
from jaxtyping import Float, Int

from unitscope.errors import InputError
from unitscope.files.arrays import arrays_bytes
from unitscope.result import Column, Result
from unitscope.views import Table, View


@dataclasses.dataclass(frozen=True, eq=False)
class Ages(Result):
    count: int
    names: list[str]
    mean: Float[np.ndarray, " unit"]
    table: Int[np.ndarray, "row unit"]

    def columns(self) -> list[Column]:
        return [
            Column("age", self.mean, "mean age"),
            Column("name", np.array(self.names, dtype=object), "what it is called", "text"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        return [Table("Ages", [], [])]


AGES = Ages(
    site="rnn.0.hidden",
    units=3,
    count=7,
    names=["a", "b", "ö"],
    mean=np.array([0.5, np.nan, np.inf], np.float32),
    table=np.arange(6).reshape(3, 2).T,  # not contiguous
)


def test_a_result_survives_saving(tmp_path):
    AGES.save(tmp_path / "folder" / "rnn.0.hidden.safetensors")
    loaded = Ages.load(tmp_path / "folder" / "rnn.0.hidden.safetensors")
    assert (loaded.site, loaded.units, loaded.count, loaded.names) == ("rnn.0.hidden", 3, 7, ["a", "b", "ö"])
    np.testing.assert_array_equal(loaded.mean, AGES.mean)
    np.testing.assert_array_equal(loaded.table, AGES.table)
    assert loaded.mean.dtype == np.float32


def test_the_data_frame_has_a_row_per_unit():
    frame = AGES.to_pandas()
    assert list(frame.columns) == ["site", "unit", "age", "name"]
    assert frame["unit"].tolist() == [0, 1, 2]
    assert frame["name"].tolist() == ["a", "b", "ö"]


def with_fields(fields, schema="2", kind="Ages", **arrays):
    words = {"schema": schema, "kind": kind, "fields": json.dumps(fields)}
    return b"".join(arrays_bytes({"mean": AGES.mean, "table": AGES.table, **arrays}, words))


FIELDS = {"site": "rnn.0.hidden", "units": 3, "count": 7, "names": ["a", "b", "ö"]}


def test_a_file_made_by_hand_is_read(tmp_path):
    (tmp_path / "r.safetensors").write_bytes(with_fields(FIELDS))
    assert Ages.load(tmp_path / "r.safetensors").names == ["a", "b", "ö"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_fields(FIELDS)[:20], "no safetensors header"),
        (with_fields(FIELDS).replace(b"7, ", b"8, "), "differs from its digest"),
        (with_fields({**FIELDS, "speed": 3}), "it has the fields .*speed"),
        (with_fields({"site": "s", "units": 3}), "it has the fields"),
        (with_fields([1, 2]), "damaged"),
        (with_fields({**FIELDS, "count": "7"}), "Expected `int`"),
        (with_fields({**FIELDS, "names": [1]}), "Expected `str`"),
        (with_fields({**FIELDS, "units": 4}), r"its mean has float32 \(3,\)"),
        (with_fields({**FIELDS, "units": -1}), "it has -1 units"),
        (with_fields(FIELDS, table=np.zeros((3, 3), int)), None),
        (with_fields(FIELDS, table=np.zeros((3, 2), int)), "its table has int64"),
        (with_fields(FIELDS, table=np.zeros((2, 3), float)), "its table has float64"),
        (with_fields(FIELDS, mean=np.zeros((3, 1), np.float32)), "its mean has"),
        (with_fields(FIELDS, kind="Wages"), "its kind is Wages, it should be Ages"),
        (with_fields(FIELDS, schema="99"), "schema 99; this version reads 2"),
    ],
)
def test_what_is_no_such_result_is_named(tmp_path, content, message):
    path = tmp_path / "r.safetensors"
    path.write_bytes(content)
    if message is None:
        assert Ages.load(path).table.shape == (3, 3)
    else:
        with pytest.raises(InputError, match=f"r.safetensors .*{message}"):
            Ages.load(path)


def test_one_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        Ages.load(tmp_path / "r.safetensors")
