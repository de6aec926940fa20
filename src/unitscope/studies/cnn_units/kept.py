"""What was found of a network, on disk, so that a study that was stopped goes on."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.numpy import load_file, save

from unitscope.banks.alignment import Alignment, Sign
from unitscope.banks.bank import Bank
from unitscope.errors import InputError
from unitscope.studies.cnn_units.examine import Examined, Layer, Side

SCHEMA = 2
HEAD, PROBE = "examined.json", "probe.json"


def keep(folder: Path, examined: Examined, key: str) -> None:
    """Write; the head comes last. ``key`` says what network and sentences it is of."""
    examined.bank.save(folder)
    arrays = {}
    for name, side in _sides(examined):
        side.units.to_parquet(folder / f"{name}.parquet")
        for number, layer in enumerate(side.layers):
            for field in fields(Alignment):
                arrays[f"{name}.{number}.{field.name}"] = getattr(layer.alignment, field.name)
    (folder / "layers.safetensors").write_bytes(save(arrays))
    head = {
        "schema": SCHEMA,
        "key": key,
        "sites": {name: [layer.site for layer in side.layers] for name, side in _sides(examined)},
        "shares": {name: side.shares for name, side in _sides(examined)},
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
        sides = []
        signs: tuple[tuple[str, Sign], ...] = (("up", 1), ("down", -1))
        for name, sign in signs:
            layers = [
                Layer(site, Alignment(**{f.name: arrays[f"{name}.{number}.{f.name}"] for f in fields(Alignment)}))
                for number, site in enumerate(head["sites"][name])
            ]
            sides.append(Side(sign, layers, pd.read_parquet(folder / f"{name}.parquet"), head["shares"][name]))
        bank = Bank.load(folder)
    except (OSError, ValueError, KeyError, InputError):
        return None
    up, down = sides
    return Examined(bank, up, down, head["length"], head["padded"], head["emergence"])


def keep_probe(folder: Path, probe: dict[str, float], key: str) -> None:
    """Write what ``probe`` measured of the network of this key."""
    (folder / PROBE).write_text(json.dumps({"schema": SCHEMA, "key": key, "probe": probe}) + "\n")


def kept_probe(folder: Path, key: str) -> dict[str, float] | None:
    """What ``keep_probe`` wrote under this key, or None."""
    try:
        head: dict[str, Any] = json.loads((folder / PROBE).read_text())
        return head["probe"] if head["schema"] == SCHEMA and head["key"] == key else None
    except (OSError, ValueError, KeyError):
        return None


def _sides(examined: Examined) -> list[tuple[str, Side]]:
    return [("up", examined.up), ("down", examined.down)]
