"""What is measured: free functions of models, and of samples where the name says so.

A model holds one law for each entry of its batch, shape (...), and so does the value of a metric.
"""

from functools import singledispatch

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.categorical import Categorical
from collapse.models.gaussian import Gaussian
from collapse.models.mixture import GaussianMixture
from collapse.models.multivariate_gaussian import MultivariateGaussian
from collapse.models.ppca import ProbabilisticPCA


def squared_w2(first, second):
    r"""Squared 2-Wasserstein distance between Gaussian models of the same dimension.

    Parameters
    ----------
    first, second : Gaussian, MultivariateGaussian or ProbabilisticPCA
        Models whose batches broadcast against each other.

    Returns
    -------
    ndarray, shape (...)
        The distance, in squared units of the data.

    Raises
    ------
    ValueError
        If the models are not both Gaussian of one kind and dimension.

    Notes
    -----
    In one dimension :math:`(\mu_1-\mu_2)^2+(\sigma_1-\sigma_2)^2`. In d dimensions
    :math:`|\mu_1-\mu_2|^2+\mathrm{tr}\,\Sigma_1+\mathrm{tr}\,\Sigma_2-2\|F_1^\top F_2\|_*` with
    factors :math:`\Sigma=FF^\top` and the nuclear norm, which is Bures' distance (Gelbrich 1990).
    """
    first, second = _gaussian(first), _gaussian(second)
    _check_pair("squared_w2", first, second, (Gaussian, MultivariateGaussian))
    if isinstance(first, Gaussian):
        return (first.mean - second.mean) ** 2 + (first.std - second.std) ** 2
    factors = [m.factor * np.exp(0.5 * m.log_scale)[..., None, None] for m in (first, second)]
    nuclear = np.linalg.svd(factors[0].mT @ factors[1], compute_uv=False).sum(axis=-1)
    spread = total_variance(first) + total_variance(second) - 2 * nuclear
    return ((first.mean - second.mean) ** 2).sum(axis=-1) + np.maximum(spread, 0)


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
    return np.sort(validation.samples(name, sample), axis=-1)


def kl(first, second):
    r"""Kullback-Leibler divergence :math:`\int p\ln(p/q)` of `first` (p) from `second` (q).

    Parameters
    ----------
    first, second : Gaussian, MultivariateGaussian, ProbabilisticPCA or Categorical
        Two models of one family whose batches broadcast against each other.

    Returns
    -------
    ndarray, shape (...)
        The divergence in nats, infinite where q has no mass and p has. Gaussian laws without a
        density are infinitely far from all others, but for a point on the line from itself.

    Raises
    ------
    ValueError
        If the models are not of one family.
    """
    first, second = _gaussian(first), _gaussian(second)
    _check_pair("kl", first, second, (Gaussian, MultivariateGaussian, Categorical))
    if isinstance(first, Categorical):
        return special.rel_entr(first.probabilities, second.probabilities).sum(axis=-1)
    with np.errstate(all="ignore"):
        if isinstance(first, Gaussian):
            # in logarithms, as the variances may have underflowed
            log_ratio = first.log_variance - second.log_variance
            shift = np.exp(2 * np.log(np.abs(first.mean - second.mean)) - second.log_variance)
            value = 0.5 * (np.expm1(log_ratio) - log_ratio + shift)
            points = np.isneginf(first.log_variance) & np.isneginf(second.log_variance)
            value = np.where(points & (first.mean == second.mean), 0.0, value)
        else:
            value = _kl_multivariate(first, second)
    return np.where(np.isnan(value), np.inf, value)


def _kl_multivariate(first, second):
    d = first.mean.shape[-1]
    if min(first.factor.shape[-1], second.factor.shape[-1]) < d:
        return np.full(np.broadcast_shapes(first.mean.shape, second.mean.shape)[:-1], np.inf)
    singular = np.linalg.slogdet(second.factor)[0] == 0
    factor = np.where(singular[..., None, None], np.eye(d), second.factor)
    white = (np.linalg.solve(factor, first.factor) ** 2).sum(axis=(-2, -1))
    shift = (np.linalg.solve(factor, (first.mean - second.mean)[..., None]) ** 2).sum((-2, -1))
    trace = np.exp(np.log(white) + first.log_scale - second.log_scale)
    trace += np.exp(np.log(shift) - second.log_scale)
    log_ratio = first.log_determinant - second.log_determinant
    return np.where(singular, np.inf, 0.5 * (trace - d - log_ratio))


@singledispatch
def total_variance(model):
    """Variance, or the trace of the covariance.

    Parameters
    ----------
    model : Gaussian, MultivariateGaussian, ProbabilisticPCA or a Gaussian mixture
        The models, batch shape (...). Of a mixture it is the total variance, within and between
        its components.

    Returns
    -------
    ndarray, shape (...)
        In squared units of the data.

    Raises
    ------
    ValueError
        If the family has no variance.
    """
    raise _unknown("total_variance", model)


@total_variance.register
def _(model: Gaussian):
    return model.variance


@total_variance.register
def _(model: MultivariateGaussian):
    return (model.factor**2).sum(axis=(-2, -1)) * np.exp(model.log_scale)


@total_variance.register
def _(model: GaussianMixture):
    return model.total_variance


@total_variance.register
def _(model: ProbabilisticPCA):
    return (model.loadings**2).sum(axis=(-2, -1)) + model.mean.shape[-1] * model.noise_variance


