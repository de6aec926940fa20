"""Reading and editing the convolutions of a network whose time gets shorter from stage to stage.

A position of a stage that halved the time stands for several tokens. Its values are given at each of them, so that
every site has one row for each token and a mean over tokens is the mean over positions (but for a last position that
stands for fewer tokens than the others, which weighs as many as it has).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from unitscope.models.edit import Bound
from unitscope.models.site import Site


@runtime_checkable
class TellsStreams(Protocol):
    """A network that says itself which of its modules have units at places of the text."""

    def streams(self) -> Mapping[str, tuple[int, int]]:
        """By path the modules whose outputs are ``[batch time channel]``: channels, and tokens of a position."""
        ...

    def get_submodule(self, target: str) -> nn.Module: ...

    def register_forward_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle: ...


class ConvolutionReader:
    """The modules that a network names in ``streams()``.

    A site is ``PATH.output``. The network masks what stands after the end of a text, so its values do not hang on
    padding.
    """

    reads: ClassVar[tuple[type, ...]] = (TellsStreams,)

    def __init__(self, path: str, module: TellsStreams) -> None:
        self._prefix = f"{path}." if path else ""
        self._module = module
        self._streams = dict(module.streams())

    def sites(self) -> tuple[Site, ...]:
        return tuple(Site(self._site(path), channels) for path, (channels, _) in self._streams.items())

    @contextmanager
    def reading(self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound], steps: int) -> Iterator[None]:
        """While open, each call adds the values of the wanted sites, ``[batch time unit]``, to the lists."""
        own_steps = [0]

        def measure(_module: nn.Module, args: tuple[Any, ...]) -> None:
            own_steps[0] = args[0].shape[1]

        with ExitStack() as hooks:
            hooks.callback(self._module.register_forward_pre_hook(measure).remove)
            for path, (_, stride) in self._streams.items():
                site = self._site(path)
                own = [edit for edit in edits if edit.site == site]
                if own or site in streams:
                    watch = _watching(stride, own_steps, own, streams.get(site))
                    hooks.callback(self._module.get_submodule(path).register_forward_hook(watch).remove)
            yield

    def _site(self, path: str) -> str:
        return f"{self._prefix}{path}.output"


def _watching(
    stride: int, steps: Sequence[int], edits: Sequence[Bound], kept: list[Tensor] | None
) -> Callable[[nn.Module, Any, Tensor], Tensor | None]:
    def watch(_module: nn.Module, _args: Any, values: Float[Tensor, "batch place channel"]) -> Tensor | None:
        places = values.shape[1]

        def at_places(by_step: Shaped[Tensor, "batch time ..."]) -> Shaped[Tensor, "batch place ..."]:
            """Values given for the first token of each position; none beyond the last token."""
            first = by_step[:, ::stride][:, :places]
            missing = places - first.shape[1]
            return F.pad(first, (*(0, 0) * (first.dim() - 2), 0, missing)) if missing else first

        if edits:
            values = values.clone()
            for edit in edits:
                edit.over(at_places).apply(values)
        if kept is not None:
            whole = values.repeat_interleave(stride, 1) if stride > 1 else values
            # A network that passes over padding gives fewer positions than the batch has steps.
            whole = F.pad(whole, (0, 0, 0, max(0, steps[0] - whole.shape[1])))[:, : steps[0]]
            kept.append(whole.to(torch.promote_types(values.dtype, torch.float32)).contiguous())
        return values if edits else None

    return watch
