"""The best units of untrained networks, chosen and scored as those of the trained one are, on the same tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from unitscope.analyses.association import Association
from unitscope.asking.pieces import Side
from unitscope.asking.units import Units
from unitscope.asking.work import Crew, Desk
from unitscope.fold.plan import Part
from unitscope.fold.resultset import ResultSet
from unitscope.fold.stage import Stage
from unitscope.fold.state import Packed, pack, unpack
from unitscope.progress import Progress
from unitscope.source.relabelled import Relabelled
from unitscope.source.source import digest


@dataclass(frozen=True)
class Best:
    """|r| of each label's best unit."""

    r: Float[np.ndarray, " label"]


@dataclass(frozen=True)
class Untrained:
    """One untrained network, read on the shared parts of both sides at once."""

    seed: int
    sequences: tuple[int, ...]
    confirms: tuple[bool, ...]
    """Of each sequence, whether it is of the side that confirms."""

    def key(self, desk: Desk) -> str:
        chosen = {site: units.tolist() for site, units in desk.source.chosen.items()}
        return digest(repr(self), desk.running.content(self.sequences), desk.columns.digest, str(chosen))

    def done(self, desk: Desk) -> Packed:
        columns, live = desk.columns, desk.running.untrained(self.seed)
        analysis = Association(of=columns.names, buckets=1, families=columns.families)
        source = Relabelled(Units(live, desk.source.chosen), columns.values)
        stage, r = Stage(source.sites, (analysis,)), []
        for confirms in (False, True):
            of_side = tuple(n for n, side in zip(self.sequences, self.confirms, strict=True) if side is confirms)
            states = stage.fold(source, Part(0, of_side), ResultSet(source.fingerprint), lambda _: None)
            r.append(np.concatenate([analysis.by_bucket(state)[0] for state in states.values()]))
        return pack(Best(best_elsewhere(*r)))


def untrained(
    crew: Crew, sides: Sequence[Side], networks: int, seed: int, progress: Progress
) -> Float[np.ndarray, "network label"]:
    """|r| of each label's best unit in each of some untrained networks."""
    here, there = sides
    sequences = tuple(sorted({*here.shared, *there.shared}))
    confirming = set(there.shared)
    confirms = tuple(number in confirming for number in sequences)
    done = 0

    def tell(_: int) -> None:
        nonlocal done
        done += 1
        progress("untrained networks", done, networks)

    tasks = [Untrained(seed + number, sequences, confirms) for number in range(networks)]
    return np.stack([unpack(Best, packed).r for packed in crew.each(tasks, tell)])


def best_elsewhere(
    here: Float[np.ndarray, "unit label"], there: Float[np.ndarray, "unit label"]
) -> Float[np.ndarray, " label"]:
    """For each label |r| on one side of the unit that is best on the other; NaN where no unit varies."""
    best = np.where(np.isnan(here), -1.0, np.abs(here)).argmax(0)
    columns = np.arange(here.shape[1])
    found: np.ndarray = np.where(np.isnan(here[best, columns]), np.nan, np.abs(there[best, columns]))
    return found
