import errno
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toys import GATE, HIDDEN, SUM, ToyCorpus, ToyModel, contents

from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.files import room, writing
from unitscope.files.damage import DamageWarning
from unitscope.models.module import ModuleModel
from unitscope.recording import activations
from unitscope.recording.manifest import Manifest
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live

HERE = Path(__file__).parent


def record_toys(folder, **changes):
    """Five shards of two batches each."""
    settings = {"model": ToyModel(), "corpus": ToyCorpus(), "batch_size": 4, "shard_tokens": 40} | changes
    read = {name: settings.pop(name) for name in ("model", "corpus", "batch_size", "sequences") if name in settings}
    return record(Live(**read), folder, **settings)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """What an uninterrupted recording writes."""
    folder = tmp_path_factory.mktemp("plain") / "recording"
    assert record_toys(folder).plan.shards == 5
    return contents(folder)


@dataclass(frozen=True)
class Interrupting(ToyModel):
    """Raises in place of the batch that begins with a sequence."""

    at: int = 0
    error: type[BaseException] = KeyboardInterrupt

    def run(self, batch, read, edits=()):
        if batch.sequence[0] == self.at:
            raise self.error
        return super().run(batch, read, edits)


def test_twice_writes_the_same_bytes(tmp_path, plain):
    record_toys(tmp_path / "again")
    assert contents(tmp_path / "again") == plain


@pytest.mark.parametrize("at", range(0, 40, 4))
def test_an_interrupted_recording_goes_on_to_the_same_bytes(tmp_path, plain, at):
    with pytest.raises(KeyboardInterrupt):
        record_toys(tmp_path, model=Interrupting(at=at))
    left = contents(tmp_path)
    assert not [name for name in left if "partial" in name]
    assert all(plain[name] == content for name, content in left.items() if name.startswith("shards"))
    with pytest.raises(InputError, match="unfinished"):
        Recording.open(tmp_path)
    seen = []
    record_toys(tmp_path, progress=lambda what, done, total: what == "recording" and seen.append((done, total)))
    assert contents(tmp_path) == plain
    assert seen[-1] == (40, 40)
    assert seen[0][0] > 8 * (at // 8)  # finished shards are not run again


def test_killed_at_any_instant_it_ends_with_the_same_bytes(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
    program = subprocess.run(
        [sys.executable, HERE / "killed.py", tmp_path], env=environment, capture_output=True, text=True
    )
    assert program.returncode == 0, program.stderr
    alive = tmp_path / f"{int(program.stdout):03d}"
    whole = contents(alive)
    killed = [folder for folder in sorted(tmp_path.iterdir()) if folder != alive]
    assert len(killed) > 30
    unfinished = 0
    for folder in killed:
        unfinished += contents(folder) != whole
        record(Live(ToyModel(), ToyCorpus(6), 3), folder, ["toy.gate", "toy.sum"], shard_tokens=10).verify()
        assert contents(folder) == whole, folder
    assert unfinished >= len(killed) - 1  # only the last sync has nothing left to lose


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": ToyModel(fingerprint="b2" * 32)}, r"model \(toy a1a1.*; now toy b2b2"),
        ({"corpus": ToyCorpus(fingerprint="d1" * 32)}, r"corpus \(digits c0c0.*; now digits d1d1"),
        ({"sites": ["*.gate"]}, r"choice of sites \(toy.hidden, toy.gate, toy.sum; now toy.gate\)"),
        ({"dtype": "float16"}, r"dtype \(float32; now float16\)"),
        ({"batch_size": 5}, r"batch size \(4; now 5\)"),
        ({"shard_tokens": 50}, r"shard size \(40 tokens; now 50 tokens\)"),
        ({"sequences": range(39)}, "choice of sequences"),
        ({"corpus": ToyCorpus(annotations={})}, r"set of annotations \(odd; now none\)"),
    ],
)
def test_another_question_is_refused_and_nothing_is_lost(tmp_path, change, named):
    with pytest.raises(KeyboardInterrupt):
        record_toys(tmp_path, model=Interrupting(at=16))
    before = contents(tmp_path)
    with pytest.raises(InputError, match=named):
        record_toys(tmp_path, **change)
    assert contents(tmp_path) == before


def test_a_finished_recording_is_left_as_it_is(tmp_path, plain):
    record_toys(tmp_path)
    record_toys(tmp_path, model=Interrupting(at=0))  # is not run at all
    assert contents(tmp_path) == plain


@pytest.mark.parametrize("what", ["shards/000001", "sequences.parquet", "documents.parquet"])
def test_what_is_missing_is_written_again(tmp_path, plain, what):
    record_toys(tmp_path)
    path = tmp_path / what
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        Recording.open(tmp_path).verify()
    record_toys(tmp_path)
    assert contents(tmp_path) == plain


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        ("shards/000001/toy.gate.safetensors", r"000001/toy\.gate\.safetensors is damaged .*it is made again"),
        ("shards/000003/tokens.parquet", r"000003/tokens\.parquet is damaged .*it is made again"),
        ("shards/000000/shard.json", r"000000/shard\.json is damaged .*it is made again"),
        ("documents.parquet", r"documents\.parquet is damaged; it is made again"),
        ("sequences.parquet", None),
        ("manifest.json", r"manifest\.json is damaged .*it was set aside"),
    ],
)
@pytest.mark.parametrize("how", ["bit", "short", "empty"])
def test_what_is_damaged_is_named_and_made_again(tmp_path, plain, name, warned, how):
    record_toys(tmp_path)
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    content[-30] ^= how == "bit"
    path.write_bytes(content[: {"bit": len(content), "short": 20, "empty": 0}[how]])
    if warned:
        with pytest.warns(DamageWarning, match=warned):
            record_toys(tmp_path)
        (tmp_path / "manifest.json.damaged").unlink(missing_ok=True)
    else:
        record_toys(tmp_path)
    assert contents(tmp_path) == plain


