import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import GATE, HIDDEN, SUM, ToyCorpus, ToyModel

from unitscope.analyses.moments import Moments
from unitscope.corpus.open import open_corpus
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.recording.record import record
from unitscope.recording.recording import Recording
from unitscope.source.live import Live
from unitscope.source.source import ALL, Source
from unitscope.source.subset import Subset

SITES = [HIDDEN.name, GATE.name, SUM.name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("toys") / "recording"


@pytest.fixture(scope="module")
def recording(folder):
    """Five shards of two batches each."""
    return record(Live(ToyModel(), ToyCorpus(), 4), folder, shard_tokens=40)


@pytest.fixture
def copy(recording, tmp_path):
    """A recording to do harm to."""
    shutil.copytree(recording.folder, tmp_path / "copy")
    return tmp_path / "copy"


def equal(a, b):
    assert set(a.labels) == set(b.labels)
    pairs = [(getattr(a, name), getattr(b, name)) for name in ("activations", "tokens", "sequence", "position")]
    pairs += [(a.labels[name], b.labels[name]) for name in a.labels]
    return a.vocabulary == b.vocabulary and all(torch.equal(x, y) and x.dtype == y.dtype for x, y in pairs)


@pytest.mark.parametrize("sequences", [None, range(0, 40, 3), [39, 0, 17, 16, 18, 5], [12], []])
def test_no_chunk_tells_a_recording_from_a_live_model(recording, sequences):
    live = Live(ToyModel(), ToyCorpus(), 4)
    for run, read in zip(
        live.chunks(SITES, ["odd"], sequences), recording.chunks(SITES, ["odd"], sequences), strict=True
    ):
        assert list(run) == list(read)
        assert all(equal(run[site], read[site]) for site in SITES)


def test_some_units_are_those_of_all(recording):
    units = {HIDDEN.name: np.array([0, 2]), GATE.name: np.arange(GATE.units)}
    for live in (Live(ToyModel(), ToyCorpus(), 4), recording):
        some = live.some_units(units, ["odd"], [3, 17, 18])
        for few, every in zip(some, live.chunks(list(units), ["odd"], [3, 17, 18]), strict=True):
            for site, numbers in units.items():
                assert torch.equal(few[site].activations, every[site].activations[:, torch.from_numpy(numbers)])


def test_no_result_tells_a_recording_from_a_live_model(recording):
    live = Live(ToyModel(), ToyCorpus(), 4)
    for run, read in ((live, recording), (Subset(live, range(20), "half"), Subset(recording, range(20), "half"))):
        assert analyze(run, [Moments()]).to_pandas().equals(analyze(read, [Moments()]).to_pandas())


def test_it_is_a_source(recording):
    source: Source = recording
    assert source.sequences == list(range(40))
    assert source.sites == ToyModel().sites()
    assert source.vocabulary == ToyCorpus().vocabulary
    assert source.name == "toy on digits"
    assert source.describe() == {"model": "arithmetic", "corpus": "digits", "precision": "float32"}


@pytest.mark.parametrize(("dtype", "error"), [("float16", 2**-11), ("bfloat16", 2**-8)])
def test_a_narrow_precision_is_near_and_comes_back_as_float32(tmp_path, dtype, error):
    recording = record(Live(ToyModel(), ToyCorpus(), 4), tmp_path, dtype=dtype, shard_tokens=40)
    live = Live(ToyModel(), ToyCorpus(), 4)
    for run, read in zip(live.chunks(SITES), recording.chunks(SITES), strict=True):
        for site in SITES:
            assert read[site].activations.dtype == torch.float32
            kept = run[site].activations.to(getattr(torch, dtype)).float()
            assert torch.equal(read[site].activations, kept)
            torch.testing.assert_close(kept, run[site].activations, rtol=error, atol=1e-7)


def test_a_unit_and_a_window_are_columns_and_rows(recording):
    chunks = next(Live(ToyModel(), ToyCorpus(), 40).chunks(SITES))
    for site in SITES:
        whole = chunks[site].activations.numpy()
        for unit in {0, whole.shape[1] - 1}:
            np.testing.assert_array_equal(recording.unit(site, unit), whole[:, unit])
        for sequence in (0, 13, 39):
            rows = (chunks[site].sequence == sequence).numpy()
            np.testing.assert_array_equal(recording.window(site, sequence), whole[rows])


def test_what_is_not_there(recording):
    with pytest.raises(InputError, match=r"has no site 'toy\.cell'; there are: toy\.hidden, toy\.gate, toy\.sum"):
        recording.unit("toy.cell", 0)
    with pytest.raises(InputError, match=r"toy\.gate has units 0 to 4, not 5"):
        recording.unit(GATE.name, 5)
    with pytest.raises(InputError, match="sequence 40 is not in this recording"):
        recording.window(GATE.name, 40)
    with pytest.raises(InputError, match=r"'line' is not kept .* labels that are kept: odd"):
        recording.labels("line", 0)


def test_labels_of_a_text_need_no_corpus(tmp_path):
    text = tmp_path / "text"
    text.mkdir()
    (text / "one.txt").write_bytes(b'He said "yes, really" to\nher. ' * 20)
    (text / "two.txt").write_bytes(b'Caf\xc3\xa9 "non".\n' * 7)
    annotations = {"e": lambda text: np.array([c == "e" for c in text])}
    names = ["e", "inside-double-quotes", "position-in-line"]
    corpus = open_corpus(text, length=37, annotations=annotations)
    recording = record(Live(ToyModel(planted=0.0), corpus, 3), tmp_path / "recording", shard_tokens=150)
    assert recording.plan.shards > 2
    expected = {(name, n): corpus.labels(name, n) for name in names for n in range(len(corpus))}
    expected_chunks = list(Live(ToyModel(planted=0.0), corpus, 3).chunks(SITES, names))
    shutil.rmtree(text)
    again = Recording.open(tmp_path / "recording")
    for (name, sequence), values in expected.items():
        assert torch.equal(again.labels(name, sequence), values)
    for run, read in zip(expected_chunks, again.chunks(SITES, names), strict=True):
        assert all(equal(run[site], read[site]) for site in SITES)
    with pytest.raises(InputError, match="no label is called 'eee'"):
        again.labels("eee", 0)


def test_an_unfinished_recording_shows_what_is_there_if_asked(copy, recording):
    shutil.rmtree(copy / "shards" / "000003")
    replace(recording.manifest, complete=False, checksums={}).save(copy)
    with pytest.raises(InputError, match=r"unfinished recording \(4 of 5 shards\); record again"):
        Recording.open(copy)
    part = Recording.open(copy, incomplete=True)
    part.verify()
    there = [*range(24), *range(32, 40)]
    assert part.sequences == there
    assert part.fingerprint != recording.fingerprint
    for a, b in zip(part.chunks(SITES, ["odd"]), recording.chunks(SITES, ["odd"], there), strict=True):
        assert all(equal(a[site], b[site]) for site in SITES)
    assert len(part.unit(SUM.name, 0)) == sum(ToyCorpus().lengths(there))


@pytest.mark.parametrize("name", ["toy.hidden.safetensors", "tokens.parquet"])
def test_a_truncated_shard(copy, name):
    path = copy / "shards" / "000002" / name
    size = path.stat().st_size
    os.truncate(path, size - 1)
    with pytest.raises(InputError, match=rf"it has {size - 1} bytes, it should have {size}.*record again") as caught:
        Recording.open(copy)
    assert str(path) in str(caught.value)


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name", ["manifest.json", "sequences.parquet", "shards/000001/shard.json", "shards/000004/shard.json"]
)
def test_a_changed_byte_of_what_describes_is_found_on_opening(copy, name):
    size = (copy / name).stat().st_size
    for place in range(0, size, max(1, size // 9)):
        flip(copy / name, place)
        with pytest.raises(InputError, match=rf"{name} is damaged .*record again"):
            Recording.open(copy)
        flip(copy / name, place)
    Recording.open(copy)


def test_a_changed_value_is_found_by_whoever_reads_it(copy):
    path = copy / "shards/000002/toy.gate.safetensors"
    flip(path, 8 + int.from_bytes(path.read_bytes()[:8], "little"))  # the first byte after the header
    recording = Recording.open(copy)
    for read in (
        recording.verify,
        lambda: list(recording.chunks([GATE.name])),
        lambda: [recording.unit(GATE.name, unit) for unit in range(GATE.units)],
        lambda: recording.window(GATE.name, 20),
    ):
        with pytest.raises(InputError, match=r"000002/toy\.gate\.safetensors is damaged .*unit \d differ"):
            read()
    list(recording.chunks([SUM.name]))


def test_changed_tokens_are_found_by_whoever_reads_them(copy):
    flip(copy / "shards/000000/tokens.parquet", -20)
    recording = Recording.open(copy)
    for read in (recording.verify, lambda: list(recording.chunks([GATE.name])), lambda: recording.tokens(0)):
        with pytest.raises(InputError, match=r"000000/tokens\.parquet is damaged"):
            read()


def test_changed_documents_are_found_by_whoever_reads_them(tmp_path):
    (tmp_path / "text").write_text("some text " * 50)
    recording = record(Live(ToyModel(planted=0.0), open_corpus(tmp_path / "text"), 3), tmp_path / "recording")
    flip(recording.folder / "documents.parquet", 30)
    for read in (recording.verify, lambda: recording.labels("position-in-line", 0)):
        with pytest.raises(InputError, match=r"documents\.parquet is damaged"):
            read()


@pytest.mark.parametrize("what", ["shards", "lists", "sites"])
def test_what_was_exchanged_is_found(copy, what):
    one, other = {
        "shards": ("shards/000001", "shards/000002"),
        "lists": ("shards/000001/shard.json", "shards/000002/shard.json"),
        "sites": ("shards/000001/toy.gate.safetensors", "shards/000002/toy.gate.safetensors"),
    }[what]
    (copy / one).rename(copy / "aside")
    (copy / other).rename(copy / one)
    (copy / "aside").rename(copy / other)
    with pytest.raises(InputError, match=r"shards/00000[12]/.* is damaged"):
        Recording.open(copy).verify()
    if what != "sites":
        with pytest.raises(InputError, match=r"shards/000001/shard\.json is damaged"):
            Recording.open(copy)


def test_a_shard_of_another_recording_is_found(copy, tmp_path):
    other = record(Live(ToyModel("b2" * 32), ToyCorpus(), 4), tmp_path / "other", shard_tokens=40)
    shutil.rmtree(copy / "shards/000003")
    shutil.copytree(other.folder / "shards/000003", copy / "shards/000003")
    with pytest.raises(InputError, match=r"000003/shard\.json is damaged"):
        Recording.open(copy)


def test_all_that_is_damaged_is_named(copy):
    for number in (0, 3):
        flip(copy / f"shards/00000{number}/toy.sum.safetensors", -40)
    assert [str(error)[: str(error).index(" is damaged")][-32:] for error in Recording.open(copy).damage()] == [
        f"shards/00000{number}/toy.sum.safetensors"[-32:] for number in (0, 3)
    ]


def test_nothing_in_it_leads_elsewhere(copy, tmp_path):
    (copy / "results").symlink_to(tmp_path)
    with pytest.raises(InputError, match="copy/results is a link"):
        Recording.open(copy)
    (copy / "manifest.json").rename(tmp_path / "manifest.json")
    (copy / "manifest.json").symlink_to(tmp_path / "manifest.json")
    with pytest.raises(InputError, match=r"copy/manifest\.json is a link"):
        Recording.open(copy)


def test_an_untouched_recording_verifies(recording):
    recording.verify()


def test_the_fingerprint_is_of_model_corpus_precision_sites_and_sequences(tmp_path, recording):
    def fingerprint(number, model=ToyModel(), corpus=ToyCorpus(), sequences=ALL, **more):
        source = Live(model, corpus, 4, sequences=sequences)
        return record(source, tmp_path / number, ["*.sum"], shard_tokens=40, **more).fingerprint

    others = {
        fingerprint("model", model=ToyModel("b2" * 32)),
        fingerprint("corpus", corpus=ToyCorpus(fingerprint="d1" * 32)),
        fingerprint("precision", dtype="bfloat16"),
        fingerprint("sequences", sequences=range(39)),
        recording.fingerprint,
        fingerprint("plain"),
    }
    assert len(others) == 6
    assert fingerprint("same") == fingerprint("plain")


def test_reading_keeps_only_the_shards_it_needs(recording, monkeypatch):
    mapped = []
    blocks = Recording.blocks
    monkeypatch.setattr(
        Recording, "blocks", lambda self, shard, site: mapped.append(shard) or blocks(self, shard, site)
    )
    list(recording.chunks(SITES))
    assert mapped == [shard for shard in range(5) for _ in SITES]
