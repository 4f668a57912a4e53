"""Quantile functions of laws on the line whose distribution function has no inverse in closed form.

A quantile is asked for at a normal score z, as Q(Φ(z)): in the upper tail 1 - u has lost the digits
that a level u would need.
"""

import numpy as np
from scipy import interpolate, special


def by_row(function, array, scores):
    """Apply `function` to the rows of an `array`, one for each law; the shape is (..., scores)."""
    rows = [function(row) for row in array.reshape(-1, array.shape[-1])]
    return np.array(rows).reshape(*array.shape[:-1], len(scores))


def inverted(x, cdf, scores):
    """Return the quantiles of a smooth law at `scores`, given its `cdf` on a fine grid `x`."""
    known = np.clip(special.ndtri(np.minimum(cdf, 1)), -9, 9)  # rounding may go beyond 1
    known, first = np.unique(known, return_index=True)
    inverse = interpolate.PchipInterpolator(known, x[first])
    return inverse(np.clip(scores, known[0], known[-1]))
