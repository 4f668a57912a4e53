"""Formulas as the paper prints them, kept to be compared with what is right."""

import numpy as np

from collapse import validation


def _inverse_sizes(sample_size, generations):
    return 1 / validation.sample_sizes(sample_size, generations, minimum=2).astype(float)


def expected_risk_v2(sample_size, generations):
    r"""Equation (4) of arXiv v2 for the expected risk at unit variance, shape (N + 1,).

    :math:`1/M_0+\dots+1/M_{n-2}+3/(2M_{n-1})`, zero for reality.

    Wrong for n > 1, even to first order: the shrinking standard deviation contributes 1/(2M) in
    every generation, not only in the last. Right to first order, for ddof=1, is
    :math:`\frac32\sum_{i<n}1/M_i` (the Supplementary Information of the journal version,
    second-hand); exact is `collapse.theory.gaussian.expected_risk`.
    """
    inverse = _inverse_sizes(sample_size, generations)
    return np.concatenate([[0.0], np.cumsum(inverse) + inverse / 2])


def expected_risk_supplement(sample_size, generations):
    r"""Equation (6) of the journal's supplement, second-hand: the risk to first order.

    :math:`\frac32\sum_{i<n}1/M_i`, at unit variance.

    Asymptotic: right to first order in the sum for ddof=1. For n much larger than M it is up to
    half too large, since the standard deviation cannot fall below zero and its part stops at 2.
    """
    return np.concatenate([[0.0], 1.5 * np.cumsum(_inverse_sizes(sample_size, generations))])


def variance_of_risk_v2(sample_size, generations):
    r"""Equation (5) of arXiv v2 for the variance of the risk at unit variance, shape (N + 1,).

    :math:`\sum_{i<n-1}2/M_i^2+3/M_{n-1}^2+\sum_{i\ne j}3/(M_iM_j)`, zero for reality.

    Wrong for every n, even to leading order, which is :math:`\frac52(\sum_{i<n}1/M_i)^2`; exact is
    `collapse.theory.gaussian.variance_of_risk`.
    """
    inverse = _inverse_sizes(sample_size, generations)
    total, squares = np.cumsum(inverse), np.cumsum(inverse**2)
    value = 2 * squares + inverse**2 + 3 * (total**2 - squares)
    return np.concatenate([[0.0], value])
