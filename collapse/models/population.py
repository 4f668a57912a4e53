"""Fits to endless samples: what is left of an error when chance is taken away."""

from functools import singledispatch

import numpy as np
from scipy import special

from collapse.models.categorical import Categorical, FitCategorical
from collapse.models.gaussian import FitGaussian, Gaussian
from collapse.models.histogram import FitHistogram, Histogram
from collapse.models.kde import FitKernelDensity, KernelDensity
from collapse.models.mixture import FitGaussianMixture, GaussianMixture
from collapse.models.multivariate_gaussian import FitMultivariateGaussian, MultivariateGaussian
from collapse.models.ppca import FitProbabilisticPCA, ProbabilisticPCA
from collapse.models.wrappers import (
    Decoded,
    Regularized,
    Rounded,
    Sharpened,
    Shrunk,
    StoppedEarly,
)

TOP = 100  # steps after which a fit of a mixture is taken to have reached the top


@singledispatch
def population_fit(fit, truth):
    r"""Fit a family to a law instead of a sample: the limit of the fit as M grows.

    Parameters
    ----------
    fit : callable
        A fit of the package: `FitGaussian`, `FitHistogram`, `FitKernelDensity`, `FitCategorical`,
        `FitGaussianMixture`, `FitProbabilisticPCA`, or a procedure around one of them.
    truth : model
        The law, with ``mean`` and ``variance`` for a Gaussian fit, a ``cdf`` for a histogram, and
        ``mean``, ``variance`` and ``logpdf`` for a mixture.

    Returns
    -------
    model
        The model that endless samples give, with the batch of `truth`.

    Raises
    ------
    ValueError
        If this limit is not known for this fit and this truth.

    Notes
    -----
    Exact, but for a mixture. A Gaussian takes over mean and variance and a histogram the masses of
    its bins. Both are projections: applied again, they change nothing, so that the expressivity
    error is made at generation 1 and never again. So is a mixture that is fitted in at least `TOP`
    steps, and so taken to reach the top of the likelihood: it is its own best fit if it has as many
    components as are fitted. For another law, or with fewer steps, the algorithm of the fit runs
    from its own start, on 4001 points over 24 standard deviations in place of a sample. Kernel
    density estimation convolves the law with its kernel, again at every generation; a bandwidth
    that follows a rule goes to zero, and leaves the law as it is. A procedure adjusts what its
    inner fit gives.
    """
    raise ValueError(f"fit must be a fit with a known limit, got {fit!r} for {truth!r}")


@population_fit.register
def _(fit: FitGaussian, truth):  # noqa: ARG001
    if isinstance(truth, Gaussian):
        return truth
    _needs(truth, "mean", "variance")
    return Gaussian(truth.mean, truth.variance)


@population_fit.register
def _(fit: FitMultivariateGaussian, truth):  # noqa: ARG001
    if isinstance(truth, MultivariateGaussian):
        return truth
    raise ValueError(f"truth must be a MultivariateGaussian, got {truth!r}")


@population_fit.register
def _(fit: FitProbabilisticPCA, truth):
    law = truth.law if isinstance(truth, ProbabilisticPCA) else truth
    if isinstance(law, MultivariateGaussian):
        return fit.of_factor(law.mean, law.factor, law.log_scale)
    raise ValueError(f"truth must be a Gaussian in d dimensions, got {truth!r}")


@population_fit.register
def _(fit: FitCategorical, truth):
    if not isinstance(truth, Categorical) or truth.categories != fit.categories:
        raise ValueError(f"truth must be a Categorical of {fit.categories}, got {truth!r}")
    return truth


@population_fit.register
def _(fit: FitHistogram, truth):
    if isinstance(truth, Gaussian):
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (fit.edges[1:-1] - truth.mean[..., None]) / truth.std[..., None]
        inner = special.ndtr(np.nan_to_num(z, nan=np.inf, posinf=np.inf, neginf=-np.inf))
    else:
        _needs(truth, "cdf")
        inner = truth.cdf(np.broadcast_to(fit.edges[1:-1], (*_batch(truth), len(fit.edges) - 2)))
    ends = [np.zeros((*inner.shape[:-1], 1)), np.ones((*inner.shape[:-1], 1))]
    cdf = np.concatenate([ends[0], inner, ends[1]], axis=-1)
    return Histogram(np.maximum(np.diff(cdf), 0), fit.edges)  # rounding may go below zero


@population_fit.register
def _(fit: FitKernelDensity, truth):
    if callable(fit.bandwidth):
        return truth
    if isinstance(truth, Gaussian):
        return Gaussian(truth.mean, truth.variance + fit.bandwidth**2)
    if isinstance(truth, KernelDensity):
        return KernelDensity(truth.points, np.hypot(truth.bandwidth, fit.bandwidth))
    raise ValueError(
        f"truth must be a Gaussian or a KernelDensity for a fixed bandwidth, got {truth!r}"
    )


@population_fit.register
def _(fit: FitGaussianMixture, truth):
    known = isinstance(truth, GaussianMixture) and truth.weights.shape[-1] == fit.components
    if known and fit.iterations >= TOP:
        return truth
    _needs(truth, "mean", "variance", "logpdf")
    with np.errstate(invalid="ignore"):  # no variance, or an infinite one
        steps = np.linspace(-12, 12, 4001) * np.sqrt(truth.variance)[..., None]
        masses = np.exp(truth.logpdf(truth.mean[..., None] + steps)) * np.diff(steps)[..., :1]
    if not (np.abs(masses.sum(axis=-1) - 1) < 0.01).all():
        raise ValueError(f"truth must have a density that 4001 points can resolve, got {truth!r}")
    return fit.weighted(truth.mean[..., None] + steps, masses)


@population_fit.register(Shrunk)
@population_fit.register(Regularized)
@population_fit.register(StoppedEarly)
@population_fit.register(Sharpened)
@population_fit.register(Decoded)
@population_fit.register(Rounded)
def _(fit, truth):
    return fit.adjust(population_fit(fit.fit, truth))


def _needs(truth, *names):
    missing = [name for name in names if not hasattr(truth, name)]
    if missing:
        raise ValueError(f"truth must be a law with {' and '.join(names)}, got {truth!r}")


def _batch(truth):
    return truth.mean.shape
