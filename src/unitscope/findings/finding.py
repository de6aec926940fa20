"""A finding, and all of them together: what is kept, saved and shown."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from unitscope.analyses.affinity import Affinity, AffinityResult
from unitscope.errors import InputError
from unitscope.files.jsons import read_json, write_json
from unitscope.fold.resultset import ResultSet
from unitscope.interventions.ablation import Change, Damage, SymbolChange

SCHEMA = 1
GROUP = "evidence"
"""The label that numbers what belongs together and counts as one piece of evidence."""


@dataclass(frozen=True)
class Search:
    """How findings are looked for."""

    hypotheses: tuple[str, ...] = field(default=(), metadata={"help": "names of hypotheses"})
    sites: tuple[str, ...] = field(default=("*",), metadata={"help": "glob patterns of the sites to look in"})
    fdr: float = field(default=0.05, metadata={"help": "false discovery rate over all units and hypotheses"})
    seed: int = field(
        default=0, metadata={"help": "of the untrained twin, the shift of the labels and the random units"}
    )
    random_units: int = field(default=10, metadata={"help": "random units ablated at each site, for comparison"})
    ablation_sequences: int = field(default=64, metadata={"help": "sequences on which units are ablated"})

    def affinity(self) -> Affinity:
        """What is folded over both halves."""
        return Affinity(hypotheses=self.hypotheses, groups=GROUP)


@dataclass(frozen=True)
class Finding:
    """The unit that stands for a hypothesis. All scores are from the half on which it was not chosen."""

    hypothesis: str
    site: str
    unit: int
    r_where_chosen: float
    r: float
    r_low: float
    r_high: float
    auc: float
    iou: float
    information: float
    prevalence: float
    p: float
    q: float
    """p after Benjamini and Hochberg's correction for all units and hypotheses."""
    twin: str
    """Address of the untrained twin's best unit, chosen on the same half."""
    twin_r: float
    twin_low: float
    twin_high: float
    twin_auc: float
    damage: Damage | None = None
    random_damage: tuple[float, ...] = ()
    """Nats per token where the hypothesis holds, for random units of the same site held at their means."""

    @property
    def address(self) -> str:
        return f"{self.site}/{self.unit}"

    def failed(self, fdr: float) -> list[str]:
        """The tests that it did not pass, in words; none if it is confirmed."""
        if not np.isfinite(self.r):
            return ["constant on the confirming half"]
        weakest = self.r_low if self.r > 0 else -self.r_high
        strongest = self.twin_high if self.twin_r > 0 else -self.twin_low
        tests = {
            "sign changes between the halves": self.r * self.r_where_chosen > 0,
            "not significant": self.q <= fdr,
            "no untrained twin" if np.isnan(strongest) else "within reach of the untrained twin": weakest > strongest,
        }
        return [test for test, passed in tests.items() if not passed]

    def confirmed(self, fdr: float) -> bool:
        """Same sign on both halves, significant, and its interval lies beyond that of the untrained twin's best."""
        return not self.failed(fdr)

    @property
    def used(self) -> bool | None:
        """Holding the unit at its mean costs most where the hypothesis holds. None if that was not tried."""
        if self.damage is None:
            return None
        where, elsewhere = self.damage.where[self.hypothesis], self.damage.elsewhere[self.hypothesis]
        return bool(where.low > 0 and where.mean > elsewhere.mean and where.mean > max(self.random_damage, default=0.0))


