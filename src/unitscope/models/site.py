"""A named stream of unit values inside a model."""

import fnmatch
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, cast, get_args

from unitscope.errors import InputError

Kind = Literal[
    "state",
    "cell",
    "gate",
    "layer",
    "input",
    "embedding",
    "residual",
    "head",
    "pattern",
    "added",
    "neuron",
    "mixer",
    "router",
    "expert",
    "latent",
    "prediction",
]
"""What the units of a site are.

Of recurrent layers: the hidden ``state``, the ``cell`` and what a ``gate`` is. Of Transformers: the ``embedding``, the
``residual`` stream after a block, what each ``head`` of attention gives before heads are mixed and what its ``pattern``
is like, what a part of a block has ``added`` to the stream, each ``neuron`` of an MLP, the inside of another ``mixer``
of steps (a state space, a convolution), the ``router`` of a mixture and each neuron of an ``expert``. A ``latent``
belongs to a dictionary that was learned afterwards. A ``prediction`` is what the model says of the target. Of all
else: what a ``layer`` gives, and the ``input`` that it takes.
"""


@dataclass(frozen=True)
class Site:
    """Where units live. ``name`` is a module path plus the stream, for example ``rnn.0.forget_gate``."""

    name: str
    units: int
    low: float = -math.inf
    """Smallest value the units can take."""
    high: float = math.inf
    """Largest value the units can take."""
    alias: str = ""
    """Another name that patterns match: TransformerLens's, where it has one."""
    kind: Kind = "layer"
    """What the units are."""
    names: tuple[str, ...] = field(default=(), repr=False)
    """Of the units, where they have names of their own: the classes that are predicted."""

    @property
    def stream(self) -> str:
        """The last part of the name: ``hidden``, ``cell``, ``forget_gate`` …"""
        return self.name.rsplit(".", 1)[-1]

    @property
    def is_gate(self) -> bool:
        """A sigmoid gate: its values lie in (0, 1) and can saturate."""
        return self.low == 0 and self.high == 1 and self.kind in ("gate", "layer")


_KINDS: dict[str, Kind] = {
    "*.hook_sae_acts_post": "latent",
    "*hook_embed": "embedding",
    "*.hook_resid_*": "residual",
    "*.mixer.hook_z": "mixer",
    "*.hook_z": "head",
    "*.hook_router_logits": "router",
    "*.mlp.hook_pre": "neuron",
    "*.mlp.hook_post": "neuron",
    "*.hook_*_out": "added",
}
"""What the units of a site with such another name are."""
READ_ONLY: tuple[Kind, ...] = ("pattern", "expert")
"""What is computed beside the model, so that an edit of it would change nothing."""


def named(site: Site, alias: str) -> Site:
    """The site with another name, and what that says of its units."""
    kind = next((kind for pattern, kind in _KINDS.items() if fnmatch.fnmatchcase(alias, pattern)), site.kind)
    return replace(site, alias=alias, kind=kind)


def as_kind(text: object) -> Kind:
    """The kind that a file names. Raises ``ValueError`` for a word that is none."""
    if text not in get_args(Kind):
        raise ValueError(f"{text!r} is no kind of units; there are: {', '.join(get_args(Kind))}")
    return cast(Kind, text)


def choose(sites: Sequence[Site], patterns: Iterable[str]) -> tuple[Site, ...]:
    """The sites whose names or aliases match any of the glob patterns, in the model's order.

    Raises ``InputError``, listing what there is, when a pattern matches nothing.
    """
    wanted: set[str] = set()
    for pattern in patterns:
        hits = {
            site.name
            for site in sites
            if fnmatch.fnmatchcase(site.name, pattern) or (site.alias and fnmatch.fnmatchcase(site.alias, pattern))
        }
        if not hits:
            known = ", ".join(site.name for site in sites)
            raise InputError(f"no site matches {pattern!r}; there are: {known}")
        wanted |= hits
    return tuple(site for site in sites if site.name in wanted)
