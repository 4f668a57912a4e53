r"""One Gaussian in d dimensions, refitted to its own samples.

Reality has mean :math:`\mu` and covariance :math:`\Sigma`. Generation n + 1 is fitted to M_n draws
of generation n by the sample mean and the sample covariance, which divides by M_n - ddof. With
:math:`\Sigma_n=F_nF_n^\top` and Gaussian draws

.. math:: \mu_{n+1} = \mu_n + F_nz_n/\sqrt{M_n}, \qquad F_{n+1} = F_nG_n/\sqrt{M_n-\mathrm{ddof}},

with a standard normal vector z_n and, independent of it, a standard normal matrix G_n of M_n - 1
columns: the fitted covariance is a product of random matrices. Where only means and traces enter,
reality may be any law with these two moments. Arrays run over the generations 0 (reality), 1, ...,
N.
"""

import numpy as np
from scipy import special

from collapse import accurate, validation
from collapse.theory import gaussian


def _trace(covariance):
    return float(np.trace(validation.covariance("covariance", covariance)))


def _drifts(sizes, dimensions, ddof):
    """Return E ln(chi-square(M - i) / (M - ddof)) for i = 1, ..., dimensions, the last axis."""
    sizes = np.asarray(sizes, dtype=float)[..., None]
    i = np.arange(1, dimensions + 1)
    return accurate.digamma_minus_log((sizes - i) / 2) + np.log1p((ddof - i) / (sizes - ddof))


def expected_squared_distance_of_mean(sample_size, generations, covariance, *, ddof):
    r"""Expected squared distance :math:`E|\mu_n-\mu|^2` of the fitted mean from reality's.

    Exact, for any reality with this covariance: the increments of :math:`\mu_n` are uncorrelated,
    with expected squared length :math:`E\,\mathrm{tr}\,\Sigma_i/M_i`. For ddof=1 and constant M
    this is :math:`n\,\mathrm{tr}\,\Sigma/M`, the first half of the journal's Theorem 3.1; for
    ddof=0 it stays below :math:`\mathrm{tr}\,\Sigma`, and that half of the theorem fails.
    """
    trace = _trace(covariance)
    return gaussian.variance_of_mean(sample_size, generations, ddof=ddof, variance=trace)


def expected_trace(sample_size, generations, covariance, *, ddof):
    r"""Expected trace :math:`E\,\mathrm{tr}\,\Sigma_n` of the fitted covariance, shape (N + 1,).

    Exact, for any reality with this covariance:
    :math:`E[\Sigma_{n+1}\mid\Sigma_n]=\frac{M_n-1}{M_n-\mathrm{ddof}}\Sigma_n`. For ddof=1 the
    trace is a martingale. Its mean stays, carried by ever fewer chains, while almost every chain's
    trace falls like :math:`e^{n\lambda_1}` with the largest of the `lyapunov_exponents`.
    """
    trace = _trace(covariance)
    return gaussian.std_moment(2, sample_size, generations, ddof=ddof, variance=trace)


def risk_bounds(sample_size, generations, covariance, *, ddof):
    r"""Bounds of the expected risk :math:`E\,W_2^2` between reality and the model of generation n.

    Returned are `lower`, the lower bound at each generation, in squared units of the data;
    `upper`, the upper bound.

    Exact bounds, for any reality with this covariance. By Gelbrich (1990) and by the coupling of
    independent draws, :math:`|\mu_n-\mu|^2+(\sqrt t_n-\sqrt t)^2\le W_2^2\le|\mu_n-\mu|^2+t_n+t`
    with the traces :math:`t_n=\mathrm{tr}\,\Sigma_n`, and :math:`E\sqrt{t_n}\le\sqrt{E\,t_n}` by
    Jensen. Asymptotically, if the sum of 1/M_n diverges, the upper bound is the value:
    :math:`t_n\to0` almost surely and :math:`\sqrt{t_n}` is uniformly integrable, so that
    :math:`E\sqrt{t_n}\to0` and :math:`E\,W_2^2-E|\mu_n-\mu|^2-E\,t_n\to t`. For ddof=1 the risk
    thus grows like :math:`(n/M+2)\,\mathrm{tr}\,\Sigma`, for ddof=0 it tends to
    :math:`2\,\mathrm{tr}\,\Sigma`.
    """
    trace = _trace(covariance)
    drift = gaussian.variance_of_mean(sample_size, generations, ddof=ddof, variance=trace)
    kept = gaussian.std_moment(2, sample_size, generations, ddof=ddof)
    return drift + trace * (1 - np.sqrt(kept)) ** 2, drift + trace * (1 + kept)


