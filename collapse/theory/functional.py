r"""What the family and the procedure do to a law, with and without samples between.

The family can be too small for the truth (expressivity), and the procedure can miss the best member
of the family (approximation). A procedure acts on the variance or on the probabilities by a fixed
map; samples of size M between two generations multiply an expected variance by 1 - 1/M (or by 1,
if the fit divides by M - 1). Arrays run over the generations 0 (reality), 1, ..., N.
"""

from itertools import pairwise

import numpy as np
from scipy import integrate, special

from collapse import validation
from collapse.theory import gaussian


def _inputs(sample_size, generations, variance, minimum=1):
    """Return the sample sizes as floats, and reality's variance, checked."""
    sizes = validation.sample_sizes(sample_size, generations, minimum=minimum)
    return sizes.astype(float), validation.real("variance", variance, 0)


def _affine(factors, constant, start):
    """Return V_0 = start, V_{n+1} = factors[n] V_n + constant, shape (N + 1,)."""
    values = [start]
    for factor in factors:
        values.append(factor * values[-1] + constant)
    return np.array(values)


def _kept(sizes, ddof):
    """Return the share (M - 1) / (M - ddof) of the variance that a fit is expected to keep."""
    return 1 + (ddof - 1) / (sizes - ddof)


def kde_variance(sample_size, generations, *, bandwidth, variance=1.0):
    """Expected variance of a kernel density estimate, refitted to its own samples.

    :math:`V_n`, the mean over chains of the model's variance: that of its points (ddof=0) plus
    :math:`h^2`.

    Exact, for any reality with this variance: :math:`V_{n+1}=(1-1/M_n)V_n+h^2`. M draws from a law
    of variance V have an expected empirical variance of (1 - 1/M) V, and the kernel adds its own.
    At constant M it tends to :math:`Mh^2`: above reality's variance the law swells, below it
    shrinks.
    """
    sizes, variance = _inputs(sample_size, generations, variance)
    return _affine(1 - 1 / sizes, validation.real("bandwidth", bandwidth, 0) ** 2, variance)


def kde_variance_of_mean(sample_size, generations, *, bandwidth, variance=1.0):
    """Variance over chains of the mean of a kernel density estimate, shape (N + 1,).

    Exact: uncorrelated increments of variance :math:`V_n/M_n`, with `kde_variance`. At constant M
    it ends up growing by :math:`h^2` a generation: the estimate diffuses as a whole.
    """
    spread = kde_variance(sample_size, generations, bandwidth=bandwidth, variance=variance)
    sizes, _ = _inputs(sample_size, generations, variance)
    return np.concatenate([[0.0], np.cumsum(spread[:-1] / sizes)])


def kde_variance_accumulated(sample_size, generations, *, bandwidth, variance=1.0):
    r"""Expected variance of a kernel density estimate on the pooled data of all generations.

    The mean over chains of the model's variance: that of the pool (ddof=0) plus :math:`h^2`.
    `sample_size`: M_n, the number of draws that generation n adds to the pool.

    Exact. Let U be the expected variance of a pool of N draws, and N' = N + M. The M new draws
    have variance :math:`V=U+h^2` about the pool's mean; splitting the new pool's scatter into
    those of both parts and of their means, :math:`N'U'=NU+(M-1)V+\frac N{N'}V`, that is

    .. math:: U' = \Bigl(1-\frac M{N'^2}\Bigr)U+\frac M{N'}\Bigl(1-\frac1{N'}\Bigr)h^2,

    from :math:`U_1=(1-1/M_0)\sigma^2`. Asymptotically in M, at constant M:
    :math:`V_n=\sigma^2+h^2(1+\frac12+\dots+\frac1n)`, which is exact without sampling error.
    """
    sizes, variance = _inputs(sample_size, generations, variance)
    added = validation.real("bandwidth", bandwidth, 0) ** 2
    pool, values = variance, [variance]
    for n, (size, total) in enumerate(zip(sizes, np.cumsum(sizes), strict=True)):
        widened = added * (n > 0)  # reality itself was not smoothed
        pool = (1 - size / total**2) * pool + size / total * (1 - 1 / total) * widened
        values.append(pool + added)
    return np.array(values)


