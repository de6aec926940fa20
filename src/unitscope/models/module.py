"""Any ``torch.nn.Module``, unmodified, as a model whose units can be read."""

import copy
import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models import digest, predictions
from unitscope.models.attention import plain_attention
from unitscope.models.bind import bind, check_units
from unitscope.models.calling import Call, Calling, evaluating
from unitscope.models.check.check import Check, SiteCheck
from unitscope.models.check.experiment import Experiment
from unitscope.models.check.meaning import meaning, runs_on
from unitscope.models.check.memory import remembered
from unitscope.models.check.remains import Remains
from unitscope.models.checked import Checked
from unitscope.models.closed import closed
from unitscope.models.description import described
from unitscope.models.edit import Bound, Edit
from unitscope.models.hooks import discover
from unitscope.models.predictions import LOG_PROB, LOSS, OUTPUT
from unitscope.models.raw import Raw
from unitscope.models.reader import Extra, Reader, readers
from unitscope.models.rounds import Rounded, Rounds
from unitscope.models.site import Site, named
from unitscope.models.survey import Survey, survey

Logits = Callable[[Any], Tensor | None]
"""Finds the logits ``[batch time symbol]`` in a module's output, or None where it predicts nothing."""

Values = Callable[[Any], Tensor]
"""Finds the predicted values ``[batch time]`` in the output of a module that forecasts a series."""


def check(model: "ModuleModel | nn.Module") -> Check:
    """Check a model, or a bare module, by running it; print the result, or look at its ``views()``.

    Raises ``InputError`` for a module whose values cannot be read rightly, and says why.
    """
    return (model if isinstance(model, ModuleModel) else ModuleModel(model)).checked