def rank(sample_size, generations, dimension):
    """Rank of the fitted covariance, for a reality of full rank, shape (N + 1,).

    Exact, with probability one: a scatter matrix of M draws has M - 1 degrees of freedom, and lost
    directions do not come back, hence the smallest of d, M_0 - 1, ..., M_{n-1} - 1.
    """
    dimension = validation.integer("dimension", dimension, 1)
    sizes = validation.sample_sizes(sample_size, generations, minimum=2)
    return np.minimum.accumulate(np.concatenate([[dimension], sizes - 1]))


def expected_log_determinant(sample_size, generations, covariance, *, ddof):
    r"""Mean of :math:`\ln\det\Sigma_n`, from the eigenvalues that are not zero, shape (N + 1,).

    `covariance`: reality's covariance, of full rank; a multiple of the identity if a sample size
    is d or less, shape (d, d).

    Exact for Gaussian draws. At full rank a generation multiplies the determinant by that of a
    Wishart matrix, :math:`\prod_{j\le d}\chi^2_{M-j}/(M-\mathrm{ddof})^d` (Bartlett 1933), whence
    the drift :math:`\sum_{j\le d}[\psi(\frac{M-j}2)-\ln\frac{M-\mathrm{ddof}}2]`, about
    :math:`-d(d+1)/2M` for ddof=1. At rank k < d, and for a multiple of the identity, the
    eigenvalues of the product of Gaussian matrices do not depend in law on the order of the
    dimensions d, M_0 - 1, ..., M_{n-1} - 1 (Ipsen and Kieburg 2014): with the smallest, k, in the
    first place, the determinant is again a product of independent chi-squares. The sum runs to k,
    and :math:`\sum_{j\le k}[\psi(\frac{d-j+1}2)-\psi(\frac{k-j+1}2)]` is added for the one factor
    of dimension k that d replaces.
    """
    ddof = validation.ddof(ddof)
    step = lambda sizes, k: _drifts(sizes, k, ddof)  # noqa: E731
    start, sums = _chi_squares(sample_size, generations, covariance, special.digamma, step)
    return start + sums


def variance_of_log_determinant(sample_size, generations, covariance, *, ddof):
    r"""Variance over chains of :math:`\ln\det\Sigma_n`, from the eigenvalues that are not zero.

    `covariance`: reality's covariance, of full rank; a multiple of the identity if a sample size
    is d or less, shape (d, d).

    Exact for Gaussian draws: independent logarithms of chi-squares, as in
    `expected_log_determinant`, so that a generation adds :math:`\sum_{j\le d}\psi'(\frac{M-j}2)`,
    about 2d/M.
    """
    validation.ddof(ddof)
    trigamma = lambda a: special.polygamma(1, a)  # noqa: E731
    step = lambda sizes, k: trigamma((sizes[:, None] - np.arange(1.0, k + 1)) / 2)  # noqa: E731
    return _chi_squares(sample_size, generations, covariance, trigamma, step)[1]


def _chi_squares(sample_size, generations, covariance, cumulant, step):
    """Sum a cumulant of the logarithms of the chi-squares whose product is the determinant.

    ``cumulant(a)`` is that of the logarithm of a gamma variable of shape a, ``step(sizes, k)``
    holds those of the k factors of each generation, shape (N, k). Returned are reality's share of
    the logarithm and the sums, each of shape (N + 1,).
    """
    array = validation.covariance("covariance", covariance)
    d = len(array)
    sign, start = np.linalg.slogdet(array)
    if sign == 0:
        raise ValueError(f"covariance must have full rank {d}, got a determinant of zero")
    sizes = validation.sample_sizes(sample_size, generations, minimum=2)
    ranks = rank(sizes, generations, d)
    if ranks[-1] < d and not np.allclose(array, array[0, 0] * np.eye(d)):
        raise ValueError(
            "covariance must be a multiple of the identity where a sample size is at most "
            f"its dimension {d}, got sizes down to {sizes.min()}"
        )
    values = np.empty(generations + 1)
    for k in np.unique(ranks):
        here, i = np.flatnonzero(ranks == k), np.arange(k)
        moved = (cumulant((d - i) / 2) - cumulant((k - i) / 2)).sum()
        steps = step(sizes[: here[-1]], k).sum(axis=-1)
        values[here] = moved + np.concatenate([[0.0], np.cumsum(steps)])[here]
    return start * (ranks / d), values


