import dataclasses
import json

import numpy as np
import pytest
from jaxtyping import Float, Int

from unitscope.errors import InputError
from unitscope.result import Column, Result
from unitscope.view import Table, View


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
    AGES.save(tmp_path / "folder" / "rnn.0.hidden")
    loaded = Ages.load(tmp_path / "folder" / "rnn.0.hidden")
    assert (loaded.site, loaded.units, loaded.count, loaded.names) == ("rnn.0.hidden", 3, 7, ["a", "b", "ö"])
    np.testing.assert_array_equal(loaded.mean, AGES.mean)
    np.testing.assert_array_equal(loaded.table, AGES.table)
    assert loaded.mean.dtype == np.float32


def test_sites_that_differ_after_the_last_dot_have_files_of_their_own(tmp_path):
    for name in ("rnn.0.hidden", "rnn.0.cell"):
        dataclasses.replace(AGES, site=name).save(tmp_path / name)
    assert Ages.load(tmp_path / "rnn.0.hidden").site == "rnn.0.hidden"
    assert len(list(tmp_path.iterdir())) == 4


def test_the_data_frame_has_a_row_per_unit():
    frame = AGES.to_pandas()
    assert list(frame.columns) == ["site", "unit", "age", "name"]
    assert frame["unit"].tolist() == [0, 1, 2]
    assert frame["name"].tolist() == ["a", "b", "ö"]


def damage_nothing_there(path):
    path.with_name("r.json").unlink()


def damage_no_arrays(path):
    path.with_name("r.safetensors").unlink()


def damage_truncated(path):
    file = path.with_name("r.safetensors")
    file.write_bytes(file.read_bytes()[:20])


def damage_binary(path):
    path.with_name("r.json").write_bytes(b"\xff\xfe\x00")


def damage_other_fields(path):
    path.with_name("r.json").write_text(json.dumps({"schema": 1, "fields": {"speed": 3}}))


def damage_a_list(path):
    path.with_name("r.json").write_text("[1, 2]")


@pytest.mark.parametrize(
    "damage",
    [damage_nothing_there, damage_no_arrays, damage_truncated, damage_binary, damage_other_fields, damage_a_list],
)
def test_a_damaged_result_is_named(tmp_path, damage):
    AGES.save(tmp_path / "r")
    damage(tmp_path / "r")
    with pytest.raises(InputError, match="r holds no readable Ages"):
        Ages.load(tmp_path / "r")


def test_another_version_is_named(tmp_path):
    AGES.save(tmp_path / "r")
    head = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps({**head, "schema": 99}))
    with pytest.raises(InputError, match="schema 99; this version reads 1"):
        Ages.load(tmp_path / "r")
