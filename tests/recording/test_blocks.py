import pytest
import torch
from safetensors.torch import load_file

from unitscope.errors import InputError
from unitscope.files.arrays import header_bytes
from unitscope.files.digest import digest
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
        "digests": (UNITS, 16),
    }
    assert torch.equal(torch.cat([tensors[name] for name in sorted(tensors) if name != "digests"]), kept)


@pytest.mark.parametrize("precision", TYPES)
def test_a_unit_and_the_map_are_the_values(tmp_path, values, precision):
    kept = values.to(TYPES[precision][1])
    written = write_blocks(tmp_path / "site", kept, precision)
    assert written.bytes == (tmp_path / "site").stat().st_size
    blocks = Blocks.open(tmp_path / "site", UNITS, TOKENS, precision, written.digest)
    blocks.check()
    assert torch.equal(torch.cat(blocks.map()), kept)
    for unit in (0, 63, 64, 129):
        assert torch.equal(blocks.unit(unit), kept[unit].float())


def test_no_tokens(tmp_path):
    written = write_blocks(tmp_path / "site", torch.empty(3, 0), "float32")
    blocks = Blocks.open(tmp_path / "site", 3, 0, "float32", written.digest)
    assert blocks.unit(2).shape == (0,)
    blocks.check()


def test_one_bit_is_found_by_whoever_reads_it(tmp_path, values):
    path = tmp_path / "site"
    written = write_blocks(path, values.half(), "float16")
    content = path.read_bytes()
    begin = len(content) - UNITS * (16 + 2 * TOKENS)
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"site is damaged .*record again"):
            Blocks.open(path, UNITS, TOKENS, "float16", written.digest).check()
        if begin <= place < begin + UNITS * 2 * TOKENS:
            unit = (place - begin) // (2 * TOKENS)
            blocks = Blocks.open(path, UNITS, TOKENS, "float16", written.digest)
            with pytest.raises(InputError, match=f"the values of unit {unit} differ"):
                blocks.unit(unit)
            blocks.unit((unit + 1) % UNITS)


def test_another_file_of_the_same_shape_is_found(tmp_path, values):
    written = write_blocks(tmp_path / "one", values, "float32")
    write_blocks(tmp_path / "other", -values, "float32")
    with pytest.raises(InputError, match="differ from what its shard's list says"):
        Blocks.open(tmp_path / "other", UNITS, TOKENS, "float32", written.digest)


@pytest.mark.parametrize(
    ("entries", "size", "message"),
    [
        ([], 0, "digests is None"),
        ([("u000000", "F16", (2, 3)), ("digests", "U8", (2, 16))], 44, r"u000000 is \('F16', \(2, 3\)\)"),
        ([("u000000", "F32", (3, 2)), ("digests", "U8", (2, 16))], 56, r"u000000 is \('F32', \(3, 2\)\)"),
        ([("u000000", "F32", (2, 3)), ("digests", "U8", (2, 16))], 55, "its header speaks of"),
        ([("u000000", "F32", (2, 3)), ("digests", "U8", (2, 16)), ("more", "U8", (1,))], 57, "more is"),
    ],
)
def test_another_header(tmp_path, entries, size, message):
    content = header_bytes(entries) + bytes(size)
    (tmp_path / "site").write_bytes(content)
    with pytest.raises(InputError, match=message):
        Blocks.open(tmp_path / "site", 2, 3, "float32", digest(content))
