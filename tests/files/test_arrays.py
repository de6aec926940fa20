import json
import struct

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from unitscope.errors import InputError
from unitscope.files.arrays import CODES, read_arrays, write_arrays
from unitscope.files.tensors import TYPES, read_tensors, tensors_header, write_tensors

ADVICE = "make it again"
ARRAYS = {"b": np.arange(6, dtype=np.int64).reshape(2, 3), "a": np.array([True, False]), "none": np.zeros((0, 4), "f4")}


def test_what_is_read_is_what_was_written(tmp_path):
    path = tmp_path / "file"
    write_arrays(path, ARRAYS, {"note": "ü"})
    arrays, words = read_arrays(path, ADVICE)
    assert words == {"note": "ü"}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)


def test_the_library_reads_it_too(tmp_path):
    path = tmp_path / "file"
    write_arrays(path, ARRAYS, {"note": "ü"})
    for name, array in safetensors.numpy.load_file(path).items():
        np.testing.assert_array_equal(array, ARRAYS[name], strict=True)
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata()["note"] == "ü"


@given(st.dictionaries(st.text(min_size=1), npst.arrays(st.sampled_from(list(CODES)), npst.array_shapes(min_side=0))))
def test_any_arrays(tmp_path_factory, arrays):
    arrays.pop("__metadata__", None)
    path = tmp_path_factory.mktemp("any") / "file"
    write_arrays(path, arrays)
    again, _ = read_arrays(path, ADVICE)
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array, strict=True)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=str)
def test_tensors_of_every_type(tmp_path, dtype):
    path = tmp_path / "file"
    tensors = {"a": torch.arange(6).reshape(3, 2).to(dtype), "scalar": torch.tensor(1).to(dtype)}
    write_tensors(path, tensors)
    for again in (read_tensors(path, ADVICE)[0], safetensors.torch.load_file(path)):
        for name, tensor in tensors.items():
            assert again[name].dtype == dtype
            assert torch.equal(
                again[name].view(torch.uint8) if tensor.ndim else again[name].float(),
                tensor.view(torch.uint8) if tensor.ndim else tensor.float(),
            )


def test_files_of_the_library_are_read(tmp_path):
    path = tmp_path / "file"
    tensors = {"w": torch.randn(3, 4), "b": torch.randn(5).bfloat16()}
    safetensors.torch.save_file(tensors, path, {"digest": "no digest of ours"} and {"format": "pt"})
    again, words = read_tensors(path, ADVICE)
    assert words == {"format": "pt"}
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())
    with pytest.raises(InputError, match="it has no digest"):
        read_tensors(path, ADVICE, seal=True)


def test_one_bit_is_found_wherever_it_is(tmp_path):
    path = tmp_path / "file"
    write_arrays(path, {"a": np.arange(3)}, {"note": "x"})
    content = path.read_bytes()
    for place in range(0, len(content) * 8, 11):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"file is damaged .*; make it again"):
            read_arrays(path, ADVICE)


def test_only_the_header_is_needed_for_shapes(tmp_path):
    path = tmp_path / "file"
    write_tensors(path, {"w": torch.zeros(3, 4)})
    assert {name: entry.shape for name, entry in tensors_header(path, ADVICE).entries.items()} == {"w": (3, 4)}


def header(entries, data=24):
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(data)


ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no safetensors header"),
        (b"\x08\0\0", "no safetensors header"),
        (struct.pack("<Q", 1 << 62) + b"{}", "no safetensors header"),
        (header(b"{]"), "damaged"),
        (header(b"\xff\xfe"), "damaged"),
        (header([1]), "no object"),
        (header({}), "speaks of"),
        (header({"a": 3}), "'a' is described wrongly"),
        (header({"a": {**ENTRY, "dtype": "F16"}}), "described wrongly"),
        (header({"a": {**ENTRY, "dtype": "X"}}), "described wrongly"),
        (header({"a": {**ENTRY, "shape": [-2, -3]}}), "described wrongly"),
        (header({"a": {**ENTRY, "shape": [2.0, 3]}}), "described wrongly"),
        (header({"a": {**ENTRY, "shape": [True, 6]}}), "described wrongly"),
        (header({"a": {**ENTRY, "shape": [2] * 10_000}}), "described wrongly"),
        (header({"a": {**ENTRY, "shape": [10**15, 10**15]}}), "described wrongly"),
        (header({"a": {**ENTRY, "data_offsets": [-8, 16]}}), "described wrongly"),
        (header({"a": {**ENTRY, "data_offsets": [0, "24"]}}), "described wrongly"),
        (header({"a": {**ENTRY, "more": 1}}), "described wrongly"),
        (header({"a": ENTRY}, 23), "speaks of"),
        (header({"a": ENTRY}, 25), "speaks of"),
        (header({"a": ENTRY, "b": ENTRY}), "end to end"),
        (header({"a": {**ENTRY, "data_offsets": [8, 32]}}, 32), "end to end"),
        (header({"a": ENTRY, "__metadata__": {"a": 1}}), "no words"),
        (header(b'{"a":{},"a":{}}'), "twice"),
    ],
)
def test_a_header_that_lies(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    for read in (read_arrays, read_tensors):
        with pytest.raises(InputError, match=message):
            read(path, ADVICE)