def kde_rule_variance(sample_size, generations, *, factor, variance=1.0):
    r"""Expected variance of a kernel density estimate whose bandwidth follows a rule.

    The mean over chains of the model's variance. `factor`: c(M) of the rule h = c(M) s with the
    sample standard deviation s (ddof=1), as `collapse.models.kde.scott_factor`.

    Exact: the model's variance is :math:`\frac{M-1}Ms^2+c^2s^2` and :math:`E\,s^2` the variance of
    the generation before, so that a generation multiplies it by :math:`1-1/M+c(M)^2`. Scott's
    factor :math:`M^{-1/5}` and Silverman's exceed :math:`M^{-1/2}` at every M: the variance grows
    without bound, by :math:`M^{-2/5}` in relative terms, where a Gaussian fit would lose its
    variance.
    """
    sizes, variance = _inputs(sample_size, generations, variance, minimum=2)
    if not callable(factor):
        raise ValueError(f"factor must be callable, got {factor!r}")
    factors = np.array([validation.real("factor", float(factor(m)), 0) for m in sizes])
    return _affine(1 - 1 / sizes + factors**2, 0.0, variance)


def smoothed_variance(generations, *, bandwidth, variance=1.0):
    r"""Variance under kernel density estimation without sampling error, shape (N + 1,).

    Exact, :math:`\sigma^2+nh^2`: with endless samples the estimate is the convolution of the law
    with the kernel, once a generation. The procedure is not idempotent: it errs every time.
    """
    generations = validation.integer("generations", generations, 0)
    variance = validation.real("variance", variance, 0)
    added = validation.real("bandwidth", bandwidth, 0) ** 2
    return variance + added * np.arange(generations + 1)


def shrinkage_variance(sample_size, generations, *, ddof, intensity, target, variance=1.0):
    r"""Expected variance of a Gaussian fit that is shrunk towards a target, shape (N + 1,).

    `intensity` is the weight :math:`\lambda` of the variance :math:`\tau` of the `target`. With
    ddof=1 the result is also that of no sampling error.

    Exact: :math:`V_{n+1}=(1-\lambda)rV_n+\lambda\tau` with :math:`r=(M-1)/(M-\mathrm{ddof})`.
    Reality is forgotten at the rate :math:`((1-\lambda)r)^n`; what is left is
    :math:`\lambda\tau/(1-(1-\lambda)r)`, which is the target for ddof=1. In d dimensions the same
    holds for every entry of the covariance.
    """
    sizes, variance = _inputs(sample_size, generations, variance, minimum=_smallest(ddof))
    intensity = validation.real("intensity", intensity, 0, 1)
    target = validation.real("target", target, 0)
    return _affine((1 - intensity) * _kept(sizes, ddof), intensity * target, variance)


def regularized_variance(sample_size, generations, *, ddof, epsilon, variance=1.0):
    r"""Expected variance of a Gaussian fit to which a constant is added, shape (N + 1,).

    With ddof=1 the result is also that of no sampling error.

    Exact: :math:`V_{n+1}=rV_n+\epsilon` with :math:`r=(M-1)/(M-\mathrm{ddof})`. For ddof=0 and
    constant M it tends to :math:`\epsilon M`, the floor of collapse in scikit-learn's mixtures
    (``reg_covar``, with M the points of a component); for ddof=1 it grows by :math:`\epsilon` a
    generation.
    """
    sizes, variance = _inputs(sample_size, generations, variance, minimum=_smallest(ddof))
    return _affine(_kept(sizes, ddof), validation.real("epsilon", epsilon, 0), variance)


def _smallest(ddof):
    """Return the smallest sample that the variance can be estimated from."""
    return 2 if validation.ddof(ddof) == 1 else 1