def lyapunov_exponents(sample_size, dimension, *, ddof):
    r"""Lyapunov exponents of the fitted covariance: growth rates of its eigenvalues.

    Shape (min(d, M - 1),). The exponents, in nats a generation, the largest first.

    Exact: :math:`\lambda_i=\psi(\frac{M-i}2)-\ln\frac{M-\mathrm{ddof}}2`. By Bartlett's
    decomposition G is in law a lower triangular matrix with the chi variables
    :math:`\chi_{M-1},\chi_{M-2},\dots` on its diagonal, times a rotation that the next generation
    does not feel; a product of triangular matrices whose diagonals decrease has the exponents of
    its diagonal (Newman 1986). The largest is that of one dimension, whatever d is, and gaps of
    about 1/M make the fit a needle before it is a point. The eigenvalues follow them in the limit
    of many generations; the sum, the drift of the log-determinant, is exact at every generation.
    """
    if callable(sample_size) or np.ndim(sample_size):
        raise ValueError(f"sample_size must be one number here, got {sample_size!r}")
    size = validation.sample_sizes(sample_size, 1, minimum=2)[0]
    dimension = validation.integer("dimension", dimension, 1)
    return _drifts(size, int(min(dimension, size - 1)), validation.ddof(ddof))


def noisy_lower_bound(sample_size, generations, *, trace, noise=0.0):
    r"""Lower bound of the expected risk when the fitted means carry uncorrelated noise.

    `noise`: :math:`E|\varepsilon_{n+1}|^2`, the same every generation or for each, shape (N,).

    Exact, arXiv v2, equations (6)-(15). The mean of generation n + 1 is the sample mean plus
    :math:`\varepsilon_{n+1}`, a function of the data with mean zero and uncorrelated with the
    sample mean, given generation n. Then
    :math:`E|\mu_n-\mu|^2=\sum_{i<n}(\mathrm{tr}\,\Sigma/M_i +E|\varepsilon_{i+1}|^2)`, with
    equality, and the risk is no smaller. Equation (6) also holds the condition on which it rests:
    :math:`E[\Sigma_{i+1}\mid\Sigma_i]=\Sigma_i`. With maximum likelihood, which shrinks the
    covariance, the bound is false and the risk stays finite.
    """
    trace = validation.real("trace", trace, 0)
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    noise = validation.nonnegative("noise", noise)
    if noise.shape not in {(), sizes.shape}:
        raise ValueError(f"noise must have shape () or {sizes.shape}, got {noise.shape}")
    return np.concatenate([[0.0], np.cumsum(trace / sizes + noise)])


def bounded_noise_lower_bound(sample_size, generations, *, trace, bound, dimension=1):
    r"""Lower bound of the expected risk when the fitted means carry noise of length K/M at most.

    It says nothing where it is negative. `bound` is K, with :math:`|\varepsilon_{n+1}|\le K/M_n`.
    The noise may depend on the sample mean, but must have mean zero given generation n, a condition
    that the paper uses without stating it here: noise that pushes the mean back to reality's,
    :math:`\varepsilon_{n+1}=-\mathrm{sign}(\mu_n-\mu)K/M`, breaks the bound. `dimension` is the d
    of the paper's factor :math:`\sqrt d`, which is not needed: 1 gives the sharper bound.

    Exact, arXiv v2, appendix A.2, equations (18)-(25), summed with its constants: a generation
    adds at least :math:`\mathrm{tr}\,\Sigma/M-2K\sqrt{d\,\mathrm{tr}\,\Sigma}/M^{3/2}`, which is
    positive, and the bound informative, only if :math:`\sqrt M>2K\sqrt{d/\mathrm{tr}\,\Sigma}`
    (see `informative_size`). The paper bounds :math:`|\Sigma_i^{1/2}T|` by the product of the
    norms; its mean square is :math:`\mathrm{tr}\,\Sigma_i` itself, so that d = 1 holds in any
    dimension. As in `noisy_lower_bound`, the covariance must be fitted without bias.
    """
    trace = validation.real("trace", trace, 0)
    loss = 2 * validation.real("bound", bound, 0) * np.sqrt(trace)
    loss *= np.sqrt(validation.integer("dimension", dimension, 1))
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    return np.concatenate([[0.0], np.cumsum(trace / sizes - loss / sizes**1.5)])


def informative_size(*, trace, bound, dimension=1):
    r"""Sample size above which `bounded_noise_lower_bound` grows.

    Exact: :math:`4K^2d/\mathrm{tr}\,\Sigma`, where the two terms of a generation are equal, with
    `bound` and `dimension` as there.
    """
    trace = validation.real("trace", trace, 0, open_below=True)
    dimension = validation.integer("dimension", dimension, 1)
    return 4 * validation.real("bound", bound, 0) ** 2 * dimension / trace
