"""States that wait on the disk, so that memory does not grow with the number of parts."""

import tempfile
from pathlib import Path

import torch

from unitscope.files.room import disk_errors
from unitscope.fold.state import Packed


class Aside:
    """States in a temporary file that no other process sees; it goes with this object."""

    def __init__(self, packed: Packed) -> None:
        """Raises ``InputError`` where the disk is full."""
        self._plain = packed.plain
        self._file = tempfile.TemporaryFile(prefix="unitscope-")  # noqa: SIM115
        self._kept: list[tuple[str, torch.dtype, tuple[int, ...]]] = []
        with disk_errors(Path(tempfile.gettempdir())):
            for name, tensor in packed.tensors.items():
                whole = tensor.detach().cpu().contiguous()
                self._kept.append((name, whole.dtype, tuple(whole.shape)))
                if whole.numel():
                    self._file.write(whole.view(-1).view(torch.uint8).numpy().data)
            self._file.flush()

    def back(self) -> Packed:
        """The states, once."""
        tensors = {}
        self._file.seek(0)
        for name, kind, shape in self._kept:
            tensor = torch.empty(shape, dtype=kind)
            if tensor.numel():
                self._file.readinto(tensor.view(-1).view(torch.uint8).numpy().data)
            tensors[name] = tensor
        self._file.close()
        return Packed(tensors, self._plain)


def size_of(packed: Packed) -> int:
    """Bytes of its tensors."""
    return sum(tensor.nbytes for tensor in packed.tensors.values())
