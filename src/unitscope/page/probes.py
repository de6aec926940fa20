"""What probes found, as a section of a page."""

from unitscope.page.page import Section
from unitscope.probing.table import ProbeTable

TEXT = """
A linear probe predicts a label of a word from the activations of one site at that word. Control is its accuracy when
every word type has a random class instead, which only the probe itself can have learnt; selectivity is the difference.
Scores are from documents that were neither fitted on nor used to choose a penalty.

Codelength is the bits of an online code of the training labels: the sooner a probe predicts well, the shorter it is.
"""
RANKS = """\
Where the unit stands among the units of its site when they are ranked by what they tell of a label. Ranks answer to the
method that made them, so two stand side by side; a unit that is first in both is worth ablating.\
"""


def probes_section(table: ProbeTable) -> Section:
    """Tables and pictures of sites × labels."""
    return Section("probes", "What probes read", TEXT.strip(), table.views())
