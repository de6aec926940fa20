"""Many analyses in one pass over a source: plan, fold, merge, compute."""

from collections.abc import Iterable, Sequence
from typing import Any

from unitscope.fold.analysis import Analysis, parse, standard
from unitscope.fold.plan import WORK, plan
from unitscope.fold.resultset import ResultSet
from unitscope.fold.stage import States, Tree, stages
from unitscope.models.site import choose
from unitscope.progress import Progress, silent
from unitscope.source.source import Source


def analyze(
    source: Source,
    analyses: Sequence[Analysis[Any] | str] | None = None,
    sites: Iterable[str] = ("*",),
    progress: Progress = silent,
    work: int = WORK,
) -> ResultSet:
    """Fold every analysis (all that ask no question, if none is given) over every chosen site; return all results.

    An analysis is an object, or as on the command line: ``"histogram:bins=64"``. Analyses of one depth of ``needs``
    share one read of the source. ``sites`` are glob patterns. An analysis that does not apply to a site has no result
    there. ``work`` is how much is folded at once before it is merged: values, tokens times units.
    Raises ``InputError`` for a pattern without a site, an empty source, or activations that are not finite.
    """
    chosen = choose(source.sites, sites)
    wanted = standard() if analyses is None else [parse(a) if isinstance(a, str) else a for a in analyses]
    parts = plan(source, chosen, work)
    levels = stages(chosen, wanted)
    total = len(levels) * sum(len(part.sequences) for part in parts)
    results = ResultSet(source.fingerprint)
    done = 0

    def tell(sequences: int) -> None:
        nonlocal done
        done += sequences
        progress("analysing", done, total)

    for stage in levels:
        tree = Tree[States](stage.merge)
        for part in parts:
            tree.add(stage.fold(source, part, results, tell))
        stage.compute(tree.whole(), results)
    return results
