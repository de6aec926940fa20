"""Damage as a stream of its own: what each prediction costs more without each unit.

A source like any other, so that every analysis can read it: ``importance`` its means, ``association`` which label the
damage follows, ``examples`` the tokens where the unit is missed most.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.corpus.batch import Batch
from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.interventions.engines import runs
from unitscope.models.bind import bind, check_edits
from unitscope.models.edit import Edit, Resampled, Scaled, Steps, Where
from unitscope.models.model import Model
from unitscope.models.site import Site, choose
from unitscope.source.live import Live, Running
from unitscope.source.source import ALL, BATCH

LOSS, LOG_PROB = "output.loss", "output.log_prob"
MEASURES: Mapping[str, str] = {"loss": LOSS, "error": LOG_PROB, "deviation": LOSS}
"""Nats or squared error; 1 where the most probable symbol is wrong; absolute error of a forecast."""


@dataclass(frozen=True, eq=False, repr=False)
class Ablated(Running):
    """A source whose value for a token and a unit is how much worse the token is predicted without the unit.

    ``values`` are what becomes of the units: one constant for each (its mean over these sequences if not given, as
    everywhere else), factors, or what they are in other sequences; ``where`` is where. One pass over the sequences runs
    the model once intact and once for each unit.
    Raises ``InputError`` for a site or label that does not exist, a measure that the model does not have, values of
    another number than the site has units, and a window outside the sequences.
    """

    model: Model = field()
    corpus: Corpus = field()
    site: str = field()
    measure: str = "loss"
    values: Sequence[float] | Scaled | Resampled | None = None
    where: Steps | Where | None = None
    sequences: Sequence[int] = ALL
    batch_size: int = BATCH

    def __post_init__(self) -> None:
        (site,) = choose(self.model.sites(), [self.site])
        if self.measure not in MEASURES:
            raise InputError(f"no damage is called {self.measure!r}; there are: {', '.join(MEASURES)}")
        known = {known.name for known in self.model.sites()}
        forecasts = LOG_PROB not in known
        if MEASURES[self.measure] not in known or (self.measure == "deviation") > forecasts:
            raise InputError(f"{self.model.name} has no {self.measure} to read")
        given = self.values.factors if isinstance(self.values, Scaled) else self.values
        if isinstance(given, Sequence) and len(given) != site.units:
            raise InputError(f"{self.site} has {site.units} units but {len(given)} values were given")
        if self.sequences is ALL:
            object.__setattr__(self, "sequences", range(len(self.corpus)))
        if len(self.sequences):
            # What cannot be done is refused before means are taken.
            tried = [0.0] * site.units if self.values is None else self.values
            check_edits([self._becoming(tried)], self.model, self.corpus, self.sequences)

    @property
    def edit(self) -> Edit:
        """New values of all units together; one run edits some of them."""
        return self._becoming(self._means if self.values is None else self.values)

    def _becoming(self, values: Sequence[float] | Scaled | Resampled) -> Edit:
        units = tuple(range(self.sites[0].units))
        if isinstance(values, Scaled | Resampled):
            return Edit(self.site, units, values, self.where)
        return Edit(self.site, units, tuple(float(value) for value in values), self.where)

    @cached_property
    def _means(self) -> Sequence[float]:
        """Mean of every unit over the sequences."""
        intact = Live(self.model, self.corpus, self.batch_size, sequences=self.sequences)
        moments = analyze(intact, [Moments()], [self.sites[0].name])[self.sites[0].name, Moments().key]
        assert isinstance(moments, MomentsResult)
        return [float(value) for value in moments.mean]

    @property
    def name(self) -> str:
        return f"{self.measure} of {self.model.name} on {self.corpus.name} without each of {self.site}"

    def _content(self) -> Sequence[str]:
        return [self.measure, repr(self.edit)]

    @property
    def sites(self) -> tuple[Site, ...]:
        """The site whose units are ablated; its values are damages and have no bounds."""
        (site,) = choose(self.model.sites(), [self.site])
        return (Site(site.name, site.units, kind=site.kind),)

    @property
    def annotations(self) -> tuple[str, ...]:
        return (*super().annotations, self._known)

    @property
    def _known(self) -> str:
        """The label of tokens that have a target."""
        return f"has-{self.measure}"

    def read(self, batch: Batch, sites: Sequence[str]) -> Mapping[str, Tensor]:
        (site,) = [self.site_named(name) for name in sites]
        return {site.name: torch.stack(list(self.damages(batch, [(unit,) for unit in range(site.units)])), 2)}

    def damages(self, batch: Batch, sets: Sequence[Sequence[int]]) -> Iterator[Float[Tensor, "batch time"]]:
        """Rise of each prediction's loss with each set of units edited; 0 where nothing is predicted."""
        read = [MEASURES[self.measure]]
        intact = self._cost(self.model.run(batch, read), batch)
        (every,) = bind([self.edit], self.model, batch, self.corpus)
        for values in runs(self.model, batch, [every.only(units) for units in sets], read):
            yield self._cost(values, batch) - intact

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        if name != self._known:
            return super().labels(name, sequence)
        batch = self.corpus.batch([sequence])
        return batch.has_target[batch.counted].float()

    def describe(self) -> dict[str, str]:
        match self.values:
            case None:
                becomes = "held at its mean"
            case Scaled() | Resampled() as rule:
                becomes = repr(rule)
            case constants:
                becomes = "held at zero" if not any(constants) else "held at a given value"
        return {**super().describe(), "ablated": self.site, "each unit": becomes, "measure": self.measure}

    def _cost(self, values: dict[str, Tensor], batch: Batch) -> Float[Tensor, "batch time"]:
        if self.measure == "error":
            wrong = values[LOG_PROB].argmax(2) != batch.targets
            return (wrong & batch.has_target).float()
        loss = torch.where(batch.has_target, values[LOSS][..., 0], 0.0)
        return loss.sqrt() if self.measure == "deviation" else loss