def test_another_s_shard_is_made_again(tmp_path, plain):
    record_toys(tmp_path / "other", model=ToyModel("b2" * 32))
    record_toys(tmp_path / "mine")
    shutil.rmtree(tmp_path / "mine/shards/000002")
    shutil.copytree(tmp_path / "other/shards/000002", tmp_path / "mine/shards/000002")
    with pytest.warns(DamageWarning, match=r"000002/shard\.json is damaged .*it is made again"):
        record_toys(tmp_path / "mine")
    assert contents(tmp_path / "mine") == plain


def test_killed_after_setting_the_manifest_aside(tmp_path, plain):
    record_toys(tmp_path)
    (tmp_path / "manifest.json").rename(tmp_path / "manifest.json.damaged")
    record_toys(tmp_path, model=Interrupting(at=0))  # the shards say what they are of
    (tmp_path / "manifest.json.damaged").unlink()
    assert contents(tmp_path) == plain


@pytest.mark.parametrize("where", ["file", "full"])
def test_a_place_that_is_no_recording(tmp_path, where):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="cannot be written" if where == "file" else "holds something else"):
        record_toys(tmp_path / "file" if where == "file" else tmp_path)
    assert contents(tmp_path) == {"file": b"precious"}


def test_a_stranger_s_half_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.partial").write_text("precious")
    with pytest.raises(InputError, match="holds something else"):
        record_toys(tmp_path)
    assert contents(tmp_path) == {"thesis.partial": b"precious"}


@pytest.mark.parametrize("change", [{"dtype": "int8"}, {"batch_size": 0}])
def test_arguments_that_make_no_sense(tmp_path, change):
    with pytest.raises(InputError, match=r"at least 1|there are: float32, float16, bfloat16"):
        record_toys(tmp_path / "recording", **change)
    assert not (tmp_path / "recording").exists()


def test_before_the_first_shard_one_can_change_one_s_mind(tmp_path):
    (tmp_path / "old.txt").write_text("old")
    (tmp_path / "new.txt").write_text("new")
    with pytest.raises(KeyboardInterrupt):
        record_toys(tmp_path / "folder", corpus=open_corpus(tmp_path / "old.txt"), model=Interrupting())
    for folder in ("folder", "fresh"):
        record_toys(tmp_path / folder, corpus=open_corpus(tmp_path / "new.txt"), dtype="bfloat16")
    assert contents(tmp_path / "folder") == contents(tmp_path / "fresh")


def test_a_place_below_a_file(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="cannot be written: Not a directory"):
        record_toys(tmp_path / "file" / "recording")


def test_two_at_once(tmp_path):
    class Second(ToyModel):
        def run(self, batch, read, edits=()):
            with pytest.raises(InputError, match="another process is recording into"):
                record_toys(tmp_path)
            return super().run(batch, read, edits)

    record_toys(tmp_path, model=Second())


@pytest.mark.parametrize(
    ("planted", "dtype", "message"),
    [
        (float("nan"), "float32", "toy.sum/0 is nan in sequence .*not finite"),
        (float("inf"), "bfloat16", "toy.sum/0 is inf in sequence .*not finite"),
        (1e5, "float16", "toy.sum/0 is 100000 in sequence .*too large for float16, .*; record as bfloat16 or float32"),
    ],
)
def test_values_that_cannot_be_kept(tmp_path, planted, dtype, message):
    model = ToyModel(planted=planted)
    with pytest.raises(InputError, match=message):
        record_toys(tmp_path, model=model, dtype=dtype)
    with pytest.raises(InputError, match="0 of 5 shards"):
        Recording.open(tmp_path)


def test_a_large_value_fits_bfloat16(tmp_path):
    recording = record_toys(tmp_path, model=ToyModel(planted=1e5), dtype="bfloat16")
    assert max(recording.unit(SUM.name, 0)) == pytest.approx(1e5, rel=2**-8)


