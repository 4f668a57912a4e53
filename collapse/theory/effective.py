r"""Quantiles of effective numbers, without simulation.

Every category's frequency X has a known chance to be above zero, :math:`1-e^{-pc}`, a known mean p
and a known variance :math:`p(1-p)(1-D)`, with D of `collapse.theory.mixing` or `drift` and c of
`collapse.theory.realdata.fresh_survival_constant`. Where it is above zero a gamma law of these
moments stands for it, and the categories count as independent, up to their sum. *Approximate*:
the moments are those of the exact law, the shape and the independence hold while few generations
have passed for the size of the sample (D near 1). Within that, five percent lie outside on each
side in simulation; later the bands grow wider than needed, and below D = 0.95 they are not given.
"""

import numpy as np
from scipy import special, stats

from collapse import validation

LEAST = 0.95


def effective_quantiles(probabilities, order, levels, *, diversity, constant):
    r"""Quantiles at `levels` of the effective number of `order` 1 or 2, shape (L,).

    `diversity` is D in [0.95, 1), `constant` is c. With S the sum of all X and
    :math:`T=\sum X\ln X` or :math:`\sum X^2`, the logarithm of the effective number is
    :math:`\ln S-T/S` or :math:`2\ln S-\ln T`: approximate, to second order in its mean and first
    order in its variance, and normal.
    """
    p = validation.probabilities("probabilities", probabilities)
    if order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, got {order!r}")
    diversity = validation.real("diversity", diversity, LEAST, 1)
    alive = -np.expm1(-constant * p)
    mean, second = p / alive, (p * p + p * (1 - p) * (1 - diversity)) / alive
    scale = np.maximum(second / mean - mean, 1e-12 * mean)
    shape = mean / scale
    if order == 1:
        first, higher = (special.digamma(shape + k) + np.log(scale) for k in (1, 2))
        term, cross = p * first, alive * second * higher
        square = alive * second * (higher**2 + special.polygamma(1, shape + 2))
    else:
        term, cross = alive * second, alive * second * (mean + 2 * scale)
        square = cross * (mean + 3 * scale)
    total = term.sum()
    of_sum, of_total = (alive * second - p * p).sum(), (square - term * term).sum()
    both = (cross - p * term).sum()
    if order == 1:
        centre = -of_sum / 2 - (total - both + total * of_sum)
        slope = (1 + total, -1.0)
    else:
        centre = -of_sum - np.log(total) + of_total / (2 * total**2)
        slope = (2.0, -1 / total)
    spread = slope[0] ** 2 * of_sum + 2 * slope[0] * slope[1] * both + slope[1] ** 2 * of_total
    return np.exp(centre + stats.norm.ppf(levels) * np.sqrt(max(spread, 0.0)))
