"""Every kind of network that can be trained here: its architecture, how it is made, its sizes, and what it learns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from unitscope.networks import attentive, bytenet, sentence_nets, vdcnn
from unitscope.networks.char import CharConfig, CharNet
from unitscope.networks.context import ContextConfig, ContextNet
from unitscope.networks.seq2seq.network import Seq2SeqConfig, Seq2SeqNet
from unitscope.networks.series import SeriesConfig, SeriesNet

Learns = Literal["text", "classes", "translation", "pairs", "series"]


@dataclass(frozen=True)
class Kind:
    """Constructor of the networks of one kind."""

    learns: Learns
    config: Callable[..., Any]
    """Its architecture, from a number of symbols and more."""
    make: Callable[[Any], nn.Module]
    command: str
    """Trains one."""
    sizes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """What differs from the full size."""


KINDS: dict[str, Kind] = {
    "char": Kind("text", CharConfig, CharNet, "unitscope train"),
    "context": Kind("text", ContextConfig, ContextNet, "unitscope study visualizing-rnns"),
    "vdcnn": Kind("classes", vdcnn.VDCNNConfig, vdcnn.VDCNN, "unitscope train classifier", vdcnn.SIZES),
    "bytenet": Kind("translation", bytenet.ByteNetConfig, bytenet.ByteNet, "unitscope train translator", bytenet.SIZES),
    "attentive": Kind(
        "translation", attentive.AttentiveConfig, attentive.AttentiveNet, "unitscope train translator", attentive.SIZES
    ),
    "seq2seq": Kind("pairs", Seq2SeqConfig, Seq2SeqNet, "unitscope train pairs"),
    "series": Kind("series", SeriesConfig, SeriesNet, "unitscope study response-characterization"),
}
for _name in ("lstm", "gru", "transformer"):
    KINDS[_name] = Kind(
        "classes",
        sentence_nets.SentenceConfig,
        sentence_nets.sentence_net,
        "unitscope train classifier",
        sentence_nets.SIZES,
    )


def kinds(learns: Learns) -> tuple[str, ...]:
    """The kinds that learn such a thing."""
    return tuple(name for name, kind in KINDS.items() if kind.learns == learns)
