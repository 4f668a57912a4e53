"""What is measured: free functions of models, and of samples where the name says so.

A model holds one law for each entry of its batch, shape (...), and so does the value of a metric.
"""

from functools import singledispatch

import numpy as np
from scipy import special

from collapse import _validate
from collapse.models.categorical import Categorical
from collapse.models.gaussian import Gaussian
from collapse.models.multivariate_gaussian import MultivariateGaussian


def squared_w2(first, second):
    r"""Squared 2-Wasserstein distance between Gaussian models of the same dimension.

    Parameters
    ----------
    first, second : Gaussian or MultivariateGaussian
        Models whose batches broadcast against each other.

    Returns
    -------
    ndarray, shape (...)
        The distance, in squared units of the data.

    Raises
    ------
    ValueError
        If the models are not both Gaussian of one kind.

    Notes
    -----
    In one dimension :math:`(\mu_1-\mu_2)^2+(\sigma_1-\sigma_2)^2`. In d dimensions
    :math:`|\mu_1-\mu_2|^2+\mathrm{tr}\,\Sigma_1+\mathrm{tr}\,\Sigma_2-2\|F_1^\top F_2\|_*` with
    factors :math:`\Sigma=FF^\top` and the nuclear norm, which is Bures' distance (Gelbrich 1990).
    """
    if isinstance(first, Gaussian) and isinstance(second, Gaussian):
        return (first.mean - second.mean) ** 2 + (first.std - second.std) ** 2
    if isinstance(first, MultivariateGaussian) and isinstance(second, MultivariateGaussian):
        factors = [
            m.factor * np.exp(0.5 * m.log_scale)[..., None, None] for m in (first, second)
        ]
        nuclear = np.linalg.svd(factors[0].mT @ factors[1], compute_uv=False).sum(axis=-1)
        spread = total_variance(first) + total_variance(second) - 2 * nuclear
        return ((first.mean - second.mean) ** 2).sum(axis=-1) + np.maximum(spread, 0)
    raise _unknown("squared_w2", first, second)