@dataclass(frozen=True)
class Findings:
    """The outcome of ``find``: one finding per hypothesis, and the affinities from which they were read."""

    search: Search
    findings: list[Finding]
    tests: int
    significant: int
    """Pairs of unit and hypothesis that are significant on the confirming half."""
    shifted_significant: int
    """The same under shifted labels: what the method finds where nothing is."""
    loss: float | None
    """Of the intact model on the sequences of the ablations, nats per token."""
    fingerprint: str
    """Of the source."""
    chosen: ResultSet
    confirmed: ResultSet
    twin_confirmed: ResultSet | None

    def confirmed_findings(self) -> list[Finding]:
        """Those that pass every test but ablation, the strongest first."""
        return [finding for finding in self.findings if finding.confirmed(self.search.fdr)]

    def affinity_key(self) -> str:
        return self.search.affinity().key

    def to_pandas(self) -> pd.DataFrame:
        """One row per hypothesis."""
        rows = []
        for finding in self.findings:
            row = {key: value for key, value in vars(finding).items() if key not in ("damage", "random_damage")}
            damage = finding.damage
            row |= {
                "confirmed": finding.confirmed(self.search.fdr),
                "failed": "; ".join(finding.failed(self.search.fdr)),
                "used": finding.used,
                "damage_where": damage.where[finding.hypothesis].mean if damage else np.nan,
                "damage_elsewhere": damage.elsewhere[finding.hypothesis].mean if damage else np.nan,
                "damage_random_max": max(finding.random_damage, default=np.nan),
            }
            rows.append(row)
        return pd.DataFrame(rows)

    def save(self, folder: Path) -> None:
        """Write ``findings.json`` (last) and the three sets of affinities."""
        folder.mkdir(parents=True, exist_ok=True)
        self.chosen.save(folder / "chosen")
        self.confirmed.save(folder / "confirmed")
        if self.twin_confirmed:
            self.twin_confirmed.save(folder / "twin")
        plain = {key: value for key, value in vars(self).items() if not isinstance(value, ResultSet)}
        plain |= {"search": asdict(self.search), "findings": [asdict(f) for f in self.findings]}
        write_json(folder / "findings.json", plain, SCHEMA)

    @classmethod
    def load(cls, folder: Path) -> "Findings":
        """Read what ``save`` wrote. Raises ``InputError`` where there is nothing, or it is of another version."""
        try:
            plain = read_json(folder / "findings.json", dict[str, Any], "run unitscope find", SCHEMA)
            fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.pop("search").items()}
            search = Search(**fields)
            findings = [_finding(item) for item in plain.pop("findings")]
            twin = ResultSet.load(folder / "twin") if (folder / "twin").exists() else None
            chosen, confirmed = ResultSet.load(folder / "chosen"), ResultSet.load(folder / "confirmed")
            return cls(
                search=search, findings=findings, chosen=chosen, confirmed=confirmed, twin_confirmed=twin, **plain
            )
        except (KeyError, TypeError) as error:
            raise InputError(f"{folder} holds no readable findings: {error}; run unitscope find") from error


def _finding(plain: dict[str, Any]) -> Finding:
    damage = plain.pop("damage")
    if damage is not None:
        damage = Damage(
            overall=Change(**damage["overall"]),
            where={name: Change(**change) for name, change in damage["where"].items()},
            elsewhere={name: Change(**change) for name, change in damage["elsewhere"].items()},
            contrast={name: Change(**change) for name, change in damage["contrast"].items()},
            symbols=[SymbolChange(**symbol) for symbol in damage["symbols"]],
        )
    return Finding(**{**plain, "random_damage": tuple(plain["random_damage"])}, damage=damage)


def adjusted(results: ResultSet, key: str) -> dict[str, np.ndarray]:
    """q-values ``[unit hypothesis]`` by site: Benjamini and Hochberg's correction over all sites together."""
    tables = {site: affinity_of(results, key, site).p for site in results.sites()}
    flat = np.concatenate([table.ravel() for table in tables.values()])
    defined = np.isfinite(flat)
    values = np.full(flat.shape, np.nan)
    values[defined] = stats.false_discovery_control(flat[defined]) if defined.any() else flat[defined]
    parts = np.split(values, np.cumsum([table.size for table in tables.values()])[:-1])
    return {site: part.reshape(table.shape) for (site, table), part in zip(tables.items(), parts, strict=True)}


def affinity_of(results: ResultSet, key: str, site: str) -> AffinityResult:
    """The affinities of a site."""
    result = results[site, key]
    assert isinstance(result, AffinityResult)
    return result
