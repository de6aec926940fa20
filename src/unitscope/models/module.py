"""Any ``torch.nn.Module``, unmodified, as a model whose units can be read."""

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.corpus.batch import Batch
from unitscope.errors import InputError
from unitscope.models.bind import bind, check_units
from unitscope.models.edit import Bound, Edit
from unitscope.models.hooks import discover
from unitscope.models.reader import Extra, Reader, readers
from unitscope.models.site import Site

Call = Callable[[nn.Module, Batch], Any]
"""Runs a module on a batch and returns its output."""

Logits = Callable[[Any], Tensor | None]
"""Finds the logits ``[batch time symbol]`` in a module's output, or None where it predicts nothing."""

Values = Callable[[Any], Tensor]
"""Finds the predicted values ``[batch time]`` in the output of a module that forecasts a series."""

_LOSS, _LOG_PROB = "output.loss", "output.log_prob"


def _on_tokens(module: nn.Module, batch: Batch) -> Any:
    return module(batch.tokens)


def _first_tensor(output: Any) -> Tensor | None:
    first = output[0] if isinstance(output, tuple | list) else output
    return first if isinstance(first, Tensor) else None


class ModuleModel:
    """A module, with sites ``path.layer.stream`` for each stock recurrent layer anywhere inside.

    ``hooked`` are glob patterns of further sites: ``path.output`` and ``path.input`` of any module inside whose
    values are ``[batch time unit]`` in some order, or ``[batch unit]`` in each step of a loop. By default these are
    all outputs where there is no stock recurrent layer, and none where there is. Inputs are sites only where a
    pattern's last part says ``input``. A second call of one module is
    ``path#2.output``; further tensors of one call are ``path.output_2``. ``aliases`` are other names, by site.
    Axes that are found wrongly, or not at all, are told with ``layouts``, by glob pattern of the site: their names in
    their order, ``"batch head time unit"``, or ``"time*batch unit"`` where all steps lie end to end (``axes.py``).

    ``call`` runs the module on a batch (default: ``module(batch.tokens)``). ``logits`` finds next-token
    logits in its output (default: the output, or its first tensor); return None from it for a module
    that predicts no tokens. A module that reads series instead of token numbers has so many ``channels``;
    one that forecasts has ``values``, which finds what it forecasts, and its loss is the squared error.
    ``fresh`` makes the module anew with random weights, for the untrained twin. ``extras`` read what is no module's
    output: attention patterns, the latents of a sparse autoencoder.

    The module always runs in evaluation mode, without gradients and uncompiled, and is afterwards as it was. Sequences
    of different length run apart where a layer reads backwards, so that padding never leaks; a
    ``call`` of one's own has to see to that itself, for example by packing with ``batch.lengths``.

    Two sites stand for the prediction of symbols. ``output.loss`` is the loss of the target in nats, 0 at steps
    without a target (``batch.targets`` is −1 there). ``output.log_prob`` is the logarithm of each
    symbol's probability.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str | None = None,
        call: Call | None = None,
        logits: Logits | None = None,
        values: Values | None = None,
        channels: int | None = None,
        hooked: Sequence[str] | None = None,
        aliases: Mapping[str, str] | None = None,
        layouts: Mapping[str, str] | None = None,
        fresh: Callable[[], nn.Module] | None = None,
        extras: Sequence[Extra] = (),
    ) -> None:
        module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
        self._module = module
        self._name = name or type(module).__name__
        self._call = call
        self._logits = logits
        self._values = values
        self._channels = channels
        self._stock: dict[str, Reader] = readers(module)
        chosen = tuple(hooked) if hooked is not None else () if self._stock else ("*",)
        self._hooked = tuple(dict.fromkeys((*chosen, *(layouts or {}))))
        self._aliases = dict(aliases or {})
        self._layouts = dict(layouts or {})
        self._fresh = fresh
        self._extras = tuple(extras)

    @property
    def name(self) -> str:
        return self._name

    @property
    def module(self) -> nn.Module:
        """The module itself."""
        return self._module

    @property
    def device(self) -> torch.device:
        return next(self._module.parameters()).device

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the classes, their settings, every weight and told layout, taken when asked for."""
        digest = hashlib.sha256()
        for path, child in self._module.named_modules():
            settings = {name: getattr(child, name, None) for name in getattr(child, "__constants__", ())}
            digest.update(f"{path} {type(child).__qualname__} {child.extra_repr()} {settings}\n".encode())
        for name, weight in self._module.state_dict().items():
            digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
            digest.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        for extra in self._extras:
            digest.update(extra.fingerprint.encode())
        for pattern, layout in self._layouts.items():  # the same weights, read in another order
            digest.update(f"{pattern} {layout}\n".encode())
        return digest.hexdigest()

    def sites(self) -> tuple[Site, ...]:
        return self._sites

    @cached_property
    def _readers(self) -> tuple[Reader, ...]:
        found: list[Reader] = list(self._stock.values())
        if self._hooked:
            found += discover(self._module, self._hooked, tuple(self._stock), self._dry_run, self._layouts)
        for extra in self._extras:
            found += extra.readers(self._module, self._aliases, self._dry_run)
        return tuple(found)

    @cached_property
    def _sites(self) -> tuple[Site, ...]:
        inside = tuple(
            replace(site, alias=self._aliases.get(site.name, site.alias))
            for reader in self._readers
            for site in reader.sites()
        )
        if self._values is not None:
            return (*inside, Site(_LOSS, 1, low=0.0, kind="prediction"))
        symbols = self._symbols()
        if symbols is None:
            return inside
        return (
            *inside,
            Site(_LOSS, 1, low=0.0, kind="prediction"),
            Site(_LOG_PROB, symbols, high=0.0, kind="prediction"),
        )

    def _symbols(self) -> int | None:
        """How many symbols the module predicts, from a run on two tokens; None if it predicts none."""
        logits = (self._logits or _first_tensor)(self._dry_run(1, 2))
        predicts = logits is not None and logits.is_floating_point() and logits.shape[:-1] == (1, 2)
        return logits.shape[-1] if predicts and logits is not None else None

    def _dry_run(self, sequences: int, steps: int) -> Any:
        """The output for a batch of zeros."""
        targets = torch.zeros(sequences, steps, dtype=torch.long, device=self.device)
        none = torch.zeros(sequences, dtype=torch.long, device=self.device)
        tokens = targets
        if self._channels is not None:
            precision = next(self._module.parameters()).dtype
            tokens = torch.zeros(sequences, steps, self._channels, dtype=precision, device=self.device)
        batch = Batch(tokens=tokens, targets=targets, context=none, lengths=none + steps, sequence=none)
        try:
            with torch.inference_mode(), _evaluating(self._module):
                return (self._call or _on_tokens)(self._module, batch)
        except Exception as error:  # whatever a foreign module raises, it means the same
            raise InputError(
                f"{self._name} does not run on a batch of "
                f"{'token numbers' if self._channels is None else f'series of {self._channels} channels'}; "
                "give ModuleModel a call=lambda module, batch: … that runs it, or channels= if it reads series "
                f"({error})"
            ) from error

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[Edit | Bound] = ()) -> dict[str, Tensor]:
        """Activations of the named sites, each ``[batch time unit]``; reading never changes the outputs.

        Units held at constants everywhere have them in the initial state too. Values at padding steps
        are unspecified. Raises ``InputError`` for a site or unit that does not exist, and for edits that need
        labels or other sequences, which ``Live`` finds.
        """
        self._check(read)
        check_units(edits, self.sites())
        bound = bind(edits, self, batch)
        lengths = batch.lengths.tolist()
        with torch.inference_mode(), _evaluating(self._module):
            if self._call is not None or len(set(lengths)) == 1 or not any(r.reads_ahead for r in self._readers):
                return self._run(batch, read, bound)
            whole: dict[str, Tensor] = {}
            for length in sorted(set(lengths)):
                rows = torch.nonzero(batch.lengths == length).squeeze(1)
                some = [edit.at((rows, slice(length))) for edit in bound]
                for name, values in self._run(_rows(batch, rows, length), read, some).items():
                    if name not in whole:
                        whole[name] = values.new_zeros(*batch.tokens.shape[:2], values.shape[2])
                    whole[name][rows, :length] = values
            return {name: whole[name] for name in read}

    def loss(self, batch: Batch) -> Float[Tensor, "batch time"]:
        """The loss at each step with the graph that gradients need; what ``run`` reads as ``output.loss``.

        Raises ``InputError`` for a module that predicts nothing.
        """
        self._check([_LOSS])
        with _evaluating(self._module), torch.backends.cudnn.flags(enabled=False):  # cuDNN has no gradients here
            output = (self._call or _on_tokens)(self._module, batch)
            return self._predictions(output, batch)[_LOSS][..., 0]

    def untrained(self, seed: int) -> "ModuleModel":
        """A twin with fresh weights; the global generator stays as it is.

        The weights are those of ``fresh``, or else come from each submodule's ``reset_parameters``.
        A module's own ``reset_parameters`` runs after those of the modules inside it. Raises
        ``InputError`` if a weight belongs to a module without one.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            twin = self._fresh() if self._fresh else self._reset()
        return self._around(twin.to(self.device), f"{self._name} (untrained, seed {seed})", self._extras, self._layouts)

    def with_extras(self, *extras: Extra) -> "ModuleModel":
        """The same model, of which more can be read."""
        return self._around(self._module, self._name, (*self._extras, *extras), self._layouts)

    def with_layouts(self, layouts: Mapping[str, str]) -> "ModuleModel":
        """The same model, in which what matches a pattern is read too, with the axes in the order of its layout."""
        before = {pattern: layout for pattern, layout in self._layouts.items() if pattern not in layouts}
        return self._around(self._module, self._name, self._extras, {**layouts, **before})

    def _around(
        self, module: nn.Module, name: str, extras: Sequence[Extra], layouts: Mapping[str, str]
    ) -> "ModuleModel":
        return ModuleModel(
            module,
            name=name,
            call=self._call,
            logits=self._logits,
            values=self._values,
            channels=self._channels,
            hooked=self._hooked,
            aliases=self._aliases,
            layouts=layouts,
            fresh=self._fresh,
            extras=extras,
        )

    def _reset(self) -> nn.Module:
        """A copy in which every submodule has drawn its weights again."""
        twin = copy.deepcopy(self._module).cpu()
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
                f"an untrained twin of {self._name} would keep the trained {', '.join(kept)}; "
                "give the module that owns them a reset_parameters()"
            )
        return twin

    def describe(self) -> dict[str, str]:
        """Name, layers and size."""
        layers = [
            f"{path}: {child}" if path else str(child)
            for path, child in self._module.named_modules()
            if not list(child.children())
        ]
        if len(layers) > 12:  # a deep model's layers repeat; the fingerprint has them all
            layers = [*layers[:6], f"… {len(layers) - 9} more …", *layers[-3:]]
        return {
            "model": self._name,
            "class": type(self._module).__qualname__,
            "layers": "; ".join(layers),
            "parameters": f"{sum(weight.numel() for weight in self._module.parameters()):,}",
            "precision": str(next(self._module.parameters()).dtype).removeprefix("torch."),
            "weights": self.fingerprint[:16],
        }

    def _run(self, batch: Batch, read: Sequence[str], edits: Sequence[Bound]) -> dict[str, Tensor]:
        streams: dict[str, list[Tensor]] = {name: [] for name in read if name not in (_LOSS, _LOG_PROB)}
        with ExitStack() as open_readings:
            for reader in self._readers:
                open_readings.enter_context(reader.reading(streams, edits))
            output = (self._call or _on_tokens)(self._module, batch)
        values = {name: _joined(name, parts, batch) for name, parts in streams.items()}
        if _LOSS in read or _LOG_PROB in read:
            values |= self._predictions(output, batch)
        return {name: values[name] for name in read}

    def _predictions(self, output: Any, batch: Batch) -> dict[str, Tensor]:
        if self._values is not None:
            return _forecasts(self._values(output), batch)
        logits = (self._logits or _first_tensor)(output)
        assert logits is not None
        return _predictions(logits, batch)

    def _check(self, read: Sequence[str]) -> None:
        known = [site.name for site in self.sites()]
        for name in read:
            if name not in known:
                raise InputError(f"{self._name} has no site {name!r}; there are: {', '.join(known)}")


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode in every submodule, and afterwards each one's own mode again.

    Compiled code does not see hooks that come later, so what is compiled runs as it was written.
    """
    training = [child for child in module.modules() if child.training]
    compiled = any(hasattr(c, "_orig_mod") or c._compiled_call_impl is not None for c in module.modules())
    for child in training:
        child.training = False
    try:
        with torch.compiler.set_stance("force_eager") if compiled else nullcontext():
            yield
    finally:
        for child in training:
            child.training = True


