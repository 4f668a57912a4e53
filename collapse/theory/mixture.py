r"""Gaussian mixtures refitted to their own samples by expectation maximisation (EM).

Reality has any law with a covariance; generation n + 1 is what EM, in whatever state it stopped,
made of M_n draws of generation n. A step of EM shares every draw out to the components, and then
gives each component the weight, the mean and the covariance (ddof=0) of its shares. Arrays run over
the generations 0 (reality), 1, ..., N.
"""

import numpy as np
from scipy import special, stats

from collapse import accurate, validation
from collapse.theory import categorical


def expected_covariance(sample_size, generations, covariance, *, regulariser=0.0):
    r"""Expected total covariance of the mixture, within and between its components.

    Shape (N + 1, d, d). The expected covariance at each generation, in squared units of the data.
    `regulariser`: what is added to the diagonal of each component's covariance.

    Exact, whatever the number of components, the start, the tolerance and reality are, as long as
    each fit makes at least one step of EM (thm-mixture-moments):

    .. math:: E\,\Sigma_{n+1}=\Big(1-\frac1{M_n}\Big)E\,\Sigma_n+\epsilon I .

    The shares of a draw sum to one, so that weights, means and covariances of the components add
    up to the mean and the covariance of the data, plus :math:`\epsilon I`; and the covariance
    (ddof=0) of M draws has the mean :math:`(1-1/M)\Sigma`. Without a regulariser and at constant M
    this is :math:`(1-1/M)^n\Sigma_0`, with one it tends to :math:`\epsilon MI`. With diagonal
    covariances it holds for the diagonal, with spherical ones for the trace.
    """
    covariance = validation.covariance("covariance", covariance)
    epsilon = validation.real("regulariser", regulariser, 0)
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    values = [covariance]
    for size in sizes:
        values.append((1 - 1 / size) * values[-1] + epsilon * np.eye(len(covariance)))
    return np.array(values)


def component_log_variance(sample_size, generations, weight, *, variance=1.0):
    r"""Mean log-variance of a separated component, along one direction, while it is alive.

    :math:`E[\ln\sigma_n^2]` given that at least two draws fell on the component in every
    generation; NaN from where this has probability zero. `sample_size`: M_n, the draws from the
    whole mixture, at most 20,000. `weight`: the component's weight in reality, in (0, 1].
    `variance`: its variance in reality along that direction, positive.

    Exact for components so far apart that no draw is shared, and without a regulariser
    (thm-mixture-component): the number of draws is a Wright-Fisher chain,
    :math:`m_{n+1}\sim\mathrm{Binomial}(M_n,m_n/M_{n-1})`, and given it a generation multiplies the
    variance by :math:`\chi^2_{m-1}/m`, whose logarithm has the mean
    :math:`\psi(\frac{m-1}2)-\ln\frac m2\approx-2/m`. So at constant m the standard deviation falls
    like :math:`e^{-n/m}`. The chain and the sum of these means are carried along together, one
    number for each count.
    """
    weight = validation.real("weight", weight, 0, 1, open_below=True)
    variance = validation.real("variance", variance, 0, open_below=True)
    sizes = validation.sample_sizes(sample_size, generations)
    if (sizes > categorical.LARGEST_BANDED).any():
        raise ValueError(
            f"sample_size must be at most {categorical.LARGEST_BANDED} here, got {sizes.max()}"
        )
    shares, alive, total = np.array([weight]), np.ones(1), np.zeros(1)
    values, known = [np.log(variance)], None
    for size in sizes:
        if known != (len(shares), size):
            step, known = categorical.binomial_rows(shares, size), (len(shares), size)
        counts = np.arange(size + 1.0)
        drift = np.zeros(size + 1)
        drift[2:] = accurate.digamma_minus_log((counts[2:] - 1) / 2) + np.log1p(-1 / counts[2:])
        alive, total = alive @ step, total @ step
        alive[:2] = total[:2] = 0.0  # a component of one point has no variance
        total += alive * drift
        with np.errstate(invalid="ignore"):
            values.append(values[0] + total.sum() / alive.sum())
        shares = counts / size
    return np.array(values)