def stopped_early_moments(
    sample_size, generations, *, ddof, fraction, start_variance, distance=0.0, variance=1.0
):
    r"""Expected moments of a Gaussian fit that goes part of the way from a fixed start.

    Returned are `squared_distance`, mean over chains of the squared distance A of the fitted mean
    from that of the start; `spread`, mean over chains of the fitted variance V. `fraction`: f, how
    much of the way is gone: :math:`1-(1-\eta)^t` after t steps at the learning rate :math:`\eta`.
    `start_variance`: the variance of the start. `distance`: the distance of reality's mean from
    that of the start.

    Exact. Both moments of the start s go the fraction f towards those of the data, so that

    .. math:: A' = f^2(A+V/M), \qquad V' = (1-f)s^2+f\,rV+f(1-f)(A+V/M),

    with :math:`r=(M-1)/(M-\mathrm{ddof})`. Without sampling error (1/M = 0, r = 1) the distance
    shrinks by f a generation and the variance tends to that of the start: the models unlearn
    reality and end where training begins.
    """
    sizes, variance = _inputs(sample_size, generations, variance, minimum=_smallest(ddof))
    f = validation.real("fraction", fraction, 0, 1)
    fresh = (1 - f) * validation.real("start_variance", start_variance, 0)
    values = [(validation.real("distance", distance) ** 2, variance)]
    for size, kept in zip(sizes, _kept(sizes, ddof), strict=True):
        squared, spread = values[-1]
        squared += spread / size  # of the sample mean
        values.append((f**2 * squared, fresh + f * kept * spread + f * (1 - f) * squared))
    return tuple(np.array(values).T)


def tempered_variance(sample_size, generations, *, ddof, temperature, variance=1.0):
    r"""Expected variance of a Gaussian that is sampled at a temperature, shape (N + 1,).

    With ddof=1 the result is also that of no sampling error.

    Exact: the density to the power 1/T has T times the variance, so that :math:`V_n=T^n\sigma^2`
    times what sampling keeps. This is the sampling bias of Alemohammad et al. 2023
    (arXiv:2307.01850). Almost every chain collapses if :math:`\ln T` is less than the loss of the
    log-variance walk, about 1/M for ddof=1, and so for every T up to 1.
    """
    temperature = validation.real("temperature", temperature, 0, open_below=True)
    kept = gaussian.std_moment(2, sample_size, generations, ddof=ddof, variance=variance)
    return kept * temperature ** np.arange(len(kept))


def tempered_probabilities(probabilities, generations, *, temperature):
    r"""Categorical law that is sampled at a temperature, without sampling error.

    Shape (N + 1, K). :math:`p_n\propto p_0^{1/T^n}`.

    Exact: powers multiply. For T < 1 the law tends to a point, or to the uniform law on the most
    probable categories; for T > 1 to the uniform law on the support; only T = 1 leaves it as it is
    (the deterministic core of Marchi et al. 2024, arXiv:2404.02325).
    """
    p = validation.probabilities("probabilities", probabilities)
    if p.ndim != 1:
        raise ValueError(f"probabilities must have one axis, (K,), got shape {p.shape}")
    generations = validation.integer("generations", generations, 0)
    temperature = validation.real("temperature", temperature, 0, open_below=True)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        logits = np.log(p) - np.log(p.max())
        powers = np.exp(-np.arange(generations + 1.0) * np.log(temperature))
        # neither the largest (0 times infinity) nor the absent (infinity times 0) ever change
        scaled = np.where((logits == 0) | (p == 0), logits, powers[:, None] * logits)
    return special.softmax(scaled, axis=-1)


def tempered_entropy(probabilities, generations, *, temperature):
    r"""Entropy of `tempered_probabilities`, shape (N + 1,).

    Exact. It is monotone: along :math:`p\propto p_0^b` the entropy falls at the rate
    :math:`b\,\mathrm{Var}_p(\ln p_0)` in b.
    """
    law = tempered_probabilities(probabilities, generations, temperature=temperature)
    return special.entr(law).sum(axis=-1)


def projection_kl(reality):
    r"""Divergence of reality from the Gaussian with its mean and variance.

    :math:`\mathrm{KL}(p\,\|\,N(\mu,\sigma^2))`, in nats. `reality`: one law on the line with
    ``mean``, ``variance``, ``logpdf`` and ``cdf``.

    Exact up to the error of the quadrature, about 1e-8: the smallest divergence from any Gaussian,
    :math:`\frac12\ln(2\pi e\sigma^2)` less the entropy of reality, also called negentropy. It is
    the whole expressivity error of a Gaussian, made at generation 1 and never again. For the
    Laplace law it is :math:`(\ln\pi-1)/2`, for the exponential law :math:`(\ln2\pi-1)/2`.
    """
    mean, std = _law(reality)

    def integrand(y):
        log_density = reality.logpdf(np.array([mean + std * y])).item() + np.log(std)
        log_normal = -0.5 * (y**2 + np.log(2 * np.pi))
        return np.exp(log_density) * (log_density - log_normal) if log_density > -700 else 0.0

    return _integral(integrand)


