import json
import struct

import pytest
import torch
from safetensors.torch import load_file

from unitscope.errors import InputError
from unitscope.recording.blocks import TYPES, Blocks, write_blocks

UNITS, TOKENS = 130, 17


@pytest.fixture
def values():
    return torch.randn(UNITS, TOKENS)


@pytest.mark.parametrize("precision", TYPES)
def test_safetensors_reads_what_is_written(tmp_path, values, precision):
    kept = values.to(TYPES[precision][1])
    write_blocks(tmp_path / "site", kept, precision)
    tensors = load_file(tmp_path / "site")
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        "u000000": (64, TOKENS),
        "u000064": (64, TOKENS),
        "u000128": (2, TOKENS),
    }
    assert torch.equal(torch.cat([tensors[name] for name in sorted(tensors)]), kept)


@pytest.mark.parametrize("precision", TYPES)
def test_a_unit_and_the_map_are_the_values(tmp_path, values, precision):
    kept = values.to(TYPES[precision][1])
    write_blocks(tmp_path / "site", kept, precision)
    blocks = Blocks.open(tmp_path / "site", UNITS, TOKENS, precision)
    assert torch.equal(torch.cat(blocks.map()), kept)
    for unit in (0, 63, 64, 129):
        assert torch.equal(blocks.unit(unit), kept[unit].float())


def test_checksum_and_size_are_those_of_the_file(tmp_path, values):
    from hashlib import sha256

    written = write_blocks(tmp_path / "site", values, "float32")
    content = (tmp_path / "site").read_bytes()
    assert (written.bytes, written.sha256) == (len(content), sha256(content).hexdigest())


def test_no_tokens(tmp_path):
    write_blocks(tmp_path / "site", torch.empty(3, 0), "float32")
    blocks = Blocks.open(tmp_path / "site", 3, 0, "float32")
    assert blocks.unit(2).shape == (0,)


def header(entries):
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text


ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no safetensors header"),
        (b"\x08\0\0", "no safetensors header"),
        (struct.pack("<Q", 1 << 62) + b"{}", "no safetensors header"),
        (header(b"{]") + bytes(24), "damaged"),
        (header(b"\xff\xfe") + bytes(24), "damaged"),
        (header([1]) + bytes(24), "no object"),
        (header({}) + bytes(24), "u000000"),
        (header({"u000000": 3}) + bytes(24), "damaged"),
        (header({"u000000": {**ENTRY, "dtype": "F16"}}) + bytes(24), "should be F32"),
        (header({"u000000": {**ENTRY, "shape": [3, 2]}}) + bytes(24), "should be F32"),
        (header({"u000000": {**ENTRY, "data_offsets": [-8, 16]}}) + bytes(24), "outside"),
        (header({"u000000": {**ENTRY, "data_offsets": [0, 23]}}) + bytes(24), "outside"),
        (header({"u000000": {**ENTRY, "data_offsets": [0, "24"]}}) + bytes(24), "damaged"),
        (header({"u000000": ENTRY}) + bytes(23), "outside"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(tmp_path, content, message):
    path = tmp_path / "site"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        Blocks.open(path, 2, 3, "float32")
    assert str(path) in str(caught.value)
    assert "record again" in str(caught.value)


def test_a_file_that_shrinks_after_it_was_opened(tmp_path, values):
    path = tmp_path / "site"
    write_blocks(path, values, "float32")
    blocks = Blocks.open(path, UNITS, TOKENS, "float32")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(InputError, match="ends too early"):
        blocks.unit(UNITS - 1)
