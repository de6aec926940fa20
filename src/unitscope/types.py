"""Array aliases and axis names shared by every room. Imports nothing of unitscope.

Axes, always in this order where they meet:

- ``batch``: sequences that are run together; ``time``: steps of one sequence, padding included
- ``token``: steps of many sequences laid end to end, padding gone
- ``unit``: the units of one site; ``hypothesis``: the labels asked about
"""

from jaxtyping import Bool, Float, Int
from torch import Tensor

Activations = Float[Tensor, "token unit"]
TokenIds = Int[Tensor, " token"]
PerToken = Float[Tensor, " token"]
PerUnit = Float[Tensor, " unit"]
Mask = Bool[Tensor, "batch time"]
