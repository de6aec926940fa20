import pytest
import torch
from safetensors.torch import load_file

from unitscope.errors import InputError
from unitscope.files.arrays import header_bytes
from unitscope.files.digest import digest
from unitscope.recording.activations import PIECE, STEP, TYPES, Blocks, Pages, write_blocks

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
        "course": (UNITS, 3, 1),
        "digests": (UNITS, 2, 16),
    }
    assert torch.equal(torch.cat([tensors[name] for name in sorted(tensors) if name.startswith("u")]), kept)


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
    begin = len(content) - UNITS * (2 * 16 + 2 * 3 + 2 * TOKENS)
    for place in range(0, len(content), 19):
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


@pytest.mark.parametrize("tokens", [1, 64, 130, 2 * PIECE + 5])
def test_the_course_is_the_least_mean_and_largest_of_every_step(tmp_path, tokens):
    values = torch.randn(3, tokens)
    written = write_blocks(tmp_path / "site", values, "float32")
    blocks = Blocks.open(tmp_path / "site", 3, tokens, "float32", written.digest)
    steps = values[2].split(STEP)
    for row, name in zip(blocks.course(2), ("min", "mean", "max"), strict=True):
        assert row == pytest.approx([float(getattr(step, name)()) for step in steps], rel=1e-5, abs=1e-6)


def test_a_stretch_is_compared_with_its_digests_alone(tmp_path):
    path, size = tmp_path / "site", 2 * PIECE + 5
    values = torch.randn(2, size)
    written = write_blocks(path, values, "float32")
    content = bytearray(path.read_bytes())
    begin = content.index(values[1].numpy().tobytes())
    content[begin + 4 * (PIECE + 3)] ^= 1  # in the second of three pieces
    path.write_bytes(content)
    blocks = Blocks.open(path, 2, size, "float32", written.digest)
    pages = Pages(blocks)
    for start, stop in ((0, PIECE), (10, 20), (2 * PIECE, size), (7, 7)):
        assert torch.equal(torch.from_numpy(blocks.part([1, 0], start, stop)), values[[1, 0], start:stop])
        assert torch.equal(pages.values(0, [1, 0], start, stop), values[[1, 0], start:stop])
    assert torch.equal(pages.values(0, slice(0, 1), 0, size), values[:1])
    for start, stop in ((0, size), (PIECE - 1, PIECE + 1), (PIECE, PIECE + 1), (2 * PIECE - 1, 2 * PIECE)):
        with pytest.raises(InputError, match="the values of unit 1 differ"):
            blocks.part([0, 1], start, stop)
        for seen in (pages.seen, None):
            with pytest.raises(InputError, match="the values of unit 1 differ"):
                Pages(blocks, seen).values(0, slice(None), start, stop)


def test_a_course_has_its_own_digest(tmp_path):
    path = tmp_path / "site"
    written = write_blocks(path, torch.ones(2, 3), "float32")
    content = bytearray(path.read_bytes())
    content[-2 * 2 * 16 - 1] ^= 1  # the last byte of the last unit's
    path.write_bytes(content)
    blocks = Blocks.open(path, 2, 3, "float32", written.digest)
    assert blocks.course(0).tolist() == [[1], [1], [1]]
    for read in (lambda: blocks.course(1), blocks.check):
        with pytest.raises(InputError, match="the values of unit 1 differ"):
            read()


def test_another_file_of_the_same_shape_is_found(tmp_path, values):
    written = write_blocks(tmp_path / "one", values, "float32")
    write_blocks(tmp_path / "other", -values, "float32")
    with pytest.raises(InputError, match="differ from what its shard's list says"):
        Blocks.open(tmp_path / "other", UNITS, TOKENS, "float32", written.digest)


@pytest.mark.parametrize(
    ("entries", "size", "message"),
    [
        ([], 0, "course is None"),
        (
            [("u000000", "F16", (2, 3)), ("course", "F16", (2, 3, 1)), ("digests", "U8", (2, 2, 16))],
            88,
            r"course is \('F16', \(2, 3, 1\)\)",
        ),
        (
            [("u000000", "F32", (3, 2)), ("course", "F32", (2, 3, 1)), ("digests", "U8", (2, 2, 16))],
            112,
            r"u000000 is \('F32', \(3, 2\)\)",
        ),
        (
            [("u000000", "F32", (2, 3)), ("course", "F32", (2, 3, 1)), ("digests", "U8", (2, 2, 16))],
            111,
            "its header speaks of",
        ),
        (
            [
                ("u000000", "F32", (2, 3)),
                ("course", "F32", (2, 3, 1)),
                ("digests", "U8", (2, 2, 16)),
                ("more", "U8", (1,)),
            ],
            113,
            "more is",
        ),
    ],
)
def test_another_header(tmp_path, entries, size, message):
    content = header_bytes(entries) + bytes(size)
    (tmp_path / "site").write_bytes(content)
    with pytest.raises(InputError, match=message):
        Blocks.open(tmp_path / "site", 2, 3, "float32", digest(content))
