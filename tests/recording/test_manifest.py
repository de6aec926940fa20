import json
from dataclasses import replace

import pytest
from toys import ToyCorpus, ToyModel

from unitscope.errors import InputError
from unitscope.files.jsons import json_bytes, unsealed, write_json
from unitscope.recording.manifest import Manifest, Origin


@pytest.fixture
def manifest():
    return Manifest(
        source="5e" * 32,
        model=Origin.of_model(ToyModel()),
        corpus=Origin.of(ToyCorpus()),
        sites=ToyModel().sites(),
        dtype="float32",
        batch_size=4,
        shard_tokens=40,
        sequences=3,
        tokens=12,
        plan="00",
        vocabulary=("\n", " ", "é", "\ud800"),
        annotations=("odd",),
    )


def test_survives_the_disk(tmp_path, manifest):
    for version in (manifest, manifest.finished({"a": "00"})):
        version.save(tmp_path)
        assert Manifest.load(tmp_path) == version


def test_is_strict_json(tmp_path, manifest):
    manifest.save(tmp_path)

    def refuse(name):
        raise AssertionError(name)

    json.loads((tmp_path / "manifest.json").read_text(), parse_constant=refuse)


def test_another_version_is_named(tmp_path):
    write_json(tmp_path / "manifest.json", {"unitscope": "7.1", "all": "different"}, schema=7)
    with pytest.raises(InputError, match=r"schema 7 .*reads 2; read it with unitscope 7\.1"):
        Manifest.load(tmp_path)


def test_one_changed_bit(tmp_path, manifest):
    manifest.save(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"tokens": 12', b'"tokens": 13'))
    with pytest.raises(InputError, match=r"manifest\.json is damaged .*digest"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"sites": [{"name": "x"}]},
        {"sites": 3},
        {"colour": "red"},
        {"batch_size": 0},
        {"batch_size": "4"},
        {"model": {}},
        {"dtype": "int8"},
        {"vocabulary": [1]},
    ],
)
def test_what_no_recording_says(tmp_path, manifest, change):
    manifest.save(tmp_path)
    path = tmp_path / "manifest.json"
    plain, _ = unsealed(path.read_bytes(), halves=True)
    path.write_bytes(json_bytes({**plain, **change}, schema=2))
    with pytest.raises(InputError, match=r"manifest\.json is damaged .*; record again"):
        Manifest.load(tmp_path)


def test_two_sites_of_one_name(tmp_path, manifest):
    replace(manifest, sites=manifest.sites[:1] * 2).save(tmp_path)
    with pytest.raises(InputError, match="two sites have one name"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"[]", b"{}", b'{"schema": 2}', b"null"])
def test_what_is_no_manifest(tmp_path, content):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(InputError, match=r"manifest\.json is damaged"):
        Manifest.load(tmp_path)


def test_what_decides_the_numbers_decides_the_identity(manifest):
    others = [{"source": "00"}, {"plan": "01"}, {"dtype": "float16"}, {"sites": manifest.sites[:1]}]
    identities = {replace(manifest, **change).identity for change in ({}, *others)}
    assert len(identities) == 5
    assert replace(manifest, complete=True, unitscope="9").identity == manifest.identity


def test_no_manifest(tmp_path):
    with pytest.raises(InputError, match=r"is no recording: it has no manifest\.json"):
        Manifest.load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no recording"):
        Manifest.load(tmp_path / "file")
