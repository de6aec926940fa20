"""Layers below an edit are computed once, in any module.

While a model runs intact, the output of every module that has ended before the edited one begins is kept: nothing that
follows from the edit can be in it. In the runs under edits these modules give what they gave, and only the rest is
computed: what lies above, and what stands between modules in a ``forward``. Whether that gives the intact output again
is tried first, since a module may change its inputs in place or leave something behind; where it does not, everything
runs every time.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unitscope.corpus.batch import Batch
from unitscope.models.calling import rows_of
from unitscope.models.edit import Bound
from unitscope.models.intercept import replaced
from unitscope.models.model import Model
from unitscope.models.module import ModuleModel
from unitscope.models.predictions import LOG_PROB, LOSS

Run = Callable[[Sequence[Bound]], dict[str, Tensor]]
"""What the model gives for the batch under some edits."""
ROOM = 1 << 30
"""Bytes of outputs that are kept."""
FEW = 32
"""Steps on which it is seen whether anything lies below."""


@contextmanager
def above(
    model: Model, batch: Batch, site: str, read: Sequence[str], begin: Callable[[], None] = lambda: None
) -> Iterator[Run]:
    """While open, runs of the batch under edits of one site compute what follows from them, and no more.

    ``begin`` is called before each run.
    """

    def run(edits: Sequence[Bound] = ()) -> dict[str, Tensor]:
        begin()
        return model.run(batch, read, edits)

    edited = _edited(model.module, site) if isinstance(model, ModuleModel) else None
    if edited is None or not isinstance(model, ModuleModel) or not set(read) <= {LOSS, LOG_PROB}:
        yield run
        return
    with _noting(model.module, edited) as notes:
        model.run(_beginning(batch), read)
    if not notes.kept():
        yield run
        return
    with _noting(model.module, edited) as notes:
        intact = run()
    kept = notes.kept()
    with _giving(model.module, kept) as calls:

        def given(edits: Sequence[Bound] = ()) -> dict[str, Tensor]:
            calls.update(dict.fromkeys(kept, 0))
            return run(edits)

        again = given()
        if all(torch.equal(intact[name], again[name]) for name in read):
            yield given
            return
    yield run


def _beginning(batch: Batch) -> Batch:
    """The first steps of one row: enough to see whether anything lies below, which is all there is to know first."""
    length = min(FEW, int(batch.lengths[0]))
    row = rows_of(batch, torch.zeros(1, dtype=torch.long, device=batch.tokens.device), length)
    return replace(row, context=row.context.clamp(max=length), lengths=row.lengths.clamp(max=length))


def _edited(module: nn.Module, site: str) -> nn.Module | None:
    """The innermost module that a site names; None for the whole, below which nothing lies."""
    paths = {path: child for path, child in module.named_modules() if path}
    parts = site.split(".")
    names = (".".join(parts[:count]).partition("#")[0] for count in range(len(parts), 0, -1))
    return next((paths[name] for name in names if name in paths), None)


@dataclass
class _Notes:
    """Modules that ended before the edited module began."""

    begun: bool = False
    size: int = 0
    outputs: list[tuple[str, Any]] = field(default_factory=list)

    def kept(self) -> dict[str, list[Any]]:
        """By path, the outputs call by call of the outermost modules: what is inside one of them need not run."""
        paths = {path for path, _ in self.outputs}
        found: dict[str, list[Any]] = {}
        for path, output in self.outputs:
            if not any(path.startswith(f"{other}.") for other in paths):
                found.setdefault(path, []).append(output)
        return found if self.begun and self.size <= ROOM else {}


@contextmanager
def _noting(module: nn.Module, edited: nn.Module) -> Iterator[_Notes]:
    """Notes the outputs of modules until the edited one begins for the first time."""
    notes = _Notes()

    def starts(*_: Any) -> None:
        notes.begun = True

    def ends(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(_: nn.Module, __: Any, output: Any) -> None:
            if not notes.begun and notes.size <= ROOM:
                copied, size = _copied(output)
                notes.outputs.append((path, copied))
                notes.size += size

        return note

    with ExitStack() as hooks:
        hooks.callback(edited.register_forward_pre_hook(starts).remove)
        for path, child in module.named_modules():
            if path and not any(one is edited for one in child.modules()):
                hooks.callback(child.register_forward_hook(ends(path)).remove)
        yield notes


@contextmanager
def _giving(module: nn.Module, kept: dict[str, list[Any]]) -> Iterator[dict[str, int]]:
    """Modules give what they gave in their first calls, and after these run as ever; yields the calls so far."""
    calls = dict.fromkeys(kept, 0)

    def stand_in(path: str, forward: Callable[..., Any]) -> Callable[..., Any]:
        def give(*args: Any, **named: Any) -> Any:
            calls[path] += 1
            outputs = kept[path]
            return _copied(outputs[calls[path] - 1])[0] if calls[path] <= len(outputs) else forward(*args, **named)

        return give

    with ExitStack() as opened:
        for path in kept:
            child = module.get_submodule(path)
            opened.enter_context(replaced(child, stand_in(path, child.forward)))
        yield calls


def _copied(value: Any) -> tuple[Any, int]:
    """A copy, which what follows may change in place, and its bytes."""
    if isinstance(value, Tensor):
        return value.clone(), value.numel() * value.element_size()
    if isinstance(value, PackedSequence):
        return value._replace(data=value.data.clone()), value.data.numel() * value.data.element_size()
    if isinstance(value, list | tuple):
        parts = [_copied(one) for one in value]
        copies = [part for part, _ in parts]
        made = type(value)(*copies) if hasattr(value, "_fields") else type(value)(copies)
        return made, sum(size for _, size in parts)
    if isinstance(value, dict):
        named = {name: _copied(one) for name, one in value.items()}
        plain = {name: part for name, (part, _) in named.items()}
        return plain if type(value) is dict else type(value)(**plain), sum(size for _, size in named.values())
    return value, 0
