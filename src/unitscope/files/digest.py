"""The one digest of what is kept: BLAKE3, 4.5 GB/s on a core where SHA-256 with the processor's help has 1.8."""

from pathlib import Path

from blake3 import blake3

from unitscope.files.room import disk_errors

Digest = blake3
STEP = 1 << 20


def digest(*parts: bytes | bytearray | memoryview) -> str:
    """Digest of some bytes, end to end: 64 hexadecimal digits."""
    made = Digest()
    for part in parts:
        made.update(part)
    return made.hexdigest()


def digest_of(path: Path) -> str:
    """Digest of a file's content."""
    made = Digest()
    step = memoryview(bytearray(STEP))
    with disk_errors(path, "read"), open(path, "rb", buffering=0) as file:
        while size := file.readinto(step):
            made.update(step[:size])
    return made.hexdigest()
