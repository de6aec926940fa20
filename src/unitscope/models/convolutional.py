"""Reading and editing the convolutions of a network whose time gets shorter from stage to stage.

A position of a stage that halved the time stands for several tokens. Its values are given at each of them, so that
every site has one row for each token and a mean over tokens is the mean over positions (but for a last position that
stands for fewer tokens than the others, which weighs as many as it has).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from unitscope.models.edit import Bound
from unitscope.models.site import Site
from unitscope.networks.bytenet import ByteNet, ByteNetEncoder
from unitscope.networks.vdcnn import VDCNN


class ConvolutionReader:
    """The modules that a network names in ``streams()``, whose outputs are ``[batch channel time]``.

    A site is ``PATH.output``. The network masks what stands after the end of a text, so its values do not hang on
    padding.
    """

    reads: ClassVar[tuple[type[nn.Module], ...]] = (VDCNN, ByteNet, ByteNetEncoder)

    def __init__(self, path: str, module: nn.Module) -> None:
        self._prefix = f"{path}." if path else ""
        self._module = module
        self._strides: dict[str, int] = module.streams()  # type: ignore[operator]

    @property
    def reads_ahead(self) -> bool:
        return True

    def sites(self) -> tuple[Site, ...]:
        return tuple(Site(self._site(path), _channels(self._module.get_submodule(path))) for path in self._strides)

    @contextmanager
    def reading(self, streams: Mapping[str, list[Tensor]], edits: Sequence[Bound]) -> Iterator[None]:
        """While open, each call adds the values of the wanted sites, ``[batch time unit]``, to the lists."""
        steps = [0]

        def measure(_module: nn.Module, args: tuple[Any, ...]) -> None:
            steps[0] = args[0].shape[1]

        with ExitStack() as hooks:
            hooks.callback(self._module.register_forward_pre_hook(measure).remove)
            for path, stride in self._strides.items():
                site = self._site(path)
                own = [edit for edit in edits if edit.site == site]
                if own or site in streams:
                    watch = _watching(stride, steps, own, streams.get(site))
                    hooks.callback(self._module.get_submodule(path).register_forward_hook(watch).remove)
            yield

    def _site(self, path: str) -> str:
        return f"{self._prefix}{path}.output"


def _watching(
    stride: int, steps: Sequence[int], edits: Sequence[Bound], kept: list[Tensor] | None
) -> Callable[[nn.Module, Any, Tensor], Tensor | None]:
    def watch(_module: nn.Module, _args: Any, values: Float[Tensor, "batch channel place"]) -> Tensor | None:
        places = values.shape[2]

        def at_places(by_step: Shaped[Tensor, "batch time ..."]) -> Shaped[Tensor, "batch place ..."]:
            """What is said of the first token of each position; nothing is said beyond the last token."""
            first = by_step[:, ::stride][:, :places]
            missing = places - first.shape[1]
            return F.pad(first, (*(0, 0) * (first.dim() - 2), 0, missing)) if missing else first

        if edits:
            values = values.clone()
            for edit in edits:
                edit.over(at_places).apply(values.transpose(1, 2))
        if kept is not None:
            rows = values.transpose(1, 2)  # [batch place channel]
            whole = rows.repeat_interleave(stride, 1) if stride > 1 else rows
            kept.append(whole[:, : steps[0]].to(torch.promote_types(values.dtype, torch.float32)).contiguous())
        return values if edits else None

    return watch


def _channels(module: nn.Module) -> int:
    """Channels of a convolution, or of a block: those of its last convolution."""
    return [child.out_channels for child in module.modules() if isinstance(child, nn.Conv1d)][-1]