def _rows(batch: Batch, rows: Tensor, length: int) -> Batch:
    """Some rows of a batch, cut to a length."""
    return Batch(
        tokens=batch.tokens[rows, :length],
        targets=batch.targets[rows, :length],
        context=batch.context[rows],
        lengths=batch.lengths[rows],
        sequence=batch.sequence[rows],
    )


def _joined(name: str, parts: list[Tensor], batch: Batch) -> Float[Tensor, "batch time unit"]:
    """The values of all calls of a layer, one after the other, as long as the batch."""
    if not parts:
        raise InputError(f"{name} cannot be read: the module never ran that layer")
    values = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
    sequences, steps = batch.tokens.shape[:2]
    if values.shape[:2] == (1, sequences * steps):  # a module that is given all steps end to end
        values = values.view(sequences, steps, -1)
    elif values.shape[:2] == (steps * sequences, 1):  # or end to end step by step
        values = values.view(steps, sequences, -1).transpose(0, 1)
    if values.shape[0] != sequences or not int(batch.lengths.max()) <= values.shape[1] <= steps:
        raise InputError(
            f"{name} has {values.shape[1]} steps of {values.shape[0]} sequences where the batch has {steps} of "
            f"{sequences}; only layers that read one step per token can be recorded (check batch_first, or tell "
            "the layout)"
        )
    return F.pad(values, (0, 0, 0, steps - values.shape[1])) if values.shape[1] < steps else values


def _forecasts(values: Tensor, batch: Batch) -> dict[str, Tensor]:
    """The squared error, 0 at steps without a target."""
    if values.shape != batch.targets.shape or not batch.targets.is_floating_point():
        raise InputError(
            f"the model forecasts values of shape {tuple(values.shape)} where the corpus has targets of shape "
            f"{tuple(batch.targets.shape)} ({batch.targets.dtype}); a forecast is one value for each step"
        )
    error = torch.where(batch.has_target, values - batch.targets, 0.0)
    return {_LOSS: error.square().unsqueeze(2)}


def _predictions(logits: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Loss and logarithms of the probabilities, at least in float32."""
    if int(batch.targets.max()) >= logits.shape[-1]:
        raise InputError(
            f"the batch has a target {int(batch.targets.max())} but the model predicts {logits.shape[-1]} symbols; "
            "model and corpus need the same vocabulary"
        )
    wide = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    log_prob = F.log_softmax(wide, dim=-1)
    loss = F.nll_loss(log_prob.flatten(0, 1), batch.targets.flatten(), ignore_index=-1, reduction="none")
    return {_LOG_PROB: log_prob, _LOSS: loss.view(*batch.targets.shape, 1)}
