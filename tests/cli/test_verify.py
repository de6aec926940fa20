import pytest
import torch
from toys import ToyCorpus, ToyModel

from unitscope.analyses.moments import Moments
from unitscope.cli.verify import damage
from unitscope.errors import InputError
from unitscope.files.jsons import write_json
from unitscope.fold.analyze import analyze
from unitscope.interventions.cumulative import Cumulative, save_curves
from unitscope.opening.inputs import Inputs
from unitscope.recording.known import remember
from unitscope.recording.record import record
from unitscope.source.live import Live


@pytest.fixture
def folder(tmp_path):
    """A recording with something of each kind that is kept in one."""
    recording = record(Live(ToyModel(), ToyCorpus(6), 3), tmp_path / "run", ["*.gate", "*.sum"], shard_tokens=10)
    analyze(recording, [Moments()]).merge_into(recording.folder / "results")
    remember(recording.folder, Inputs("net", ("text",)))
    values = torch.arange(3).numpy().astype(float)
    save_curves([Cumulative("toy.gate", "loss", [0, 1, 2], values, values[None])], recording.folder)
    return recording.folder


def test_a_sound_folder(folder):
    assert list(damage(folder)) == []


def test_every_file_that_is_kept_is_looked_at(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) > 9
    for path in files:
        content = path.read_bytes()
        for place in (len(content) // 3, len(content) - 9):
            changed = bytearray(content)
            changed[place] ^= 4
            path.write_bytes(changed)
            assert [path.name in str(error) for error in damage(folder)] == [True], path
        path.unlink()
        named = [str(error) for error in damage(folder)] if path.name != "manifest.json" else [path.name]
        optional = path.name in ("inputs.json", "curves.json", "index.json")
        assert optional or any(path.name in error for error in named), path
        path.write_bytes(content)


def test_a_sound_file_in_another_s_place_is_named(folder):
    (folder / "matches").mkdir()
    write_json(folder / "matches" / "a.json", {"units": []})
    assert [str(error) for error in damage(folder) if "matches/a.json" in str(error)]


def test_what_others_put_there_is_theirs(folder):
    (folder / "page.json").write_text("{}")
    (folder / "report.html").write_text("")
    assert list(damage(folder)) == []


def test_a_folder_that_is_no_recording(tmp_path):
    with pytest.raises(InputError, match="is no recording"):
        list(damage(tmp_path))