@pytest.mark.parametrize("call", [1, 2, 3, 4, 5, 9, 20, 24])
def test_a_full_disk_keeps_finished_shards_and_goes_on(tmp_path, plain, monkeypatch, call):
    calls = 0

    def full(path, *parts):
        nonlocal calls
        calls += 1
        if calls == call:
            path.write_bytes(b"".join(parts)[:9])
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(path, *parts)

    written = writing.put
    for module in (writing, activations):
        monkeypatch.setattr(module, "put", full)
    with pytest.raises(InputError, match=r"the disk of .* is full .*what was finished is kept, make room"):
        record_toys(tmp_path)
    assert not list(tmp_path.rglob("*.partial"))
    monkeypatch.undo()
    record_toys(tmp_path)
    assert contents(tmp_path) == plain


def test_a_limit_of_the_system_on_file_size(tmp_path):
    (tmp_path / "text").write_bytes(bytes(33 + byte % 94 for byte in os.urandom(80_000)))
    corpus = open_corpus(tmp_path / "text", length=1000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (100, 50_000, 400_000):  # the manifest, the text, a site
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
        try:
            with pytest.raises(InputError, match="is full"):
                record(Live(ToyModel(), corpus), tmp_path / "recording")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    for name in ("recording", "plain"):
        record(Live(ToyModel(), corpus), tmp_path / name).verify()
    assert contents(tmp_path / "recording") == contents(tmp_path / "plain")


def test_too_little_room_is_noticed_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "free", lambda folder: 10_000)
    with pytest.raises(InputError, match=r"0\.\d\d MB are to be written into .*, and 0\.01 MB are free; make room"):
        record_toys(tmp_path, model=Interrupting(at=0, error=AssertionError))


def test_a_finished_shard_needs_no_room(tmp_path, monkeypatch):
    record_toys(tmp_path)
    shutil.rmtree(tmp_path / "shards" / "000004")
    monkeypatch.setattr(room, "free", lambda folder: 20_000)
    record_toys(tmp_path)


def test_the_files_hold_the_chosen_sites_and_sequences(tmp_path):
    recording = record_toys(tmp_path, sites=["*.gate"], sequences=[5, 1, 3])
    assert recording.sites == (GATE,)
    assert sorted(contents(tmp_path)) == [
        "documents.parquet",
        "manifest.json",
        "sequences.parquet",
        "shards/000000/shard.json",
        "shards/000000/tokens.parquet",
        "shards/000000/toy.gate.safetensors",
    ]
    values = load_file(tmp_path / "shards/000000/toy.gate.safetensors")["u000000"]
    tokens = torch.cat([ToyCorpus().digits(n)[2:] for n in (1, 3, 5)])
    assert torch.equal(values, torch.sigmoid(tokens[None] - torch.arange(GATE.units)[:, None]))


def test_a_pattern_without_a_site(tmp_path):
    with pytest.raises(InputError, match=f"no site matches 'cell'; there are: {HIDDEN.name}, {GATE.name}"):
        record_toys(tmp_path / "recording", sites=["cell"])
    assert not (tmp_path / "recording").exists()


def test_a_wide_model_gets_smaller_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["unitscope.recording.record"], "SHARD_BYTES", 76 * 4 * 20)
    assert record(Live(ToyModel(), ToyCorpus(), 4), tmp_path).manifest.shard_tokens == 20


def test_the_version_that_began_is_kept(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        record_toys(tmp_path, model=Interrupting(at=16))
    replace(Manifest.load(tmp_path), unitscope="0.0.9").save(tmp_path)
    assert record_toys(tmp_path).manifest.unitscope == "0.0.9"


@pytest.mark.parametrize("layer", [torch.nn.LSTM, torch.nn.GRU])
def test_a_recurrent_module(tmp_path, layer):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(10, 4)
            self.rnn = layer(4, 6, num_layers=2, batch_first=True)
            self.out = torch.nn.Linear(6, 10)

        def forward(self, tokens):
            return self.out(self.rnn(self.embed(tokens))[0])

    model = ModuleModel(Net())
    live = Live(model, ToyCorpus(), 4)
    recording = record_toys(tmp_path / "plain", model=model)
    names = [site.name for site in model.sites()]
    assert recording.sites == model.sites()
    for run, read in zip(live.chunks(names), recording.chunks(names), strict=True):
        for name in names:
            assert torch.equal(run[name].activations, read[name].activations)
    done = []
    with pytest.raises(KeyboardInterrupt):
        record_toys(tmp_path / "cut", model=model, progress=lambda *_: done.append(0) or len(done) < 6 or interrupt())
    record_toys(tmp_path / "cut", model=model)
    assert contents(tmp_path / "cut") == contents(tmp_path / "plain")


def interrupt():
    """Ctrl-C. Raised, not sent: a process in the background may ignore the signal."""
    raise KeyboardInterrupt
