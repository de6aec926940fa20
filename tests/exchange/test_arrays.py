"""Activations of every shape and file are the same source, and come out as they went in."""

import contextlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from unitscope.cli.app import app
from unitscope.errors import InputError
from unitscope.exchange import export_arrays, from_arrays, from_file, to_pandas, to_xarray
from unitscope.recording.record import record
from unitscope.source.arrays import Arrays

LENGTHS = [5, 3, 4, 1]
RNG = np.random.default_rng(0)
PADDED = RNG.normal(size=(4, 5, 3)).astype(np.float32)  # [trial time unit]
FLAT = np.concatenate([PADDED[n, :length] for n, length in enumerate(LENGTHS)])
CHOICE = [0, 1, 1, 0]
WORDS = [["a", "rose", "is", "a", "rose"], ["a", "b", "c"], ["one", "two", "three", "four"], ["x"]]


def values(source: Arrays, site: str = "hidden", label: str = "") -> np.ndarray:
    chunks = [chunk[site] for chunk in source.chunks([site], [label] if label else [])]
    return torch.cat([chunk.labels[label] if label else chunk.activations for chunk in chunks]).numpy()


@pytest.mark.parametrize("how", ["padded", "mask", "flat", "ragged", "torch", "xarray", "pandas"])
def test_every_shape_is_the_same_source(how: str) -> None:
    mask = np.arange(5) < np.array(LENGTHS)[:, None]
    given = {
        "padded": lambda: from_arrays({"hidden": PADDED}, lengths=LENGTHS, labels={"choice": CHOICE}),
        "mask": lambda: from_arrays({"hidden": PADDED}, mask=mask, labels={"choice": CHOICE}),
        "flat": lambda: from_arrays(
            {"hidden": FLAT}, lengths=LENGTHS, labels={"choice": np.repeat(CHOICE, LENGTHS)}
        ),
        "ragged": lambda: from_arrays({"hidden": np.split(FLAT, np.cumsum(LENGTHS)[:-1])}, labels={"choice": CHOICE}),
        "torch": lambda: from_arrays({"hidden": torch.from_numpy(PADDED)}, lengths=LENGTHS, labels={"choice": CHOICE}),
        "xarray": lambda: from_arrays(
            pytest.importorskip("xarray").Dataset({"hidden": (("trial", "time", "unit"), PADDED)}),
            lengths=LENGTHS, labels={"choice": CHOICE},
        ),
        "pandas": lambda: from_arrays(
            {"hidden": pytest.importorskip("pandas").DataFrame(FLAT)}, lengths=LENGTHS, labels={"choice": CHOICE}
        ),
    }  # fmt: skip
    source = given[how]()
    assert np.array_equal(values(source), FLAT)
    assert values(source, label="choice").tolist() == np.repeat(CHOICE, LENGTHS).tolist()
    assert source.lengths(source.sequences) == LENGTHS


def test_labels_of_words_documents_groups_and_time() -> None:
    source = from_arrays(
        PADDED,
        lengths=LENGTHS,
        labels={"side": ["left", "right", "left", "left"], "step": np.tile(np.arange(5), (4, 1))},
        documents=["one", "one", "two", "two"],
        groups=["a", "b", "a"],
        rate=10,
    )
    assert source.annotations == ("side=left", "side=right", "step", "time")
    assert values(source, "activations.a", "side=right").tolist() == [0] * 5 + [1] * 3 + [0] * 5
    assert values(source, "activations.a", "step")[5:8].tolist() == [0, 1, 2]
    assert values(source, "activations.a", "time")[4] == pytest.approx(0.4)
    assert np.array_equal(values(source, "activations.a"), FLAT[:, [0, 2]])
    assert [(source.place(n).document, source.place(n).start) for n in range(4)] == [(0, 0), (0, 5), (1, 0), (1, 4)]
    assert source.document(1).text is None


