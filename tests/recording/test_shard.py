import json

import pytest
import torch
from toys import GATE, SUM, ToyCorpus, ToyModel

from unitscope.errors import InputError
from unitscope.files.digest import digest_of
from unitscope.files.jsons import json_bytes
from unitscope.models.site import Site
from unitscope.recording.shard import LABEL, Shard, ShardBuffer, site_file
from unitscope.source.live import Live


@pytest.fixture
def folder(tmp_path):
    corpus = ToyCorpus(6)
    buffer = ShardBuffer([GATE], sum(corpus.lengths(range(6))), "float32")
    for chunks in Live(ToyModel(), corpus, 4).chunks([GATE.name], ["odd"]):
        buffer.add(chunks)
    buffer.write(tmp_path / "000000", 0, "a recording")
    return tmp_path / "000000"


def opened(folder):
    return Shard.open(folder, 0, "a recording")


def test_the_table_has_every_token_and_its_labels(folder):
    digits = [ToyCorpus().digits(n)[2:] for n in range(6)]
    assert opened(folder).column("token").tolist() == torch.cat(digits).tolist()
    assert opened(folder).column("position").tolist() == [t for row in digits for t in range(len(row))]
    assert opened(folder).column("sequence").tolist() == [n for n, row in enumerate(digits) for _ in row]
    assert opened(folder).column(LABEL + "odd").tolist() == (torch.cat(digits) % 2).tolist()
    with pytest.raises(InputError, match=r"tokens\.parquet is damaged"):
        opened(folder).column("colour")


def test_the_list_names_every_file(folder):
    shard = opened(folder)
    assert sorted(shard.files) == ["tokens.parquet", "toy.gate.safetensors"]
    assert shard.tokens == len(opened(folder).column("token"))
    shard.check([GATE], "float32")


def test_only_the_shard_of_that_place_is_read(folder):
    with pytest.raises(InputError, match=r"shard\.json is damaged \(it is that of shard 0\)"):
        Shard.open(folder, 1, "a recording")
    with pytest.raises(InputError, match=r"shard\.json is damaged \(it is another recording's\)"):
        Shard.open(folder, 0, "another")
    expected = digest_of(folder / "shard.json")
    assert Shard.open(folder, 0, "a recording", expected).tokens
    with pytest.raises(InputError, match="differs from what the manifest says"):
        Shard.open(folder, 0, "a recording", "00" * 32)


GOOD = {"shard": 0, "recording": "a recording", "tokens": 3, "files": {}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged"),
        (b"[]", "no digest"),
        (json.dumps(GOOD).encode(), "no digest"),
        (json_bytes(GOOD, schema=2), "another version"),
        (json_bytes({**GOOD, "files": 1}), "Expected `object`"),
        (json_bytes({**GOOD, "files": {"a": 1}}), "Expected `object`"),
        (json_bytes({**GOOD, "files": {"../../secret": {"bytes": 1, "digest": ""}}}), "outside of the shard"),
        (json_bytes({**GOOD, "files": {"..": {"bytes": 1, "digest": ""}}}), "outside of the shard"),
        (json_bytes({**GOOD, "files": {"none": {"bytes": 1, "digest": ""}}}), "none is damaged .it is missing"),
        (json_bytes({**GOOD, "files": {"x" * 300: {"bytes": 1, "digest": ""}}}), "cannot be read: File name too long"),
    ],
)
def test_a_list_that_makes_no_sense(folder, content, message):
    (folder / "shard.json").write_bytes(content)
    with pytest.raises(InputError, match=message):
        opened(folder)


def test_a_site_that_is_not_listed(folder):
    with pytest.raises(InputError, match=r"does not list toy\.sum\.safetensors"):
        opened(folder).blocks(SUM, "float32")


def test_any_name_of_a_site_is_a_file(tmp_path):
    for name in ("a/b", "..", "ü", "a b", "x" * 60):
        path = site_file(tmp_path, name)
        assert path.parent == tmp_path
        path.write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == 5
    assert site_file(tmp_path, Site("rnn.0.hidden", 1).name).name == "rnn.0.hidden.safetensors"