def one_step_weight_variance(sample_size, weight, separation):
    r"""Variance of a component's weight after one step of EM that starts from the truth.

    The variance over samples. `weight`: the component's weight in the truth, in [0, 1].
    `separation`: the Mahalanobis distance of the means of the two components, which share a
    covariance.

    Exact (prop-mixture-weights): the weight becomes the mean of M independent shares
    :math:`r(X_i)` with :math:`E\,r(X)=\pi`, a martingale with increments of variance
    :math:`\mathrm{Var}\,r(X)/M\le\pi(1-\pi)/M`. Without overlap r is 0 or 1 and the weight does
    what the share of a word does, the Wright-Fisher model; with overlap one step drifts more
    slowly. A fit that climbs to the top drifts faster, to leading order in 1/M: its variance is
    that of the inverse of the observed information, which is what is left of the complete one. The
    mean of :math:`r^2` is :math:`\pi` times that of r over the component, integrated by the
    trapezoidal rule, to rounding for separations up to 100.
    """
    size = validation.constant_size(sample_size)
    p = validation.real("weight", weight, 0, 1)
    separation = validation.real("separation", separation, 0)
    z = np.linspace(-10, 10, 4001)
    density = stats.norm.pdf(z)
    shares = special.expit(special.logit(p) + separation * z + 0.5 * separation**2)
    return p * float(density @ shares / density.sum() - p) / size


def floor_of_variance(points, *, regulariser):
    r"""Limit law of the variance of a regularised component of m points, along one direction.

    Of the variance, in squared units of the data: :math:`\epsilon m` over a gamma variable of
    shape 2. `points`: m, the points of the component in each generation. `regulariser`: the
    :math:`\epsilon` that is added to each variance, positive.

    Asymptotic in m (thm-mixture-floor); the mean :math:`\epsilon m` is exact. Each generation
    makes :math:`V'=V\chi^2_{m-1}/m+\epsilon` of V. The stationary solution is
    :math:`\epsilon\sum_kS_1\cdots S_k`, for large m the integral
    :math:`\epsilon m\int_0^\infty e^{\sqrt2B_\tau-2\tau}d\tau`, which is one over a gamma variable
    of shape 2 (Dufresne 1990). The median is 0.60 of the mean, so that a typical standard
    deviation is :math:`0.77\sqrt{\epsilon m}`; the variance of the law is infinite.
    """
    points = validation.integer("points", points, 1)
    epsilon = validation.real("regulariser", regulariser, 0, open_below=True)
    return stats.invgamma(2, scale=epsilon * points)


def expected_squared_l2(sample_size, generations, weights, covariances):
    r"""Expected squared L2 distance of the mixture from reality, while it is small.

    :math:`E\int(f_n-f_0)^2` at each generation, in units of one over the data to the power d.
    `weights`: the weights of reality's components, shape (k,). `covariances`: their covariances,
    of full rank, shape (k, d, d).

    Leading order in :math:`s=\sum_{i<n}1/M_i`, for components far apart and full covariances
    (prop-mixture-l2). The component's density has the square integral
    :math:`c=(4\pi)^{-d/2}|\Sigma|^{-1/2}`. Its weight wanders with the variance
    :math:`\pi(1-\pi)s`, its mean and covariance with :math:`\Sigma s/\pi` and the fluctuations of
    a Wishart matrix. To first order the density moves by its derivatives, whose square integrals
    are moments of :math:`|\hat\varphi|^2`, a normal law of covariance :math:`\Sigma^{-1}/2`:
    together :math:`s\,c\,\pi[1-\pi+d/2+d(d+2)/8]`, summed over the components. Later the distance
    has no bound.
    """
    weights = validation.probabilities("weights", weights)
    covariances = validation.finite("covariances", covariances)
    shape = covariances.shape
    if weights.ndim != 1 or len(shape) != 3 or shape[0] != len(weights) or shape[1] != shape[2]:
        raise ValueError(f"covariances must have shape ({weights.size}, d, d), got {shape}")
    sign, log_determinant = np.linalg.slogdet(covariances)
    if (sign <= 0).any():
        raise ValueError("covariances must have full rank, got a determinant of zero or less")
    d = shape[-1]
    square = np.exp(-0.5 * (d * np.log(4 * np.pi) + log_determinant))
    rate = (square * weights * (1 - weights + d / 2 + d * (d + 2) / 8)).sum()
    sizes = validation.sample_sizes(sample_size, generations).astype(float)
    return rate * np.concatenate([[0.0], np.cumsum(1 / sizes)])
