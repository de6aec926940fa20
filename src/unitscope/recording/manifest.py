"""Manifest of a recording: ``manifest.json``."""

import importlib.metadata
import json
import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from unitscope.errors import InputError
from unitscope.files.damage import damaged
from unitscope.files.digest import digest
from unitscope.files.inside import check_plain_file
from unitscope.files.jsons import read_json, typed, write_json
from unitscope.models.site import Site
from unitscope.recording.activations import TYPES
from unitscope.source.source import Origin

SCHEMA = 2
VERSION = importlib.metadata.version("unitscope")
MANIFEST = "manifest.json"
MEND = "record again with the same settings, which makes what is damaged anew"


@dataclass(frozen=True)
class Manifest:
    """Everything about a recording but the numbers."""

    source: str
    """Fingerprint of the source that was written down."""
    model: Origin
    corpus: Origin
    sites: tuple[Site, ...]
    dtype: str
    batch_size: int
    """Sequences that were run together."""
    shard_tokens: int
    """Tokens at which a shard is full."""
    sequences: int
    tokens: int
    plan: str
    """Digest of which sequences are in which shard."""
    vocabulary: tuple[str, ...]
    annotations: tuple[str, ...]
    """Labels that are kept with the tokens."""
    about: dict[str, str] = field(default_factory=dict)
    """What is said of the source beside its origins: its edits, its part."""
    unitscope: str = VERSION
    """The version that began the recording."""
    complete: bool = False
    checksums: dict[str, str] = field(default_factory=dict)
    """Digest of the documents, once they are there; when complete, of the plan and of every shard's list."""

    def save(self, folder: Path) -> None:
        sites = [{**asdict(site), "low": _bound(site.low), "high": _bound(site.high)} for site in self.sites]
        write_json(folder / MANIFEST, {**asdict(self), "sites": sites}, SCHEMA, halves=True)

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Raises ``InputError`` if there is no manifest, it is damaged, or its version is another."""
        path = folder / MANIFEST
        if not path.exists():
            raise InputError(f"{folder} is no recording: it has no {MANIFEST}")
        check_plain_file(path)
        # Symbols of a text that is no UTF-8 may be halves of characters.
        plain = read_json(path, dict[str, Any], MEND, schema=None, halves=True)
        schema, version = plain.pop("schema", None), plain.get("unitscope")
        if schema != SCHEMA:
            raise InputError(
                f"{path} has schema {schema} and this unitscope {VERSION} reads {SCHEMA}; "
                f"read it with unitscope {version}, or record again into another folder"
            )
        try:
            sites = [_unbound(site) for site in plain.pop("sites")]
            manifest = typed({**plain, "sites": sites}, cls)
            if len({site.name for site in manifest.sites}) < len(manifest.sites):
                raise ValueError("two sites have one name")
            if min(manifest.batch_size, *(site.units for site in manifest.sites)) < 1 or manifest.dtype not in TYPES:
                raise ValueError("its sizes make no sense")
        except (ValueError, KeyError, TypeError) as error:
            raise damaged(path, error, MEND) from error
        return manifest

    @property
    def identity(self) -> str:
        """Digest of what decides every number of the recording."""
        return digest(json.dumps([self.source, self.plan, self.dtype, [s.name for s in self.sites]]).encode())

    def expected(self, file: str) -> str | None:
        """The digest that a file should have, once that is known."""
        return self.checksums.get(file)

    def check_same(self, asked: "Manifest", folder: Path) -> None:
        """Raises ``InputError``, naming what differs, unless ``asked`` would go on with this recording."""
        kept, wanted = self._settings(), asked._settings()
        for what, value in kept.items():
            if wanted[what] != value:
                raise InputError(
                    f"{folder} was begun with another {what} ({value}; now {wanted[what]}); "
                    "record with the same, or into another folder"
                )

    def finished(self, checksums: dict[str, str]) -> "Manifest":
        """The manifest of the complete recording, with the digests of its shards' lists."""
        return replace(self, complete=True, checksums={**self.checksums, **checksums})

    def _settings(self) -> dict[str, str]:
        return {
            "model": f"{self.model.name} {self.model.fingerprint[:12]}",
            "corpus": f"{self.corpus.name} {self.corpus.fingerprint[:12]}",
            "choice of sites": ", ".join(site.name for site in self.sites),
            "set of annotations": ", ".join(self.annotations) or "none",
            "dtype": self.dtype,
            "batch size": str(self.batch_size),
            "shard size": f"{self.shard_tokens} tokens",
            "choice of sequences": f"{self.sequences} of {self.tokens} tokens, {self.plan[:12]}",
            "source": self.source[:12],
        }


def _bound(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON knows no infinity


def _unbound(site: dict[str, Any]) -> dict[str, Any]:
    low, high = site["low"], site["high"]
    return {**site, "low": -math.inf if low is None else low, "high": math.inf if high is None else high}
