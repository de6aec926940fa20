"""What was found of a network, on disk, so that a study that was stopped goes on."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.numpy import load_file, save

from unitscope.concepts.alignment import Alignment
from unitscope.concepts.bank import Bank
from unitscope.errors import InputError
from unitscope.studies.cnn_units.examine import Examined, Layer

SCHEMA = 1
HEAD = "examined.json"


def keep(folder: Path, examined: Examined, key: str) -> None:
    """Write; the head comes last. ``key`` says what network and sentences it is of."""
    examined.bank.save(folder)
    examined.units.to_parquet(folder / "units.parquet")
    arrays = {
        f"{number}.{field.name}": getattr(layer.alignment, field.name)
        for number, layer in enumerate(examined.layers)
        for field in fields(Alignment)
    }
    (folder / "layers.safetensors").write_bytes(save(arrays))
    head = {
        "schema": SCHEMA,
        "key": key,
        "sites": [layer.site for layer in examined.layers],
        "shares": examined.shares,
        "length": examined.length,
        "padded": examined.padded,
        "emergence": examined.emergence,
    }
    (folder / HEAD).write_text(json.dumps(head) + "\n")


def kept(folder: Path, key: str) -> Examined | None:
    """What ``keep`` wrote under this key, or None."""
    try:
        head: dict[str, Any] = json.loads((folder / HEAD).read_text())
        if head["schema"] != SCHEMA or head["key"] != key:
            return None
        arrays = load_file(folder / "layers.safetensors")
        layers = [
            Layer(site, Alignment(**{field.name: arrays[f"{number}.{field.name}"] for field in fields(Alignment)}))
            for number, site in enumerate(head["sites"])
        ]
        units = pd.read_parquet(folder / "units.parquet")
        bank = Bank.load(folder)
    except (OSError, ValueError, KeyError, InputError):
        return None
    return Examined(bank, layers, units, head["shares"], head["length"], head["padded"], head["emergence"])
