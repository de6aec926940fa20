"""Whether files are as they were written, whatever is in them."""

from collections.abc import Collection, Iterator
from pathlib import Path

from unitscope.errors import InputError
from unitscope.files.arrays import check_seal, read_header
from unitscope.files.damage import damaged
from unitscope.files.inside import open_plain
from unitscope.files.jsons import LARGEST, unsealed
from unitscope.files.room import disk_errors


def unsound(folder: Path, advice: str, besides: Collection[str] = ()) -> Iterator[InputError]:
    """List damage among the JSON and safetensors files of a folder and its subfolders, but not ``besides``.

    Those in the folder itself may be others', and are looked at only where they have a digest; those further in
    must have one.
    """
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix in (".json", ".safetensors") and inside.parts[0] not in besides:
            try:
                check_sound(path, advice, sealed=len(inside.parts) > 1)
            except InputError as error:
                yield error


def check_sound(path: Path, advice: str, sealed: bool = True) -> None:
    """Raises ``InputError`` where a file differs from its own digest, or has none and must be ``sealed``."""
    with disk_errors(path, "read"), open_plain(path) as file:
        try:
            if path.suffix == ".json":
                _, seal = unsealed(file.read(LARGEST), halves=True)
                if sealed and not seal:
                    raise ValueError("it has no digest")
            else:
                check_seal(file, read_header(file), required=sealed)
        except ValueError as error:
            raise damaged(path, error, advice) from error