def squared_w2_samples(first, second):
    """Squared 2-Wasserstein distance between samples on the line, exact for the two empirical laws.

    Parameters
    ----------
    first, second : array_like, shapes (..., M) and (..., N)
        Samples; the sizes may differ.

    Returns
    -------
    ndarray, shape (...)
        The mean squared difference of the two empirical quantile functions.

    Raises
    ------
    ValueError
        If a sample is empty or not finite.
    """
    first, second = _sorted("first", first), _sorted("second", second)
    m, n = first.shape[-1], second.shape[-1]
    # both quantile functions are constant between consecutive multiples of 1/m and of 1/n
    ends = np.union1d(np.arange(1, m + 1) * n, np.arange(1, n + 1) * m)
    weights = np.diff(ends, prepend=0) / (m * n)
    difference = first[..., (ends - 1) // n] - second[..., (ends - 1) // m]
    return (difference**2 * weights).sum(axis=-1)


def _sorted(name, sample):
    sample = _validate.finite(name, sample)
    if sample.ndim == 0 or sample.shape[-1] == 0:
        raise ValueError(f"{name} must hold at least one value, got shape {sample.shape}")
    return np.sort(sample, axis=-1)


def kl(first, second):
    r"""Kullback-Leibler divergence :math:`\int p\ln(p/q)` of `first` (p) from `second` (q).

    Parameters
    ----------
    first, second : Gaussian, MultivariateGaussian or Categorical
        Two models of one family whose batches broadcast against each other.

    Returns
    -------
    ndarray, shape (...)
        The divergence in nats, infinite where q has no mass and p has.

    Raises
    ------
    ValueError
        If the models are not of one family.
    """
    if isinstance(first, Gaussian) and isinstance(second, Gaussian):
        log_ratio = first.log_variance - second.log_variance
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            shift = (first.mean - second.mean) ** 2 * np.exp(-second.log_variance)
            value = 0.5 * (np.exp(log_ratio) - 1 - log_ratio + shift)
        return np.where(np.isnan(value), np.inf, value)
    if isinstance(first, MultivariateGaussian) and isinstance(second, MultivariateGaussian):
        factor = first.factor * np.exp(0.5 * first.log_scale)[..., None, None]
        scale = np.exp(0.5 * second.log_scale)[..., None, None]
        white = np.linalg.solve(second.factor * scale, factor)
        shift = np.linalg.solve(second.factor * scale, (first.mean - second.mean)[..., None])
        trace = (white**2).sum(axis=(-2, -1)) + (shift**2).sum(axis=(-2, -1))
        log_ratio = first.log_determinant - second.log_determinant
        return 0.5 * (trace - first.mean.shape[-1] - log_ratio)
    if isinstance(first, Categorical) and isinstance(second, Categorical):
        return special.rel_entr(first.probabilities, second.probabilities).sum(axis=-1)
    raise _unknown("kl", first, second)


@singledispatch
def total_variance(model):
    """Variance, or the trace of the covariance: shape (...), in squared units of the data."""
    raise _unknown("total_variance", model)


@total_variance.register
def _(model: Gaussian):
    return model.variance


@total_variance.register
def _(model: MultivariateGaussian):
    return (model.factor**2).sum(axis=(-2, -1)) * np.exp(model.log_scale)


@singledispatch
def entropy(model):
    """Entropy in nats (differential for a density), shape (...)."""
    raise _unknown("entropy", model)


@entropy.register
def _(model: Gaussian):
    return 0.5 * (np.log(2 * np.pi) + 1 + model.log_variance)


@entropy.register
def _(model: MultivariateGaussian):
    d, rank = model.factor.shape[-2:]
    full = 0.5 * (d * (np.log(2 * np.pi) + 1) + model.log_determinant)
    return full if rank == d else np.full_like(full, -np.inf)


@entropy.register
def _(model: Categorical):
    return special.entr(model.columns).sum(axis=-1)


def gini_simpson(model):
    """Gini-Simpson diversity 1 - sum p**2 of a categorical model, shape (...).

    The chance that two draws differ; population genetics calls it heterozygosity.
    """
    if not isinstance(model, Categorical):
        raise _unknown("gini_simpson", model)
    return 1 - (model.columns**2).sum(axis=-1)


def alive(model):
    """Count the categories with positive probability of a categorical model, shape (...)."""
    if not isinstance(model, Categorical):
        raise _unknown("alive", model)
    return np.count_nonzero(model.columns, axis=-1)


def tail_mass(model, truth, level=0.05):
    """Mass that a model puts where the truth has its tails.

    Parameters
    ----------
    model : Gaussian or Categorical
        The models, batch shape (...).
    truth : Gaussian or Categorical
        One law of the same family, without batch.
    level : float
        The truth's own mass in its tails: for a Gaussian beyond its `level`/2 and 1 - `level`/2
        quantiles; for a categorical law the rarest categories, as many as hold no more than
        `level` together.

    Returns
    -------
    ndarray, shape (...)
        Between 0 and 1; equal to `level` for the truth itself (at most `level` if categorical).

    Raises
    ------
    ValueError
        If the families differ or `level` is outside [0, 1].
    """
    level = _validate.real("level", level, 0, 1)
    if isinstance(model, Gaussian) and isinstance(truth, Gaussian):
        half = -special.ndtri(level / 2) * truth.std
        with np.errstate(divide="ignore", invalid="ignore"):
            below = (truth.mean - half - model.mean) / model.std
            above = (model.mean - truth.mean - half) / model.std
        return special.ndtr(below) + special.ndtr(above)
    if isinstance(model, Categorical) and isinstance(truth, Categorical):
        p = truth.probabilities
        order = np.argsort(p, kind="stable")
        in_tail = np.zeros(len(p), dtype=bool)
        in_tail[order[np.cumsum(p[order]) <= level * (1 + 1e-12)]] = True
        return np.where(in_tail[model.support], model.columns, 0).sum(axis=-1)
    raise _unknown("tail_mass", model, truth)


def tail_mass_samples(samples, truth, level=0.05):
    """Share of samples, shape (..., M), beyond the truth's `level`/2 quantiles; shape (...)."""
    level = _validate.real("level", level, 0, 1)
    samples = _validate.finite("samples", samples)
    half = -special.ndtri(level / 2) * truth.std
    return (np.abs(samples - truth.mean) > half).mean(axis=-1)


def _unknown(name, *models):
    kinds = " and ".join(type(model).__name__ for model in models)
    return ValueError(f"{name} has no definition for {kinds}")