def test_tokens_make_a_text_of_which_hypotheses_are_asked(tmp_path: Path) -> None:
    source = from_arrays({"hidden": FLAT}, lengths=LENGTHS, tokens=WORDS, documents=["x", "x", "y", "y"])
    assert source.document(0).text == "a rose is a rose a b c "
    assert source.labels("regex:rose", 0).tolist() == [0, 1, 0, 0, 1]
    recorded = record(source, tmp_path / "run")
    assert recorded.labels("regex:rose", 0).tolist() == [0, 1, 0, 0, 1]
    padded = np.array([[*row, *[""] * 9][:9] for row in WORDS])
    again = from_arrays({"hidden": FLAT}, lengths=LENGTHS, tokens=padded, documents=["x", "x", "y", "y"])
    assert [again.document(n).text for n in (0, 1)] == [source.document(n).text for n in (0, 1)]
    letters = from_arrays(FLAT, lengths=LENGTHS, tokens=list("abcdefghijklm"))
    assert letters.document(1).text == "fgh"


@pytest.mark.parametrize("ending", [".npz", ".zarr", ".parquet"])
@pytest.mark.parametrize("words", [True, False])
def test_what_is_written_is_read(tmp_path: Path, ending: str, words: bool) -> None:
    if ending == ".zarr":
        pytest.importorskip("zarr")
    told = {"tokens": WORDS} if words else {}
    source = from_arrays({"hidden": FLAT}, lengths=LENGTHS, labels={"choice": CHOICE}, documents=list("xxyz"), **told)
    export_arrays(source, tmp_path / f"a{ending}", labels=["choice"])
    back = from_file(tmp_path / f"a{ending}")
    (site,) = [site.name for site in back.sites]
    assert np.array_equal(values(back, site), FLAT)
    assert values(back, site, "choice").tolist() == np.repeat(CHOICE, LENGTHS).tolist()
    assert back.lengths(back.sequences) == LENGTHS
    assert [back.place(n) for n in range(4)] == [source.place(n) for n in range(4)]
    with pytest.raises(InputError, match=r"none of the endings \.npz"):
        export_arrays(source, tmp_path / "a.mat")


def test_folders_are_written_in_one_step_over_their_own_kind_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zarr = pytest.importorskip("zarr")
    path, source = tmp_path / "a.zarr", from_arrays({"hidden": FLAT}, lengths=LENGTHS)
    export_arrays(source, path)
    export_arrays(from_arrays({"hidden": FLAT + 1}, lengths=LENGTHS), path)
    assert np.array_equal(values(from_file(path)), FLAT + 1)
    monkeypatch.setattr(zarr.Array, "__setitem__", lambda *_: os.write(os.open("/dev/full", os.O_WRONLY), b"all"))
    with pytest.raises(InputError, match=r"the disk of .*a\.zarr is full"):
        export_arrays(source, path)
    assert np.array_equal(values(from_file(path)), FLAT + 1)
    assert list(tmp_path.iterdir()) == [path]
    (path / "mine.txt").write_text("not to be lost")
    (tmp_path / "file.zarr").write_text("nor this")
    for other in (path, tmp_path / "file.zarr"):
        with pytest.raises(InputError, match="what was not exported here"):
            export_arrays(source, other)
    assert (path / "mine.txt").exists() and (tmp_path / "file.zarr").is_file()


