import json

import pytest
import torch
from toys import GATE, ToyCorpus, ToyModel

from unitscope.errors import InputError
from unitscope.models.site import Site
from unitscope.recording.shard import LABEL, Shard, ShardBuffer, read_column, site_file
from unitscope.source.live import Live


@pytest.fixture
def folder(tmp_path):
    corpus = ToyCorpus(6)
    buffer = ShardBuffer([GATE], sum(corpus.lengths(range(6))), "float32")
    for chunks in Live(ToyModel(), corpus, 4).chunks([GATE.name], ["odd"]):
        buffer.add(chunks)
    buffer.write(tmp_path / "000000")
    return tmp_path / "000000"


def test_the_table_has_every_token_and_its_labels(folder):
    digits = [ToyCorpus().digits(n)[2:] for n in range(6)]
    assert read_column(folder, "token").tolist() == torch.cat(digits).tolist()
    assert read_column(folder, "position").tolist() == [t for row in digits for t in range(len(row))]
    assert read_column(folder, "sequence").tolist() == [n for n, row in enumerate(digits) for _ in row]
    assert read_column(folder, LABEL + "odd").tolist() == (torch.cat(digits) % 2).tolist()
    with pytest.raises(InputError, match=r"tokens\.parquet is damaged"):
        read_column(folder, "colour")


def test_the_list_names_every_file(folder):
    shard = Shard.open(folder)
    assert sorted(shard.files) == ["tokens.parquet", "toy.gate.safetensors"]
    assert shard.tokens == len(read_column(folder, "token"))
    shard.verify()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"tokens": 3, "files": 1}', b'{"tokens": 3, "files": {"a": 1}}']
)
def test_a_list_that_makes_no_sense(folder, content):
    (folder / "shard.json").write_bytes(content)
    with pytest.raises(InputError, match=r"shard\.json is damaged"):
        Shard.open(folder)


def test_a_file_outside_of_the_shard_is_not_read(folder):
    listing = json.loads((folder / "shard.json").read_text())
    listing["files"]["../../secret"] = {"bytes": 1, "sha256": ""}
    (folder / "shard.json").write_text(json.dumps(listing))
    with pytest.raises(InputError, match="lies outside of the shard"):
        Shard.open(folder)


def test_any_name_of_a_site_is_a_file(tmp_path):
    for name in ("a/b", "..", "ü", "a b", "x" * 60):
        path = site_file(tmp_path, name)
        assert path.parent == tmp_path
        path.write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == 5
    assert site_file(tmp_path, Site("rnn.0.hidden", 1).name).name == "rnn.0.hidden.safetensors"
