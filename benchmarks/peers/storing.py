"""Activations written down and one unit read again: a raw file, safetensors, HDF5, Zarr and a recording.

All write the same float16 numbers from memory, [token unit], and end when the disk has them; each is then asked for all
values of one unit. Ratios of processor time, that of the system included, to the raw file.

OMP_NUM_THREADS=1 python benchmarks/peers/storing.py
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
import zarr
from measuring import in_turns, table
from safetensors import safe_open
from safetensors.numpy import save_file

import unitscope
from unitscope.recording.recording import Recording

STEPS, UNIT = 128, 5


def synced(path: Path) -> None:
    """Until the disk has a file, or every file of a folder."""
    for file in [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]:
        handle = os.open(file, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure; a temporary one otherwise")
    parser.add_argument("--tokens", type=int, default=131_072)
    parser.add_argument("--units", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    values = np.tanh(random.standard_normal((options.tokens, options.units), dtype=np.float32))
    narrow = values.astype(np.float16)
    source = unitscope.from_arrays(values, lengths=[STEPS] * (options.tokens // STEPS))
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        folder = Path(scratch)
        raw, tensors, h5, z, kept = (folder / name for name in ("raw", "x.safetensors", "x.h5", "x.zarr", "recording"))

        def fresh(path: Path, write: Callable[[], Any]) -> Callable[[], None]:
            def run() -> None:
                if path.is_dir():
                    shutil.rmtree(path)
                write()
                synced(path)

            return run

        def write_h5() -> None:
            with h5py.File(h5, "w") as file:
                file.create_dataset("x", data=narrow, chunks=(4096, 64))

        def write_zarr() -> None:
            zarr.create_array(str(z), data=narrow, chunks=(16_384, 64), overwrite=True)

        def read_safetensors() -> np.ndarray:
            with safe_open(tensors, "np") as file:
                found: np.ndarray = file.get_slice("x")[:, UNIT : UNIT + 1]
                return found

        def read_h5() -> np.ndarray:
            with h5py.File(h5) as file:
                found: np.ndarray = file["x"][:, UNIT]
                return found

        table(
            in_turns(
                {
                    "raw file": fresh(raw, lambda: raw.write_bytes(narrow.data)),
                    "safetensors": fresh(tensors, lambda: save_file({"x": narrow}, tensors)),
                    "HDF5": fresh(h5, write_h5),
                    "Zarr": fresh(z, write_zarr),
                    "unitscope recording": fresh(kept, lambda: unitscope.record(source, kept, dtype="float16")),
                },
                options.repeats,
                against="raw file",
                leaves={
                    "raw file": "numbers",
                    "safetensors": "numbers, shape and type",
                    "HDF5": "chunks of 4,096 × 64",
                    "Zarr": "chunks of 16,384 × 64, compressed (its default)",
                    "unitscope recording": "units apart, digests, tokens and places; from float32",
                },
            ),
            "written",
        )
        recording = Recording.open(kept)
        site = recording.sites[0].name
        for found in (read_safetensors()[:, 0], read_h5(), zarr.open(str(z))[:, UNIT], recording.unit(site, UNIT)):
            assert np.array_equal(np.asarray(found, np.float16), narrow[:, UNIT])
        table(
            in_turns(
                {
                    "raw file": lambda: np.array(np.memmap(raw, np.float16, "r", shape=narrow.shape)[:, UNIT]),
                    "safetensors": read_safetensors,
                    "HDF5": read_h5,
                    "Zarr": lambda: zarr.open(str(z))[:, UNIT],
                    "unitscope recording": lambda: Recording.open(kept).unit(site, UNIT),
                },
                options.repeats,
                against="raw file",
                leaves={"unitscope recording": "opened anew each time, digests compared"},
            ),
            "one unit read",
        )


if __name__ == "__main__":
    main()