def test_a_size_that_is_only_told_is_not_made_room_for(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    export_arrays(from_arrays({"hidden": FLAT}, lengths=LENGTHS), tmp_path / "a.zarr")
    head = tmp_path / "a.zarr" / "hidden" / ".zarray"
    head.write_text(json.dumps(json.loads(head.read_text()) | {"shape": [10**12, 3]}))
    with pytest.raises(InputError, match=r"says that it holds 12,000,000,000,\d+ bytes, more than it can"):
        from_file(tmp_path / "a.zarr")


def test_tables_for_others() -> None:
    source = from_arrays({"hidden": FLAT}, lengths=LENGTHS, tokens=WORDS, labels={"choice": CHOICE})
    frame = to_pandas(source, labels=["choice"])
    assert frame["tokens"].tolist() == [word for row in WORDS for word in row]
    assert np.array_equal(frame[["unit 0", "unit 1", "unit 2"]].to_numpy(), FLAT)
    pytest.importorskip("xarray")
    assert np.array_equal(to_xarray(source)["hidden"].to_numpy(), FLAT)


def files(folder: Path, kind: str) -> Path:
    path = folder / f"acts{kind}"
    arrays = {"hidden": PADDED, "lengths": np.array(LENGTHS), "choice": np.array(CHOICE)}
    if kind == ".npz":
        np.savez(path, **arrays)
    elif kind == ".safetensors":
        from safetensors.numpy import save_file

        save_file(arrays, path)
    elif kind == ".h5":
        with pytest.importorskip("h5py").File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
            file["elsewhere"] = pytest.importorskip("h5py").ExternalLink("/etc/passwd", "x")
    elif kind == ".zarr":
        group = pytest.importorskip("zarr").open_group(str(path), mode="w")
        for name, array in arrays.items():
            group.create_array(name, shape=array.shape, dtype=array.dtype)[...] = array
    return path


@pytest.mark.parametrize("kind", [".npz", ".safetensors", ".h5", ".zarr"])
def test_files_of_arrays(tmp_path: Path, kind: str) -> None:
    path = files(tmp_path, kind)
    with contextlib.suppress(OSError):  # a disk that keeps no such names
        path = path.rename(tmp_path / os.fsdecode(b"acts\xff" + kind.encode()))
    source = from_file(path)
    assert np.array_equal(values(source), FLAT)
    assert values(source, label="choice").tolist() == np.repeat(CHOICE, LENGTHS).tolist()
    with pytest.raises(InputError, match=r"has no array 'cell'; there are: .*hidden"):
        from_file(path, ["cell"])


def test_neurox(tmp_path: Path) -> None:
    pieces = np.split(FLAT, np.cumsum(LENGTHS)[:-1])
    lines = [
        json.dumps({"linex_index": n, "features": [
            {"token": word, "layers": [{"index": layer, "values": (row + layer).tolist()} for layer in (0, 1)]}
            for word, row in zip(words, rows, strict=True)
        ]})
        for n, (words, rows) in enumerate(zip(WORDS, pieces, strict=True))
    ]  # fmt: skip
    (tmp_path / "acts.json").write_text("\n".join(lines) + "\n")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "acts.hdf5", "w") as file:
        index = {" ".join(words): str(n) for n, words in enumerate(WORDS)}
        file["sentence_to_index"] = np.array([json.dumps(index)], dtype=h5py.string_dtype())
        for n, rows in enumerate(pieces):
            file[str(n)] = np.stack([rows, rows + 1])
    for name in ("acts.json", "acts.hdf5"):
        source = from_file(tmp_path / name)
        assert np.allclose(values(source, "layer.1"), FLAT + 1)
        assert source.document(0).text == "a rose is a rose "
    (tmp_path / "acts.json").write_text('{"features": [{"token": 1}]}\n')
    with pytest.raises(InputError, match=r"acts\.json:1: this line is none of NeuroX's"):
        from_file(tmp_path / "acts.json")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda: from_arrays({}), "has no activations"),
        (lambda: from_arrays(FLAT, lengths=[1]), r"has 13 tokens, and the lengths of its 1 sequences add up to 1"),
        (lambda: from_arrays(PADDED, lengths=[6, 1, 1, 1]), r"needs 4 lengths of 0 to 5"),
        (lambda: from_arrays(PADDED, mask=[[0, 1, 0, 0, 0]] * 4), "the mask has gaps"),
        (lambda: from_arrays(np.array(["a"])), r"has the shape \[1\]; activations are"),
        (lambda: from_arrays(np.array([[object()]])), "holds object, not numbers"),
        (lambda: from_arrays(FLAT, labels={"x": [1, 2]}), r"the label x has the shape \[2\]"),
        (lambda: from_arrays(FLAT, tokens=["a"]), "has 13 tokens in 1 sequences, and 1 were given"),
        (lambda: from_arrays(FLAT, groups=["a"]), "has 3 units, and groups are 1"),
        (lambda: from_arrays(FLAT, documents=["a", "b"]), "documents are 2; give one for each"),
    ],
)
def test_what_does_not_fit(given: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        given()  # type: ignore[operator]


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read as arrays"):
        from_file(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", FLAT)
    source = from_file(tmp_path / "b.npy", lengths=LENGTHS)
    assert isinstance(next(iter(source.values.values())), np.memmap)


def test_broken_files_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", cells=FLAT)
    np.save(tmp_path / "a.npy", FLAT)
    for name in ("a.npz", "a.npy"):
        content = (tmp_path / name).read_bytes()
        for place in range(0, len(content), 9):
            changed = bytearray(content)
            changed[place] ^= 0x55
            (tmp_path / name).write_bytes(changed)
            with contextlib.suppress(InputError):
                from_file(tmp_path / name)


def test_a_small_file_cannot_say_that_it_holds_much(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("cells", (10**6, 10**6), "f4", chunks=(100, 100))
    with pytest.raises(InputError, match="more than it can"):
        from_file(tmp_path / "a.h5")


def test_a_signal_beside_trials_is_a_label(tmp_path: Path) -> None:
    go = np.arange(20, dtype=np.float32).reshape(4, 5)
    np.savez(tmp_path / "a.npz", go=go, rate=PADDED, lengths=LENGTHS)
    source = from_file(tmp_path / "a.npz")
    assert [site.name for site in source.sites] == ["rate"]
    assert values(source, "rate", "go")[:8].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


def test_weights_are_no_activations(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.weights.h5", "w") as file:  # as Keras 3 writes it
        file["layers/lstm/cell/vars/0"] = np.zeros((1, 48), np.float32)
        file.create_group("vars")
    with h5py.File(tmp_path / "old.h5", "w") as file:  # and Keras 2
        file.attrs["layer_names"] = [b"lstm"]
    for name in ("net.weights.h5", "old.h5"):
        with pytest.raises(InputError, match="holds weights of a Keras network, not activations"):
            from_file(tmp_path / name)


def test_import_and_export(tmp_path: Path) -> None:
    def said(*arguments: object) -> str:
        done = CliRunner().invoke(app, [str(each) for each in arguments])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    (tmp_path / "trials.csv").write_text("side,reward\n" + "".join(f"{'lr'[n % 2]},{n}\n" for n in range(4)))
    told = said("import", files(tmp_path, ".npz"), "--labels", tmp_path / "trials.csv", "--out", tmp_path / "run")
    assert "4 sequences, hidden" in told
    assert "choice, side=l, side=r, reward" in told
    said("analyze", tmp_path / "run", "moments")
    said("export", tmp_path / "run", tmp_path / "b.npz", "--label", "reward")
    assert np.array_equal(values(from_file(tmp_path / "b.npz")), FLAT)


WORD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=4)


@settings(max_examples=16, deadline=None)
@given(
    st.lists(st.lists(WORD, min_size=1, max_size=4), min_size=1, max_size=4),
    st.sampled_from([".npz", ".parquet", ".zarr", "xarray", "command"]),
)
def test_whatever_the_words_what_is_written_is_read(words: list[list[str]], way: str) -> None:
    if way in (".zarr", "xarray"):
        pytest.importorskip(way.strip("."))
    lengths = [len(row) for row in words]
    rows = np.random.default_rng(0).normal(size=(sum(lengths), 2)).astype(np.float32)
    level = np.arange(sum(lengths), dtype=np.float32)
    source = from_arrays({"hidden": rows}, lengths=lengths, tokens=words, labels={"level": level})
    frame = to_pandas(source, labels=["level"])
    assert frame["tokens"].tolist() == [word for row in words for word in row]
    assert np.array_equal(frame.filter(like="unit ").to_numpy(), rows) and frame["level"].tolist() == level.tolist()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{way if way[0] == '.' else '.npz'}"
        export_arrays(source, path, labels=["level"])
        if way == "command":
            for command in (["import", path, "--out", f"{folder}/run"], ["export", f"{folder}/run", f"{folder}/b.npz",
                                                                        "--label", "level"]):  # fmt: skip
                done = CliRunner().invoke(app, [str(each) for each in command])
                assert done.exit_code == 0, (done.output, done.exception)
            path = Path(folder) / "b.npz"
        back = from_arrays(to_xarray(source, labels=["level"])) if way == "xarray" else from_file(path)
        (site,) = [site.name for site in back.sites]
        assert np.array_equal(values(back, site), rows)
        assert values(back, site, "level").tolist() == level.tolist()
        assert back.lengths(back.sequences) == lengths
        assert [back.vocabulary.decode(back.tokens(n).tolist()) for n in back.sequences] == words
