r"""One Gaussian, refitted to its own samples.

Reality is :math:`N(\mu,\sigma^2)`. Generation n + 1 is fitted to M_n draws of generation n by the
sample mean and the sample variance, which divides by M_n - ddof: ``ddof=1`` is the unbiased
estimator of the paper's theorems, ``ddof=0`` maximum likelihood, as in the paper's code. Then

.. math:: \mu_{n+1} = \mu_n + \sigma_n Z_n/\sqrt{M_n}, \qquad \sigma_{n+1}^2 = \sigma_n^2 S_n,
   \qquad S_n \sim \chi^2_{M_n-1}/(M_n-\mathrm{ddof}),

with all Z and S independent (Cochran 1934). Arrays run over the generations 0 (reality), 1, ..., N.
"""

import numpy as np
from scipy import special, stats

from collapse import accurate, validation


def _log_moment(sizes, ddof, s):
    """Return log E[S^s] for S = chi-square(M - 1) / (M - ddof); minus infinity if S is zero."""
    sizes = sizes.astype(float)
    single = sizes == 1  # one draw has no scatter
    a = np.where(single, 1.0, (sizes - 1) / 2)
    value = accurate.log_gamma_ratio(a, s) + s * np.log1p(
        (ddof - 1) / (np.where(single, 2.0, sizes) - ddof)
    )
    return np.where(single, 0.0 if s == 0 else -np.inf, value)


def _sizes(sample_size, generations, ddof):
    """Return the sample sizes, checked for the estimator."""
    ddof = validation.ddof(ddof)
    return validation.sample_sizes(sample_size, generations, minimum=2 if ddof == 1 else 1)


def _walk(steps, start=0.0):
    """Return the partial sums of steps, beginning with `start` at generation 0."""
    return start + np.concatenate([[0.0], np.cumsum(steps)])


