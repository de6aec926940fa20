"""Values of every unit of a site and every hypothesis as rows of a table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int, Shaped


def pair_rows(
    site: str,
    units: Int[np.ndarray, " unit"],
    hypotheses: Sequence[str],
    measure: str,
    **values: Shaped[np.ndarray, "unit hypothesis"],
) -> pd.DataFrame:
    """A row for each unit and hypothesis, the hypotheses of a unit together, with a column for each of ``values``."""
    names = np.array(hypotheses, dtype=object)
    return pd.DataFrame(
        {
            "site": site,
            "unit": np.repeat(units, len(names)),
            "hypothesis": np.tile(names, len(units)),
            "measure": measure,
            **{name: column.ravel() for name, column in values.items()},
        }
    )
