r"""Drift: the one product by which chance takes diversity, in every family that copies its data.

A training set of M draws has a random datum twice with probability 1/M; else two of its data are as
different as two draws of their parent. So whatever measures the expected difference of two draws of
a model falls by 1 - 1/M in each generation, if the fit reproduces it from its data. It is the decay
of heterozygosity in the Wright-Fisher model.
"""

import numpy as np

from collapse import validation


def diversity_kept(sample_size, generations):
    r"""Share of reality's diversity that is left on average when data are replaced, shape (N + 1,).

    Exact: :math:`D_n=\prod_{i<n}(1-1/M_i)`, thm-workflows-law. It is, over its value in reality,

    - E variance of a Gaussian fitted with ddof=0, and in d dimensions E of each entry of the
      covariance and of its trace: `gaussian.std_moment`, `multivariate_gaussian.expected_trace`;
    - E of the total variance of Gaussian mixtures and of probabilistic principal components fitted
      by maximum likelihood: `mixture.expected_covariance`, `linear_vae.expected_total_variance`;
    - E of the Gini-Simpson index of a categorical law: `categorical.expected_gini_simpson`.

    The limit is positive if and only if :math:`\sum_i1/M_i<\infty` and all M_i > 1: Xu et al. 2025
    (arXiv:2505.13947).
    """
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    with np.errstate(divide="ignore"):  # a single draw keeps nothing
        logs = np.log1p(-1 / sizes)
    return np.exp(np.concatenate([[0.0], np.cumsum(logs)]))
