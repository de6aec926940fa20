"""The slope of a line through independent points, such as trained networks: least squares, Student's t interval."""

import numpy as np
from jaxtyping import Float
from scipy import stats


def slope(x: Float[np.ndarray, " point"], y: Float[np.ndarray, " point"]) -> tuple[float, float, float]:
    """With its 95 % interval on n − 2 degrees of freedom; no interval for fewer than three points."""
    fitted = stats.linregress(x, y)
    width = float(stats.t.ppf(0.975, len(x) - 2) * fitted.stderr) if len(x) > 2 else np.nan
    return float(fitted.slope), float(fitted.slope) - width, float(fitted.slope) + width