def projection_w2(reality):
    r"""Squared 2-Wasserstein distance of reality from the Gaussian with its mean and variance.

    :math:`W_2^2`, in squared units of the data. `reality`: one law on the line with ``mean``,
    ``variance``, ``logpdf`` and ``cdf``.

    Exact up to the error of the quadrature, about 1e-8 of the variance. With quantile functions Q
    and z (of the standard normal) :math:`W_2^2=2\sigma^2-2\sigma\int Qz\,du`, and by parts
    :math:`\int Qz\,du=\int\varphi(z(F(x)))\,dx`.
    """
    mean, std = _law(reality)

    def integrand(y):
        u = reality.cdf(np.array([mean + std * y])).item()
        return np.exp(-0.5 * special.ndtri(u) ** 2) / np.sqrt(2 * np.pi)

    return 2 * std**2 * (1 - _integral(integrand))


def _law(reality):
    """Return mean and standard deviation of one law, checked."""
    for name in ("mean", "variance", "logpdf", "cdf"):
        if not hasattr(reality, name):
            raise ValueError(f"reality must be a law with {name}, got {reality!r}")
    if np.ndim(reality.mean) or not 0 < reality.variance < np.inf:
        raise ValueError(f"reality must be one law with a finite variance, got {reality!r}")
    return float(reality.mean), float(np.sqrt(reality.variance))


def _integral(integrand):
    """Integrate over the line, in pieces that do not miss a narrow peak."""
    ends = np.concatenate([[-np.inf], np.linspace(-8, 8, 65), [np.inf]])
    pieces = (integrate.quad(integrand, a, b, epsabs=1e-11, limit=200) for a, b in pairwise(ends))
    return sum(value for value, _ in pieces)


def rounded_variance(sample_size, generations, *, ddof, spacing, variance=1.0):
    r"""Expected variance of a Gaussian fitted to rounded draws, shape (N + 1,).

    `spacing`: the distance :math:`\Delta` of the numbers that draws are rounded to, for
    floating-point numbers that at the mean.

    Asymptotic in :math:`\sigma/\Delta`, by Sheppard's correction, with an error below a percent of
    :math:`\Delta^2` once :math:`\sigma>\Delta/2`: rounding adds :math:`\Delta^2/12`, so that
    :math:`V_{n+1}=r(V_n+\Delta^2/12)` with :math:`r=(M-1)/(M-\mathrm{ddof})`, a regularisation.
    For ddof=0 the variance stays near :math:`(M-1)\Delta^2/12`, and where that is much more than
    :math:`\Delta^2` the draws practically never all round to one number: discreteness then keeps
    the fit from becoming a point. Small samples do get there.
    """
    sizes, variance = _inputs(sample_size, generations, variance, minimum=_smallest(ddof))
    kept = _kept(sizes, ddof)
    noise = validation.real("spacing", spacing, 0) ** 2 / 12
    # W = V + noise obeys W' = r W + noise
    return _affine(kept, noise, variance + noise) - noise


def rounding_variance(dtype):
    r"""Mean squared relative error of rounding to a floating-point format.

    :math:`\epsilon^2/(32\ln2)`, with the spacing :math:`\epsilon` of the format at 1. `dtype`: the
    format, such as ``"float16"``.

    Asymptotic in :math:`\epsilon`, for numbers with a log-uniform mantissa m in [1, 2) (Benford's
    law): the error is uniform over one spacing, :math:`\epsilon^2/12`, over :math:`m^2`, whose
    mean inverse is :math:`3/(8\ln2)`. A fit to M draws has a relative variance of 2/M: rounding a
    variance matters less than chance as long as :math:`M<64\ln2/\epsilon^2`, 5e7 for float16, 3e15
    for float32 and 9e32 for float64.
    """
    try:
        spacing = float(np.finfo(dtype).eps)
    except (TypeError, ValueError):
        raise ValueError(f"dtype must be a floating-point format, got {dtype!r}") from None
    return spacing**2 / (32 * np.log(2))