@singledispatch
def entropy(model):
    """Entropy of a model, differential for a density.

    Parameters
    ----------
    model : Gaussian, MultivariateGaussian or Categorical
        The models, batch shape (...).

    Returns
    -------
    ndarray, shape (...)
        In nats; minus infinity for a degenerate density.

    Raises
    ------
    ValueError
        If the family is unknown.
    """
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
    """Gini-Simpson diversity 1 - sum p**2: the chance that two draws differ.

    Population genetics calls it heterozygosity.

    Parameters
    ----------
    model : Categorical
        The models, batch shape (...).

    Returns
    -------
    ndarray, shape (...)
        Between 0, for a point, and 1 - 1/K.

    Raises
    ------
    ValueError
        If the model is not categorical.
    """
    if not isinstance(model, Categorical):
        raise _unknown("gini_simpson", model)
    return 1 - (model.columns**2).sum(axis=-1)


def alive(model):
    """Count the categories with positive probability.

    Parameters
    ----------
    model : Categorical
        The models, batch shape (...).

    Returns
    -------
    ndarray of int, shape (...)
        From 1 to K.

    Raises
    ------
    ValueError
        If the model is not categorical.
    """
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
    level = validation.real("level", level, 0, 1)
    _check_pair("tail_mass", model, truth, (Gaussian, Categorical))
    if _batch(truth):
        raise ValueError(f"truth must be one law without batch, got a batch of {_batch(truth)}")
    if isinstance(model, Gaussian):
        half = -special.ndtri(level / 2) * truth.std
        with np.errstate(divide="ignore", invalid="ignore"):
            below = (truth.mean - half - model.mean) / model.std
            above = (model.mean - truth.mean - half) / model.std
        return special.ndtr(below) + special.ndtr(above)
    p = truth.probabilities
    order = np.argsort(p, kind="stable")
    in_tail = np.zeros(len(p), dtype=bool)
    in_tail[order[np.cumsum(p[order]) <= level * (1 + 1e-12)]] = True
    return np.where(in_tail[model.support], model.columns, 0).sum(axis=-1)


def tail_mass_samples(samples, truth, level=0.05):
    """Share of samples where the truth has its tails.

    Parameters
    ----------
    samples : array_like, shape (..., M)
        Samples on the line.
    truth : Gaussian
        One law, without batch.
    level : float
        The truth's own mass beyond its `level`/2 and 1 - `level`/2 quantiles.

    Returns
    -------
    ndarray, shape (...)
        The share, with mean `level` for samples of the truth.

    Raises
    ------
    ValueError
        If samples are not finite or `level` is outside [0, 1].
    """
    level = validation.real("level", level, 0, 1)
    samples = validation.samples("samples", samples)
    if not isinstance(truth, Gaussian) or _batch(truth):
        raise ValueError(f"truth must be one Gaussian without batch, got {truth!r}")
    half = -special.ndtri(level / 2) * truth.std
    return (np.abs(samples - truth.mean) > half).mean(axis=-1)


def perplexity(model, blocks):
    """Perplexity of each block of words under a language model.

    Parameters
    ----------
    model : LanguageModel
        The models, batch shape (...); see `collapse.models.ngram.protocol`.
    blocks : array_like of int, shape (size, length) or (..., size, length)
        What is scored.

    Returns
    -------
    ndarray, shape (..., size)
        One over the geometric mean of the probabilities of a block's words; infinite if one of
        them has none.
    """
    return np.exp(-model.log_probabilities(blocks).mean(axis=-1))


def corpus_perplexity(model, blocks):
    """Perplexity of all blocks together under a language model.

    Parameters
    ----------
    model : LanguageModel
        The models, batch shape (...); see `collapse.models.ngram.protocol`.
    blocks : array_like of int, shape (size, length) or (..., size, length)
        What is scored.

    Returns
    -------
    ndarray, shape (...)
        One over the geometric mean of the probabilities of all words: the geometric mean of the
        blocks' perplexities.
    """
    return np.exp(-model.log_probabilities(blocks).mean(axis=(-2, -1)))


def _batch(model):
    """Return the batch shape of a model."""
    if isinstance(model, Gaussian):
        return model.mean.shape
    return (model.columns if isinstance(model, Categorical) else model.mean).shape[:-1]


def _gaussian(model):
    """Return the law of x of probabilistic principal components, and other models as they are."""
    return model.law if isinstance(model, ProbabilisticPCA) else model


def _check_pair(name, first, second, kinds):
    """Refuse two models unless they are of one kind, on one space, and their batches broadcast."""
    if not isinstance(first, kinds) or type(first) is not type(second):
        raise _unknown(name, first, second)
    if isinstance(first, Categorical):
        spaces = first.categories, second.categories
    else:
        spaces = tuple(m.mean.shape[len(_batch(m)) :] for m in (first, second))
    if spaces[0] != spaces[1]:
        raise ValueError(f"{name} needs two models on one space, got {spaces[0]} and {spaces[1]}")
    try:
        np.broadcast_shapes(_batch(first), _batch(second))
    except ValueError:
        raise ValueError(
            f"{name} needs batches that broadcast, got {_batch(first)} and {_batch(second)}"
        ) from None


def _unknown(name, *models):
    kinds = " and ".join(type(model).__name__ for model in models)
    return ValueError(f"{name} has no definition for {kinds}")
