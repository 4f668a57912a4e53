r"""Linear regression that learns from its own labels, by least squares.

`samples` inputs of a generation, T of them and at least d + 2, are standard normal in `dimension`
d; labels are linear, with noise of variance `noise`, sigma^2. The weights of generation n label the
inputs that generation n + 1 learns from, again with noise. In each case
:math:`\hat w_{n+1}=\hat w_n+A^{-1}X^\top\varepsilon`, with A the sum of squares of all the inputs
that are used: the normal equations, less those of the generation before (thm-workflows-regression).
The error is a martingale, and its increments add up.

Every function gives the expected squared distance :math:`E|\hat w_n-w|^2`, which is the test error
less the noise, at each generation; generation 0 is the truth.
"""

import numpy as np
from scipy import special

from collapse import validation


def error_replaced(samples, dimension, generations, *, noise=1.0):
    r"""Expected error when each generation learns from the newest labels only, shape (N + 1,).

    Exact: :math:`\frac{\sigma^2d}{T-d-1}n` for `samples` T, `dimension` d and `noise` sigma^2,
    whether the inputs are the same in each generation or fresh, since
    :math:`E(X^\top X)^{-1}=I/(T-d-1)`. Theorem 1 of Gerstgrasser et al. 2024 (arXiv:2404.01413),
    and before it the asymptotic law of Dohmatob et al. 2024 (arXiv:2402.07712).
    """
    first = _first(samples, dimension, noise)
    return first * np.arange(validation.integer("generations", generations, 0) + 1)


def error_accumulated(samples, dimension, generations, *, fresh, noise=1.0):
    r"""Expected error when each generation learns from all labels so far, shape (N + 1,).

    Exact. `samples` T labels are added each time. If all label the same inputs, :math:`A=nX^\top X`
    and the error is that of generation 1 times :math:`\sum_{i\le n}i^{-2}`, Theorem 2 of
    Gerstgrasser et al. 2024 (arXiv:2404.01413). If each has `fresh` ones the parts of A are
    exchangeable, so that :math:`E\,A^{-1}X_n^\top X_nA^{-1}=\frac1nE\,A^{-1}` and the error is
    :math:`\sigma^2d\sum_{i\le n}\frac1{i(iT-d-1)}`, which is smaller (thm-workflows-regression,
    derived here). `dimension` d, `noise` sigma^2.
    """
    first = _first(samples, dimension, noise)
    i = np.arange(1.0, validation.integer("generations", generations, 0) + 1)
    excess = dimension + 1
    terms = (samples - excess) / (i * (i * samples - excess)) if fresh else i**-2
    return first * np.concatenate([[0.0], np.cumsum(terms)])


def error_grown(samples, dimension, generations, *, noise=1.0):
    r"""Expected error when generation i learns from i T new labels only, shape (N + 1,).

    Exact, T being `samples`: :math:`\sigma^2d\sum_{i\le n}\frac1{iT-d-1}` with `dimension` d and
    `noise` sigma^2, which grows as the logarithm of n: thm-workflows-regression. Gerstgrasser et
    al. 2024 (arXiv:2404.01413) state the logarithm for this case, half way between the two others.
    """
    first = _first(samples, dimension, noise)
    i = np.arange(1.0, validation.integer("generations", generations, 0) + 1)
    excess = dimension + 1
    return first * np.concatenate([[0.0], np.cumsum((samples - excess) / (i * samples - excess))])


def accumulated_error_limit(samples, dimension, *, fresh, noise=1.0):
    r"""Limit of `error_accumulated`, with the same `samples`, `dimension`, `fresh` and `noise`.

    Exact: :math:`\pi^2/6` times the error of generation 1 with the same inputs, the bound of
    Gerstgrasser et al. 2024 (arXiv:2404.01413). With fresh ones and c = (d + 1)/T it is
    :math:`-\frac{1-c}c[\psi(1-c)+\gamma]` times that, between 1 and :math:`\pi^2/6`: the sum of
    :math:`\frac1{i-c}-\frac1i` is :math:`-\psi(1-c)-\gamma`. Derived here.
    """
    first = _first(samples, dimension, noise)
    if not fresh:
        return float(first * np.pi**2 / 6)
    c = (dimension + 1) / samples
    return float(-first * (1 - c) / c * (special.digamma(1 - c) + np.euler_gamma))


def _first(samples, dimension, noise):
    """Return the expected error of generation 1."""
    dimension = validation.integer("dimension", dimension, 1)
    samples = validation.integer("samples", samples, dimension + 2)
    return validation.real("noise", noise, 0) * dimension / (samples - dimension - 1)
