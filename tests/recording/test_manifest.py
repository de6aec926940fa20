import json

import pytest
from toys import ToyCorpus, ToyModel

from unitscope.errors import InputError
from unitscope.recording.manifest import Manifest, Origin


@pytest.fixture
def manifest():
    return Manifest(
        source="5e" * 32,
        model=Origin.of(ToyModel()),
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


def test_another_version_is_named(tmp_path, manifest):
    manifest.save(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"schema": 2, "unitscope": "7.1", "all": "different"}))
    with pytest.raises(InputError, match=r"schema 2 .*reads 1; read it with unitscope 7\.1"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize(
    "change", [{"sites": [{"name": "x"}]}, {"colour": "red"}, {"batch_size": 0}, {"batch_size": "4"}, {"model": {}}]
)
def test_damage(tmp_path, manifest, change):
    manifest.save(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=r"manifest\.json is damaged"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"[]", b"{}", b'{"schema": 1}', b"null"])
def test_what_is_no_manifest(tmp_path, content):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(InputError, match=r"manifest\.json is not the manifest of a recording"):
        Manifest.load(tmp_path)


def test_no_manifest(tmp_path):
    with pytest.raises(InputError, match=r"is no recording: it has no manifest\.json"):
        Manifest.load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no recording"):
        Manifest.load(tmp_path / "file")
