"""Many analyses in one pass over a source: plan, fold, merge, compute."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from unitscope.fold.analysis import Analysis, parse, standard
from unitscope.fold.drive import Driver, Processes, folded, share
from unitscope.fold.plan import WORK, plan
from unitscope.fold.resultset import ResultSet
from unitscope.fold.stage import stages
from unitscope.fold.store import Store
from unitscope.models.site import choose
from unitscope.progress import Progress, silent
from unitscope.source.source import Source


def analyze(
    source: Source,
    analyses: Sequence[Analysis[Any] | str] | None = None,
    sites: Iterable[str] = ("*",),
    progress: Progress = silent,
    work: int = WORK,
    workers: int | Driver = 1,
    store: Store | str | None = None,
) -> ResultSet:
    """Fold every analysis (all that ask no question, if none is given) over every chosen site; return all results.

    An analysis is an object, or as on the command line: ``"histogram:bins=64"``. Analyses of one depth of ``needs``
    share one read of the source. ``sites`` are glob patterns. An analysis that does not apply to a site has no result
    there. ``work`` is how much is folded at once before it is merged: values, tokens times units.
    With ``workers`` that many processes fold, with one thread each, or whatever a driver such as ``Ray`` starts; the
    source must be one that others can open: a recording, or a model and a text that were opened by name. A ``store``,
    a folder or an address such as ``s3://bucket/states``, keeps what was folded: a run that was stopped goes on there,
    and a corpus that grew is read from where it grew. The result has the same bytes in each of these ways.
    Raises ``InputError`` for a pattern without a site, an empty source, or activations that are not finite.
    """
    chosen = choose(source.sites, sites)
    wanted = standard() if analyses is None else [parse(a) if isinstance(a, str) else a for a in analyses]
    parts = plan(source, chosen, work)
    levels = stages(chosen, wanted)
    total = len(levels) * sum(len(part.sequences) for part in parts)
    results = ResultSet(source.fingerprint)
    driver = (Processes(workers) if workers != 1 else None) if isinstance(workers, int) else workers
    done = 0

    def tell(sequences: int) -> None:
        nonlocal done
        done += sequences
        progress("analysing", done, total)

    for stage in levels:
        with _kept(store, driver) as kept:
            states = folded(stage, source, parts, results, tell, driver, kept)
        stage.compute(states, results)
    return results


def fold_share(
    source: Source,
    analyses: Sequence[Analysis[Any]],
    sites: Iterable[str],
    store: Store,
    number: int,
    of: int,
    progress: Progress = silent,
) -> tuple[int, int, int]:
    """Fold the parts of task ``number`` (from 0) of ``of`` into the store, of the first stage that is not all there.

    Returns the parts of that stage that are still missing, its number (from 1), and how many stages there are: a stage
    can only begin when the one before is whole. Raises ``InputError`` as ``analyze`` does.
    """
    chosen = choose(source.sites, sites)
    parts = plan(source, chosen)
    levels = stages(chosen, analyses)
    results = ResultSet(source.fingerprint)
    left = 0
    for place, stage in enumerate(levels, 1):
        whole = all(stage.key(source, part, results) in store for part in parts)
        left = 0 if whole else share(stage, source, parts, results, store, number, of, progress)
        if not whole or place == len(levels):
            return left, place, len(levels)
        stage.compute(folded(stage, source, parts, results, lambda _: None, None, store), results)
    return left, len(levels), len(levels)


@contextmanager
def _kept(store: Store | str | None, driver: Driver | None) -> Iterator[Store | None]:
    """Where states are kept: as it was said, or for workers where nobody said, for as long as they need it."""
    if store is not None or driver is None:
        yield Store(store) if isinstance(store, str) else store
        return
    with tempfile.TemporaryDirectory(prefix="unitscope-states-") as folder:
        yield Store(folder)