def _joint_moments(degree, sizes, ddof):
    """Return E[m^(2a) s^(degree - 2a)], shape (N + 1, degree // 2 + 1), at unit variance.

    m is the fitted mean's distance from the truth and s the fitted standard deviation: with
    m' = m + s Z / sqrt(M) and s' = s sqrt(S), moments of one degree depend on that degree alone.
    """
    a = np.arange(degree // 2 + 1)
    moments = np.zeros((len(sizes) + 1, len(a)))
    moments[0, 0] = 1.0
    factors = np.exp([_log_moment(sizes, ddof, (degree - 2 * j) / 2) for j in a]).T
    for n, size in enumerate(sizes.astype(float)):
        for j in a:
            i = a[: j + 1]  # E[Z^(2i)] = (2i - 1)!!
            normal = special.comb(2 * j, 2 * i) * _double_factorial(i) / size**i
            moments[n + 1, j] = factors[n, j] * (normal * moments[n, j - i]).sum()
    return moments


def _double_factorial(i):
    """Return (2i - 1)!!, the moment of order 2i of a standard normal."""
    return special.factorial2(2 * i - 1, exact=False) + (i == 0)


def c4(sample_size):
    r"""Mean of the sample standard deviation (ddof=1) of M draws from N(0, 1).

    :math:`c_4(M)=\sqrt{2/(M-1)}\,\Gamma(M/2)/\Gamma((M-1)/2)=1-1/(4M)-\dots`

    Exact: the mean of a chi variable with M - 1 degrees of freedom over sqrt(M - 1).
    """
    sizes = np.atleast_1d(sample_size)
    sizes = validation.sample_sizes(sizes.ravel(), sizes.size, minimum=2)
    return np.exp(_log_moment(sizes, 1.0, 0.5)).reshape(np.shape(sample_size))


def std_moment(order, sample_size, generations, *, ddof, variance=1.0):
    r"""Moments :math:`E[\sigma_n^s]` of the fitted standard deviation, shape (N + 1,).

    `order`: s, positive; 2 gives the expected variance.

    Exact, a product of independent factors:
    :math:`E[S^{s/2}]=\left(\frac2{M-\mathrm{ddof}}\right)^{s/2}
    \Gamma(\frac{M-1+s}2)/\Gamma(\frac{M-1}2)`.
    With ddof=1 the expected variance stays, with ddof=0 it shrinks by 1 - 1/M, and in both cases
    the mean standard deviation shrinks: by `c4` for ddof=1, Bertrand et al. 2023
    (arXiv:2310.00429).
    """
    order = validation.real("order", order, 0, open_below=True)
    variance = validation.real("variance", variance, 0)
    sizes = _sizes(sample_size, generations, ddof)
    return variance ** (order / 2) * np.exp(_walk(_log_moment(sizes, ddof, order / 2)))


def variance_of_mean(sample_size, generations, *, ddof, variance=1.0):
    r"""Variance of the fitted mean :math:`\mu_n` over chains, shape (N + 1,).

    Exact: the increments of :math:`\mu_n` are uncorrelated with variance
    :math:`E[\sigma_i^2]/M_i`. For ddof=1 this is :math:`\sigma^2\sum_{i<n}1/M_i` and grows for
    ever; for ddof=0 it is :math:`\sigma^2(1-\prod(1-1/M_i))` and never exceeds reality's variance.
    """
    sizes = _sizes(sample_size, generations, ddof)
    expected = std_moment(2, sample_size, generations, ddof=ddof, variance=variance)
    return _walk(expected[:-1] / sizes)


def variance_of_draw(sample_size, generations, *, ddof, variance=1.0):
    r"""Variance of one draw :math:`X^n_j` of generation n, over all chains, shape (N + 1,).

    Exact, by the law of total variance: ``variance_of_mean`` plus the expected fitted variance.
    For ddof=1 it is :math:`\sigma^2(1+\sum_{i<n}1/M_i)`. The paper (arXiv v2, section 4.2) prints
    this with a remainder "+O(2)"; the remainder is zero. For ddof=0 it is :math:`\sigma^2` at
    every generation: what the fits lose, the drift of their means gains.
    """
    spread = std_moment(2, sample_size, generations, ddof=ddof, variance=variance)
    return spread + variance_of_mean(sample_size, generations, ddof=ddof, variance=variance)


def draw_moment(order, sample_size, generations, *, ddof, variance=1.0):
    r"""Central moments of one draw :math:`X^n_j` of generation n, over all chains.

    :math:`E[(X^n_j-\mu)^{2k}]` at each generation. `order`: 2k, even and positive; the odd moments
    vanish.

    Exact. By equation (3) of arXiv v2 the draw is a normal whose variance is random, so that its
    law is fixed by these moments: they follow from the linear recursion of the joint moments of
    the fitted mean and standard deviation, and
    :math:`E[(m+sZ)^{2k}]=\sum_i\binom{2k}{2i}(2i-1)!!\,E[m^{2k-2i}s^{2i}]`. The paper calls the
    law of :math:`X^1_j` variance-gamma: that is its law given :math:`\mu_1`; see
    `first_characteristic_function` for the law without the condition.
    """
    order = validation.integer("order", order, 2)
    if order % 2:
        raise ValueError(f"order must be even, got {order}")
    variance = validation.real("variance", variance, 0)
    joint = _joint_moments(order, _sizes(sample_size, generations, ddof), ddof)
    i = np.arange(order // 2 + 1)
    weights = special.comb(order, 2 * i) * _double_factorial(i)
    return variance ** (order // 2) * (joint[:, ::-1] * weights).sum(axis=-1)


def first_characteristic_function(t, sample_size, *, ddof, variance=1.0):
    r"""Characteristic function of one draw of generation 1, about the mean, shape of t.

    :math:`E\,e^{it(X^1_j-\mu)}`, which is real. `t`: frequencies, in inverse units of the data.
    `sample_size` is M_0.

    Exact: :math:`e^{-\sigma^2t^2/2M}\,(1+\sigma^2t^2/(M-\mathrm{ddof}))^{-(M-1)/2}`, the first
    factor from the fitted mean, the second the Laplace transform of the fitted variance, a gamma
    variable. The second factor alone is a variance-gamma law, as arXiv v2 (section 4.2) has it for
    the whole.
    """
    t = validation.finite("t", t)
    size = float(_sizes(sample_size, 1, ddof)[0])
    squared = validation.real("variance", variance, 0) * t**2
    spread = (size - 1) / 2 * np.log1p(squared / (size - ddof)) if size > 1 else 0.0
    return np.exp(-squared / (2 * size) - spread)


def expected_risk(sample_size, generations, *, ddof, variance=1.0):
    r"""Expected risk: the mean of :math:`W_2^2` between reality and the model of generation n.

    Exact: :math:`R_n=(\mu_n-\mu)^2+(\sigma_n-\sigma)^2`, hence
    :math:`E R_n=\mathrm{Var}\,\mu_n+E\sigma_n^2-2\sigma E\sigma_n+\sigma^2`. For ddof=1
    :math:`\sigma^2[\sum_{i<n}1/M_i+2(1-\prod_{i<n}c_4(M_i))]`, which grows without bound at fixed
    M; for ddof=0 it tends to :math:`2\sigma^2` and no further. Equation (4) of arXiv v2 differs:
    see `companion.printed.expected_risk_v2`.
    """
    variance = validation.real("variance", variance, 0)
    sizes = _sizes(sample_size, generations, ddof)
    # E s^2 - 2 E s + 1 as differences from 1, which loses nothing when M is large
    first, second = (np.expm1(_walk(_log_moment(sizes, ddof, s))) for s in (0.5, 1.0))
    spread = second - 2 * first
    return variance * (variance_of_mean(sample_size, generations, ddof=ddof) + spread)


def variance_of_risk(sample_size, generations, *, ddof, variance=1.0):
    r"""Variance over chains of the risk :math:`W_2^2` of generation n, shape (N + 1,).

    Exact, from joint moments up to order four; rounding leaves a relative error of about 1e-16
    times M. To leading order in 1/M, and for either ddof,
    :math:`\frac52\sigma^4(\sum_{i<n}1/M_i)^2`: 2 from the mean, 1/2 from the standard deviation.
    Equation (5) of arXiv v2 differs already for n = 1: see
    `companion.printed.variance_of_risk_v2`.
    """
    variance = validation.real("variance", variance, 0)
    sizes = _sizes(sample_size, generations, ddof)
    mean = [None, None, *(_joint_moments(d, sizes, ddof) for d in (2, 3, 4))]
    # delta[k] = E[s^k] - 1, so that E[(s - 1)^4] is a difference of small numbers
    delta = [None, *(np.expm1(_walk(_log_moment(sizes, ddof, k / 2))) for k in (1, 2, 3, 4))]
    fourth = delta[4] - 4 * delta[3] + 6 * delta[2] - 4 * delta[1]
    mixed = mean[4][:, 1] - 2 * mean[3][:, 1] + mean[2][:, 1]
    second_moment = mean[4][:, 2] + 2 * mixed + fourth
    return variance**2 * (second_moment - expected_risk(sample_size, generations, ddof=ddof) ** 2)


def expected_log_variance(sample_size, generations, *, ddof, variance=1.0):
    r"""Mean of :math:`\ln\sigma_n^2`, the drift of the log-variance walk summed up.

    Exact: a step is the logarithm of a chi-square over M - ddof, with mean
    :math:`\psi(\frac{M-1}2)-\ln\frac{M-\mathrm{ddof}}2`, about :math:`-1/(M-1)` for ddof=1 and
    :math:`-2/M` for ddof=0. It is negative, so that almost every chain loses its variance.
    """
    variance = validation.real("variance", variance, 0, open_below=True)
    sizes = _walk_sizes(sample_size, generations, ddof)
    drift = accurate.digamma_minus_log((sizes - 1) / 2)
    return _walk(drift + np.log1p((ddof - 1) / (sizes - ddof)), np.log(variance))


def variance_of_log_variance(sample_size, generations, *, ddof):
    r"""Variance over chains of :math:`\ln\sigma_n^2`, shape (N + 1,).

    Exact: independent steps of variance :math:`\psi'(\frac{M-1}2)`, about 2/M each.
    """
    sizes = _walk_sizes(sample_size, generations, ddof)
    return _walk(special.polygamma(1, (sizes - 1) / 2))


def _walk_sizes(sample_size, generations, ddof):
    """Return the sample sizes as floats, at least 2: the variance of one draw has no logarithm."""
    validation.ddof(ddof)
    return validation.sample_sizes(sample_size, generations, minimum=2).astype(float)


def std_distribution(x, sample_size, generations, *, ddof, variance=1.0):
    r"""Distribution function :math:`P(\sigma_n\le x)` of the fitted standard deviation.

    Shape (N + 1, K). `x`: standard deviations, positive, shape (K,).

    Exact up to an error below 1e-10 of the quadrature: the characteristic function of the
    log-variance walk, a product of gamma functions of complex argument, inverted by Gil-Pelaez's
    formula.
    """
    x = np.atleast_1d(validation.finite("x", x))
    if (x <= 0).any():
        raise ValueError(f"x must be positive, got {x.min()}")
    center, scale, inverter = _standardised(sample_size, generations, ddof, variance)
    values = [(2 * np.log(x) >= center[0]).astype(float)]
    for n in range(1, generations + 1):
        values.append(_invert(inverter(n), (2 * np.log(x) - center[n]) / scale[n])[0])
    return np.array(values)


def std_quantile(q, sample_size, generations, *, ddof, variance=1.0):
    r"""Quantiles of the fitted standard deviation :math:`\sigma_n` over chains.

    Shape (N + 1, K). `q`: probabilities between 1e-6 and 1 - 1e-6; 0.5 gives the median, shape
    (K,).

    Exact in the same sense as `std_distribution`, which it inverts. For large M and n the median
    is close to :math:`\sigma e^{-n/2M}` for ddof=1 and :math:`\sigma e^{-n/M}` for ddof=0.
    """
    q = np.atleast_1d(validation.finite("q", q))
    if (q < 1e-6).any() or (q > 1 - 1e-6).any():
        raise ValueError(
            f"q must be between 1e-6 and 1 - 1e-6, got {q[(q < 1e-6) | (q > 1 - 1e-6)][0]}"
        )
    center, scale, inverter = _standardised(sample_size, generations, ddof, variance)
    values = [np.full(q.shape, np.exp(center[0] / 2))]
    for n in range(1, generations + 1):
        cf = inverter(n)
        low, high = np.full(q.shape, -25.0), np.full(q.shape, 25.0)
        y = special.ndtri(q)
        for _ in range(60):  # Newton's steps, halving the bracket where one leaves it
            cdf, density = _invert(cf, y)
            low, high = np.where(cdf < q, y, low), np.where(cdf < q, high, y)
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = y - (cdf - q) / density
            inside = (newton > low) & (newton < high)
            new = np.where(inside, newton, (low + high) / 2)
            if np.abs(new - y).max() < 1e-11:
                break
            y = new
        values.append(np.exp((center[n] + scale[n] * y) / 2))
    return np.array(values)


_STEP = 2 * np.pi / 80  # aliasing moves mass by 80 standard deviations: far below rounding
_POINTS = (np.arange(1200) + 0.5) * _STEP


def _standardised(sample_size, generations, ddof, variance):
    """Return mean, scale and characteristic function of the log-variance walk, by generation."""
    center = expected_log_variance(sample_size, generations, ddof=ddof, variance=variance)
    scale = np.sqrt(variance_of_log_variance(sample_size, generations, ddof=ddof))
    sizes = _walk_sizes(sample_size, generations, ddof)

    def characteristic_function(n):
        t = _POINTS / scale[n]
        kinds, times = np.unique(sizes[:n], return_counts=True)
        # beyond 40 standard deviations of a normal there is nothing; small samples need more
        t = t[: 120 if n * kinds[0] > 200 else len(t)]
        log_cf = np.zeros(len(t), dtype=complex)
        for size, count in zip(kinds, times, strict=True):
            a = (size - 1) / 2
            log_cf += count * (
                special.loggamma(a + 1j * t) - special.gammaln(a) - 1j * t * special.digamma(a)
            )
        return np.exp(log_cf)

    return center, scale, characteristic_function


def _invert(cf, y):
    """Return distribution function and density at y, from values of a characteristic function."""
    points = _POINTS[: len(cf)]
    y = np.clip(y, -39, 39)  # the sum has period 80
    wave = np.exp(-1j * points * y[..., None]) * cf
    cdf = 0.5 - (wave.imag / points).sum(axis=-1) * (_STEP / np.pi)
    return cdf, wave.real.sum(axis=-1) * (_STEP / np.pi)


def limit_of_mean(*, ddof):
    r"""Where the mean ends up: the limit law of :math:`(\mu_\infty-\mu)/\sigma`.

    Student's t with :math:`2\nu` degrees of freedom over :math:`\sqrt\nu`, with
    :math:`\nu=2-\mathrm{ddof}`: :math:`t_2` for ddof=1, :math:`t_4/\sqrt2` for ddof=0.

    Asymptotic in M. In the time :math:`\tau=n/M` the variance becomes
    :math:`\sigma^2e^{\sqrt2B_\tau-\nu\tau}` and :math:`\mu_\infty` is normal given it, with
    variance :math:`\sigma^2\int_0^\infty e^{\sqrt2B_\tau-\nu\tau}d\tau`, which is one over a gamma
    variable of shape :math:`\nu` (Dufresne 1990). For ddof=1 the variance is infinite: the mean
    risk of arXiv v2 diverges although every chain ends somewhere.
    """
    shape = 2 - validation.ddof(ddof)
    return stats.t(2 * shape, scale=shape**-0.5)


def growth_limits(scale, power):
    r"""Limits under growing samples :math:`M_n=c\,(n+1)^p`, for ddof=1 and unit variance.

    ``inverse_sizes``, the sum of 1/M_n; ``std``, the limit of :math:`E\sigma_n`; and ``risk``, the
    limit of :math:`E W_2^2`. `scale`: c, at least 2. `power`: p, positive.

    Exact up to an error below 1e-12 of the summation. The sum of 1/M_n, :math:`\zeta(p)/c`, is
    finite if and only if p > 1. The product of the S converges to a positive limit, almost surely,
    if the sum is finite, and to zero if it is not (Kakutani 1948), so that one condition decides
    whether the risk stays bounded and whether any variance is left. The paper (arXiv v2, sections
    4.2 and 4.3) asks for "superlinear" growth, which is looser: :math:`M_n\sim n\ln n` is
    superlinear and its sum diverges.
    """
    scale = validation.real("scale", scale, 2)
    power = validation.real("power", power, 0, open_below=True)
    if power <= 1:
        return {"inverse_sizes": np.inf, "std": 0.0, "risk": np.inf}
    total = special.zeta(power) / scale
    sizes = scale * np.arange(1.0, 2e5) ** power
    # ln c4 = -1/(4M) - 1/(4M^2) + O(1/M^3): beyond the sum, by Hurwitz's zeta function
    rest = special.zeta(power, 2e5) / (4 * scale) + special.zeta(2 * power, 2e5) / (4 * scale**2)
    std = np.exp(_log_moment(sizes, 1.0, 0.5).sum() - rest)
    return {"inverse_sizes": float(total), "std": float(std), "risk": float(total + 2 * (1 - std))}