class ModuleModel:
    """A module, with sites ``path.layer.stream`` for each stock recurrent layer anywhere inside.

    ``hooked`` are glob patterns of further sites: ``path.output`` and ``path.input`` of any module inside whose
    values are ``[batch time unit]`` in some order, or ``[batch unit]`` in each step of a loop. By default these are
    all outputs where there is no stock recurrent layer, and none where there is. Inputs are sites only where a
    pattern's last part says ``input``. A second call of one module is
    ``path#2.output``; further tensors of one call are ``path.output_2``. ``aliases`` are other names, by site.
    Axes that are found wrongly, or not at all, are told with ``layouts``, by glob pattern of the site: their names in
    their order, ``"batch head time unit"``, or ``"time*batch unit"`` where all steps lie end to end (``axes.py``).
    ``withheld`` are names under which somebody may look for a site that is not there, with the reason.

    ``call`` runs the module on a batch (default: ``module(batch.tokens)``). ``logits`` finds in its output what it
    predicts the targets with; return None from it for a module that predicts nothing. Without it the output's
    ``logits``, or the tensor in it that has a value of each symbol, is taken if it is found to predict the next token.
    A module that reads series
    instead of token numbers has so many ``channels``; one that forecasts has ``values``, which finds what it
    forecasts, and its loss is the squared error. ``classes`` are the names of what the logits are of, where these are
    no symbols that it reads, such as a tagger's; one logit says which of two it is.
    ``fresh`` makes the module anew with random weights, for the untrained baseline. ``extras`` read what is no module's
    output: attention patterns, the latents of a sparse autoencoder.

    The module always runs in evaluation mode, without gradients and uncompiled, and is afterwards as it was. At first
    use it is checked with a few small runs (``check/``): which row and step of a batch each value belongs to, which
    sequences can run together so that each reads as it would alone, and whether the output predicts the next token.
    ``checked`` says what was found; what cannot be read rightly is an ``InputError`` that says why. Without ``check``
    nothing is found out: sequences of different length run apart, and rows and steps are taken as they come.

    Two sites stand for the prediction of symbols. ``output.loss`` is the loss of the target in nats, 0 at steps
    without a target (``batch.targets`` is −1 there). ``output.log_prob`` is the logarithm of each
    symbol's or class's probability. They are there where the output is found to predict the next token, or ``logits``
    or ``classes`` are told.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str | None = None,
        call: Call | None = None,
        logits: Logits | None = None,
        values: Values | None = None,
        classes: Sequence[str] = (),
        channels: int | None = None,
        hooked: Sequence[str] | None = None,
        aliases: Mapping[str, str] | None = None,
        layouts: Mapping[str, str] | None = None,
        withheld: Mapping[str, str] | None = None,
        fresh: Callable[[], nn.Module] | None = None,
        extras: Sequence[Extra] = (),
        check: bool = True,
    ) -> None:
        module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
        self._calling = Calling(module, name or type(module).__name__, call, channels)
        self._logits = logits
        self._values = values
        self._classes = tuple(classes)
        self._hooked = None if hooked is None else tuple(hooked)
        self._aliases = dict(aliases or {})
        self._layouts = dict(layouts or {})
        self._withheld = dict(withheld or {})
        self._fresh = fresh
        self._extras = tuple(extras)
        self._check = check

    def __repr__(self) -> str:
        return f"<ModuleModel {self.name}: {type(self.module).__name__}>"

    @property
    def name(self) -> str:
        return self._calling.name

    @property
    def module(self) -> nn.Module:
        """The module itself."""
        return self._calling.module

    @property
    def device(self) -> torch.device:
        return self._calling.device

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the classes, their settings, every weight and told layout, taken when asked for."""
        parts = [digest.architecture_and_weights(self.module), *(extra.fingerprint for extra in self._extras)]
        parts += [
            f"{pattern} {layout}" for pattern, layout in self._layouts.items()
        ]  # the same weights in another order
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def checked(self) -> Check:
        """Findings from running the model, once for these weights, this code and this ``call``.

        Raises ``InputError`` for a module whose values cannot be read rightly.
        """
        if not self._check or self.device.type == "meta":  # where there are no numbers, nothing can be found out
            told = self._tells or self._seen.width == self._seen.vocabulary
            says = "Nothing was checked: rows and steps are taken as they come."
            whole = SiteCheck(OUTPUT)
            predicts = told and self._seen.width is not None
            return Check(self.name, "equal lengths", (), predicts, says, whole, left_out=dict(self._raw.left_out))
        return remembered(self._key, self._find_out)

    def sites(self) -> tuple[Site, ...]:
        return self._sites

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[Edit | Bound] = ()) -> dict[str, Tensor]:
        """Activations of the named sites, each ``[batch time unit]``; reading never changes the outputs.

        Units held at constants everywhere have them in the initial state too. Values at padding steps
        are unspecified. Raises ``InputError`` for a site or unit that does not exist, and for edits that need
        labels or other sequences, which ``Live`` finds.
        """
        self._known(read, [edit.site for edit in edits])
        check_units(edits, self.sites())
        self._reads(batch)
        bound = bind(edits, self, batch)
        predicts = LOSS in read or LOG_PROB in read
        inside = [name for name in read if name not in (LOSS, LOG_PROB)]
        with torch.inference_mode(), evaluating(self.module):
            values = self._reading.run(batch, inside, bound, predicts)
        if predicts:
            values |= self._predictions(values.pop(OUTPUT), batch, read)
        return {name: values[name] for name in read}

    def loss(self, batch: Batch) -> Float[Tensor, "batch time"]:
        """The loss at each step with the graph that gradients need; what ``run`` reads as ``output.loss``.

        Raises ``InputError`` for a module that predicts nothing.
        """
        self._known([LOSS])
        with evaluating(self.module), torch.backends.cudnn.flags(enabled=False):  # cuDNN has no gradients here
            output = self._reading.run(batch, (), (), True)[OUTPUT]
            return self._predictions(output, batch, [LOSS])[LOSS][..., 0]

    def untrained(self, seed: int) -> "ModuleModel":
        """A twin with fresh weights; the global generator stays as it is.

        The weights are those of ``fresh``, or else come from each submodule's ``reset_parameters``.
        A module's own ``reset_parameters`` runs after those of the modules inside it. Raises
        ``InputError`` if a weight belongs to a module without one.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            twin = self._fresh() if self._fresh else self._reset()
        return self._around(twin.to(self.device), name=f"{self.name} (untrained, seed {seed})")

    def with_extras(self, *extras: Extra) -> "ModuleModel":
        """The same model, of which more can be read."""
        return self._around(self.module, extras=(*self._extras, *extras))

    def with_layouts(self, layouts: Mapping[str, str]) -> "ModuleModel":
        """The same model, in which what matches a pattern is read too, with the axes in the order of its layout."""
        before = {pattern: layout for pattern, layout in self._layouts.items() if pattern not in layouts}
        return self._around(self.module, layouts={**layouts, **before})

    def describe(self) -> dict[str, str]:
        """Name, layers, size, and what was found out by running it."""
        own = described(self.module, self.name)
        return {**own, "weights": self.fingerprint[:16], "checked": " ".join(self.checked.sentences)}

    def _around(self, module: nn.Module, **other: Any) -> "ModuleModel":
        """The same settings, or others, around a module."""
        settings = {
            "name": self.name,
            "call": self._calling.call,
            "logits": self._logits,
            "values": self._values,
            "classes": self._classes,
            "channels": self._calling.channels,
            "hooked": self._hooked,
            "aliases": self._aliases,
            "layouts": self._layouts,
            "withheld": self._withheld,
            "fresh": self._fresh,
            "extras": self._extras,
            "check": self._check,
        }
        return ModuleModel(module, **{**settings, **other})

    def _reset(self) -> nn.Module:
        """A copy in which every submodule has drawn its weights again."""
        twin = copy.deepcopy(self.module).cpu()
        reset: set[Tensor] = set()
        for child in reversed(list(twin.modules())):
            # nn.MultiheadAttention and nn.Transformer keep theirs private.
            renew = getattr(child, "reset_parameters", None) or getattr(child, "_reset_parameters", None)
            if callable(renew):
                renew()
                reset.update(child.parameters())
        kept = [name for name, weight in twin.named_parameters() if weight not in reset]
        if kept:
            raise InputError(
                f"an untrained baseline of {self.name} would keep the trained {', '.join(kept)}; "
                "give the module that owns them a reset_parameters()"
            )
        return twin

    @property
    def _tells(self) -> bool:
        """Whether somebody says that the output predicts symbols or classes."""
        return self._logits is not None or bool(self._classes)

    @cached_property
    def _seen(self) -> Survey:
        remains = Remains(self.module)
        try:
            with torch.random.fork_rng(devices=[]), plain_attention(self.module):
                return survey(self._calling, self._values or self._logits)
        finally:
            remains.put_back()

    @cached_property
    def _raw(self) -> Raw:
        stock = readers(self.module)
        rounds = self._seen.rounds
        ran: dict[str, Any] = {
            path: reader.of_rounds(rounds.get(path) or Rounds()) if isinstance(reader, Rounded) else reader
            for path, reader in stock.items()
            if self._seen.few[path, "output"] and (path in rounds or not isinstance(reader, Rounded))
        }
        found: list[Reader] = list(ran.values())
        chosen = self._hooked if self._hooked is not None else () if ran else ("*",)
        left_out = {**self._withheld, **closed(self.module)}
        if patterns := tuple(dict.fromkeys((*chosen, *self._layouts))):
            found += discover(
                self.module, patterns, tuple(ran), self._seen, self._layouts, self._hooked is None, left_out
            )
        for extra in self._extras:
            found += extra.readers(self.module, self._aliases, self._seen)
        inside = tuple(
            named(site, self._aliases.get(site.name, site.alias)) for reader in found for site in reader.sites()
        )
        never = [path for path in stock if not self._seen.few[path, "output"]]
        idle = [site.name for path in never for site in stock[path].sites()]
        left_out |= {name: f"{name} cannot be read: the module never ran that layer" for name in idle}
        return Raw(self._calling, self._seen, tuple(found), inside, left_out)

    @cached_property
    def _reading(self) -> Checked:
        return Checked(self._raw, self.checked)

    @cached_property
    def _sites(self) -> tuple[Site, ...]:
        inside = tuple(site for site in self._raw.inside if site.name not in self.checked.left_out)
        if self._values is not None:
            return (*inside, predictions.forecast_site())
        width = self._seen.width
        if not self.checked.predicts or width is None:
            return inside
        return (*inside, *predictions.sites(width, self._classes))

    def _find_out(self) -> Check:
        with torch.random.fork_rng(devices=[]), torch.inference_mode(), evaluating(self.module):
            found = Experiment(self._raw).found()
        predicts, says = self._meaning(found.output)
        return Check(
            self.name,
            found.together,
            found.sites,
            predicts,
            says,
            found.output or SiteCheck(OUTPUT),
            found.writes,
            {**self._raw.left_out, **found.left_out},
            found.notes,
            found.forwards + 2,
        )

    def _meaning(self, output: SiteCheck | None) -> tuple[bool, str]:
        if self._values is not None:
            return True, "The output forecasts the next value, as values= says."
        if self._tells:
            found = self._seen.width is not None
            says = f"The output predicts, as {'classes=' if self._classes else 'logits='} says."
            return found, says if found else "The output predicts nothing."
        if self._calling.channels is not None:
            return False, "Nobody says what the output predicts; logits=, classes= or values= can."

        def accepts(token: int) -> bool:
            batch = self._calling.drawn([1], [token], torch.Generator())
            return runs_on(lambda: self._calling.tried(batch), self.device)

        return meaning(self.module, self._seen, self._seen.width, output, accepts)

    @property
    def _key(self) -> str:
        """Digest of everything that the findings can depend on."""
        config = getattr(self.module, "config", None)
        parts = [
            self.fingerprint,
            digest.settings(self.module),
            digest.code(*digest.own_classes(self.module), self._calling.call, self._logits, self._values),
            f"{self.device} {self._calling.precision} {self._calling.channels} {self._hooked} {self._aliases}",
            f"{len(self._classes)} classes",
            f"{getattr(config, '_attn_implementation', None)} {torch.__version__}",
            *(f"{name} {importlib.metadata.version(name)}" for name in ("unitscope", *digest.libraries(self.module))),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _predictions(self, output: Tensor, batch: Batch, read: Sequence[str]) -> dict[str, Tensor]:
        if self._values is not None:
            return predictions.forecasts(output, batch)
        return predictions.log_probs(output, batch, whole=LOG_PROB in read)

    def _reads(self, batch: Batch) -> None:
        """Raises ``InputError`` for a token that the module does not know; one that never occurs does no harm."""
        symbols = self._seen.vocabulary
        if symbols is None or batch.tokens.is_floating_point() or not batch.tokens.numel():
            return
        if (most := int(batch.tokens.max())) >= symbols:
            raise InputError(
                f"the batch has a token {most} and {self.name} reads {symbols} symbols, 0 to {symbols - 1}; its "
                "tokenizer or vocabulary belongs to another model"
            )

    def _known(self, read: Sequence[str], edited: Sequence[str] = ()) -> None:
        known = [site.name for site in self.sites()]
        for name in (*read, *edited):
            if reason := self.checked.left_out.get(name):
                raise InputError(reason)
        for name in read:
            if name not in known:
                raise InputError(f"{self.name} has no site {name!r}; there are: {', '.join(known)}")
