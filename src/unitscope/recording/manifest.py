"""What a recording says of itself: ``manifest.json``."""

import importlib.metadata
import json
import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from unitscope.errors import InputError
from unitscope.models.site import Site, as_kind
from unitscope.recording import durable
from unitscope.source.source import Origin

SCHEMA = 1
VERSION = importlib.metadata.version("unitscope")
MANIFEST = "manifest.json"


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
    """Once complete: of every file but this one and those that a shard's list has."""

    def save(self, folder: Path) -> None:
        plain = {"schema": SCHEMA, **asdict(self)}
        plain["sites"] = [{**asdict(site), "low": _bound(site.low), "high": _bound(site.high)} for site in self.sites]
        with durable.replacing(folder / MANIFEST) as partial:
            durable.write(partial, json.dumps(plain, indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Raises ``InputError`` if there is no manifest, it is not one, or its version is another."""
        path = folder / MANIFEST
        if not path.exists():
            raise InputError(f"{folder} is no recording: it has no {MANIFEST}")
        try:
            plain = json.loads(path.read_bytes())
            schema, version = plain.pop("schema"), str(plain["unitscope"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is not the manifest of a recording ({error})") from error
        if schema != SCHEMA:
            raise InputError(
                f"{path} has schema {schema} and this unitscope {VERSION} reads {SCHEMA}; "
                f"read it with unitscope {version}, or record again into another folder"
            )
        try:
            manifest = cls(
                **{
                    **plain,
                    "model": Origin(**plain["model"]),
                    "corpus": Origin(**plain["corpus"]),
                    "sites": tuple(_site(entry) for entry in plain["sites"]),
                    "vocabulary": tuple(plain["vocabulary"]),
                    "annotations": tuple(plain["annotations"]),
                }
            )
            if manifest.batch_size < 1:
                raise ValueError(f"{manifest.batch_size} sequences are run together")
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is damaged ({error}); delete {folder} and record again") from error
        return manifest

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
        """The manifest of the complete recording."""
        return replace(self, complete=True, checksums=checksums)

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


def _site(entry: dict[str, Any]) -> Site:
    low, high = entry["low"], entry["high"]
    return Site(
        entry["name"],
        entry["units"],
        -math.inf if low is None else float(low),
        math.inf if high is None else float(high),
        entry.get("alias", ""),
        as_kind(entry["kind"]),
    )
