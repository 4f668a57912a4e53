"""Metrics of models of any family, and of samples where the name says so."""

import warnings
from collections.abc import Hashable
from functools import lru_cache

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.categorical import Categorical
from collapse.models.empirical import Empirical
from collapse.models.gaussian import Gaussian
from collapse.models.multivariate_gaussian import MultivariateGaussian
from collapse.models.ppca import ProbabilisticPCA

DRAWS = 10_000  # of a law of which nothing better is known

# integrals over a law become sums over normal scores, the weights being the normal density
_SCORES = np.linspace(-8, 8, 2049)
_WEIGHTS = np.exp(-0.5 * _SCORES**2) / np.exp(-0.5 * _SCORES**2).sum()


def squared_w2(first, second):
    r"""Squared 2-Wasserstein distance, shape (...), of Gaussians or of any two laws on the line.

    Exact for two Gaussians of one dimension, or of probabilistic principal components: on the line
    :math:`(\mu_1-\mu_2)^2+(\sigma_1-\sigma_2)^2`, in d dimensions
    :math:`|\mu_1-\mu_2|^2+\mathrm{tr}\,\Sigma_1+\mathrm{tr}\,\Sigma_2-2\|F_1^\top F_2\|_*` with
    factors :math:`\Sigma=FF^\top` and the nuclear norm, which is Bures' distance (Gelbrich 1990).
    Otherwise the quantile functions are integrated over normal scores,
    :math:`\int(Q_1(\Phi(z))-Q_2(\Phi(z)))^2\varphi(z)\,dz`, with an error far below a percent for
    laws whose tails are no heavier than exponential; a law is exactly at distance zero from itself.
    """
    first, second = _gaussian(first), _gaussian(second)
    value = _closed("squared_w2", _SQUARED_W2, first, second)
    if value is not None:
        return value
    if _space(first, second) != ():
        raise _unknown("squared_w2", first, second)
    return (_scored("squared_w2", first) - _scored("squared_w2", second)) ** 2 @ _WEIGHTS


def _w2_line(first, second):
    return (first.mean - second.mean) ** 2 + (first.std - second.std) ** 2


def _w2_vectors(first, second):
    factors = [m.factor * np.exp(0.5 * m.log_scale)[..., None, None] for m in (first, second)]
    nuclear = np.linalg.svd(factors[0].mT @ factors[1], compute_uv=False).sum(axis=-1)
    spread = first.total_variance + second.total_variance - 2 * nuclear
    return ((first.mean - second.mean) ** 2).sum(axis=-1) + np.maximum(spread, 0)


def squared_w2_samples(first, second):
    """Squared 2-Wasserstein distance, shape (...), of samples on the line, (..., M) and (..., N).

    Exact for the two empirical laws: the mean squared difference of their quantile functions.
    """
    first, second = (
        np.sort(validation.samples(name, sample), axis=-1)
        for name, sample in (("first", first), ("second", second))
    )
    m, n = first.shape[-1], second.shape[-1]
    # both quantile functions are constant between consecutive multiples of 1/m and of 1/n
    ends = np.union1d(np.arange(1, m + 1) * n, np.arange(1, n + 1) * m)
    weights = np.diff(ends, prepend=0) / (m * n)
    difference = first[..., (ends - 1) // n] - second[..., (ends - 1) // m]
    return (difference**2 * weights).sum(axis=-1)


def kl(first, second):
    r"""Kullback-Leibler divergence :math:`\int p\ln(p/q)` of `first` (p) from `second` (q), (...).

    Infinite where q has no mass and p has. Exact for two laws of one family, Gaussian (or
    probabilistic principal components) or categorical; Gaussian laws without a density are
    infinitely far from all others, and not from themselves. Otherwise the mean of the log ratio of
    the densities under `first`, over the normal scores of `squared_w2`.
    """
    first, second = _gaussian(first), _gaussian(second)
    value = _closed("kl", _KL, first, second)
    if value is not None:
        return value
    event = _space(first, second)
    if event is None or not all(hasattr(model, "logpdf") for model in (first, second)):
        raise _unknown("kl", first, second)
    if event == ():
        return _log_ratio(first, second, _scored("kl", first)) @ _WEIGHTS
    return _log_ratio(first, second, _drawn("kl", first)).mean(axis=-1)


def _log_ratio(first, second, x):
    one, other = first.logpdf(x), second.logpdf(x)
    with np.errstate(invalid="ignore"):
        return np.where(one == other, 0.0, one - other)  # where both are infinite too


def _kl_line(first, second):
    with np.errstate(all="ignore"):  # in logarithms, as the variances may have underflowed
        log_ratio = first.log_variance - second.log_variance
        shift = np.exp(2 * np.log(np.abs(first.mean - second.mean)) - second.log_variance)
        value = 0.5 * (np.expm1(log_ratio) - log_ratio + shift)
    points = np.isneginf(first.log_variance) & np.isneginf(second.log_variance)
    value = np.where(points & (first.mean == second.mean), 0.0, value)
    return np.where(np.isnan(value), np.inf, value)


def _kl_vectors(first, second):
    d = first.mean.shape[-1]
    same = (first.mean == second.mean).all(axis=-1) & (first.log_scale == second.log_scale)
    equal = first.factor.shape[-1] == second.factor.shape[-1] and first.factor == second.factor
    same = same & np.all(equal, axis=(-2, -1) if np.ndim(equal) else None)
    if min(first.factor.shape[-1], second.factor.shape[-1]) < d:
        return np.where(same, 0, np.inf)
    singular = np.linalg.slogdet(second.factor)[0] == 0
    factor = np.where(singular[..., None, None], np.eye(d), second.factor)
    with np.errstate(all="ignore"):
        white = (np.linalg.solve(factor, first.factor) ** 2).sum(axis=(-2, -1))
        shift = (np.linalg.solve(factor, (first.mean - second.mean)[..., None]) ** 2).sum((-2, -1))
        trace = np.exp(np.log(white) + first.log_scale - second.log_scale)
        trace += np.exp(np.log(shift) - second.log_scale)
        log_ratio = first.log_determinant - second.log_determinant
        value = np.where(singular, np.inf, 0.5 * (trace - d - log_ratio))
    return np.where(same, 0, np.where(np.isnan(value), np.inf, value))


def _kl_categorical(first, second):
    return special.rel_entr(first.probabilities, second.probabilities).sum(axis=-1)


_SQUARED_W2 = {Gaussian: _w2_line, MultivariateGaussian: _w2_vectors}
_KL = {Gaussian: _kl_line, MultivariateGaussian: _kl_vectors, Categorical: _kl_categorical}
_SPACES = {
    Gaussian: lambda model: (model.mean.shape, ()),
    MultivariateGaussian: lambda model: (model.mean.shape[:-1], model.mean.shape[-1:]),
    Categorical: lambda model: (model.columns.shape[:-1], model.categories),
}


def total_variance(model):
    """Variance, or the trace of the covariance, shape (...); within and between components."""
    for name in ("total_variance", "variance"):
        if (value := getattr(model, name, None)) is not None:
            return value
    if (covariance := getattr(model, "covariance", None)) is not None:
        return np.trace(covariance, axis1=-2, axis2=-1)
    if (event := _space(model)) is None:
        raise _unknown("total_variance", model)
    x = _drawn("total_variance", model)
    return x.var(axis=-1) if event == () else x.var(axis=-2).sum(axis=-1)


def entropy(model):
    """Entropy, differential for a density, shape (...); minus infinity for a degenerate density."""
    model = _gaussian(model)
    if (value := getattr(model, "entropy", None)) is not None:
        return value
    if isinstance(model, Categorical):
        return special.entr(model.columns).sum(axis=-1)
    if _space(model) is None or not hasattr(model, "logpdf"):
        raise _unknown("entropy", model)
    return -model.logpdf(_drawn("entropy", model)).mean(axis=-1)


def gini_simpson(model):
    """Gini-Simpson diversity 1 - sum p**2 of a categorical law, shape (...).

    It is the chance that two draws differ, between 0, for a point, and 1 - 1/K; population genetics
    calls it heterozygosity.
    """
    return 1 - (_columns("gini_simpson", model) ** 2).sum(axis=-1)


def effective_number(model, order=1):
    r"""Effective number of categories :math:`(\sum p^q)^{1/(1-q)}`, from 1 to K, shape (...).

    Hill's number of the `order` q >= 0: how many equally likely categories are as diverse.
    Order 0 counts what is alive, order 1 is exp(entropy), order 2 is 1/(1 - Gini-Simpson), which
    only the frequent ones move.
    """
    order = validation.real("order", order, 0)
    p = _columns("effective_number", model)
    if order == 1:
        return np.exp(special.entr(p).sum(axis=-1))
    powers = special.logsumexp(order * np.log(np.where(p > 0, p, 1.0)), axis=-1, b=p > 0)
    return np.exp(powers / (1 - order))


def alive(model):
    """Count the categories with positive probability, from 1 to K, shape (...)."""
    return np.count_nonzero(_columns("alive", model), axis=-1)


def tail_mass(model, truth, level=0.05):
    """Mass, shape (...), that a model puts where the truth, on the line, has its tails.

    These are the regions beyond the `level`/2 and 1 - `level`/2 quantiles of the truth; of a
    categorical law the rarest categories, as many as hold no more than `level` together. So the
    truth itself has the mass `level`, and a categorical one at most that. The paper's early
    collapse is the loss of this mass.
    """
    level = validation.real("level", level, 0, 1)
    if isinstance(truth, Categorical) and isinstance(model, Categorical):
        if model.categories != truth.categories:
            raise _apart("tail_mass", model.categories, truth.categories)
        _single(truth.columns)
        p = truth.probabilities
        order = np.argsort(p, kind="stable")
        in_tail = np.zeros(len(p), dtype=bool)
        in_tail[order[np.cumsum(p[order]) <= level * (1 + 1e-12)]] = True
        return np.where(in_tail[model.support], model.columns, 0).sum(axis=-1)
    if _space(model, truth) != ():
        raise _unknown("tail_mass", model, truth)
    ends = _single(_quantiles("tail_mass", truth, special.ndtri([level / 2, 1 - level / 2])))
    if hasattr(model, "cdf"):
        below, above = np.moveaxis(model.cdf(ends), -1, 0)
        return below + (1 - above)
    x = _drawn("tail_mass", model)
    return ((x < ends[0]) | (x > ends[1])).mean(axis=-1)


def perplexity(model, blocks):
    """Perplexity of each of `blocks` (size, length) under a language model, shape (..., size).

    One over the geometric mean of the probabilities of a block's words; infinite if one of them has
    none. A model is a `collapse.models.ngram.protocol.LanguageModel`; each may have its own blocks.
    """
    return np.exp(-model.log_probabilities(blocks).mean(axis=-1))


def corpus_perplexity(model, blocks):
    """Perplexity of all `blocks` together: the geometric mean of theirs, shape (...)."""
    return np.exp(-model.log_probabilities(blocks).mean(axis=(-2, -1)))


def _gaussian(model):
    """Return the law of x of probabilistic principal components, and other models as they are."""
    return model.law if isinstance(model, ProbabilisticPCA) else model


def _closed(name, table, first, second):
    """Return the closed form for two models of one kind, or None if there is none."""
    kind = type(first)
    if kind is not type(second) or kind not in table:
        return None
    (batch, space), (other, another) = map(_SPACES[kind], (first, second))
    if space != another:
        raise _apart(name, space, another)
    try:
        np.broadcast_shapes(batch, other)
    except ValueError:
        raise ValueError(f"{name} needs batches that broadcast, got {batch} and {other}") from None
    return table[kind](first, second)


def _space(*models):
    """Return the shape of one draw, if it is the same for all and of real numbers, else None."""
    events = set()
    for model in models:
        if isinstance(model, Empirical):  # which may have too few data to be drawn from
            events.add(model.data.shape[model.data.ndim - model.event :])
            continue
        if not hasattr(model, "sample"):
            return None
        rng = np.random.default_rng(0)
        two, three = (np.asarray(model.sample(size, rng)) for size in (2, 3))
        if three.dtype.kind != "f":
            return None
        events.add(
            three.shape[next(i for i, n in enumerate(three.shape) if n != two.shape[i]) + 1 :]
        )
    return events.pop() if len(events) == 1 else None


def _drawn(name, model):
    """Draw from a law of which nothing better is known, and say so."""
    warnings.warn(f"{name} of {type(model).__name__} is estimated from {DRAWS} draws", stacklevel=3)
    return np.asarray(model.sample(DRAWS, np.random.default_rng(0)))


def _quantiles(name, law, scores):
    """Return the quantiles of a law on the line at normal scores, shape (..., scores)."""
    if hasattr(law, "quantiles"):
        return law.quantiles(scores)
    levels = special.ndtr(scores)
    return np.moveaxis(
        np.quantile(_drawn(name, law), levels, axis=-1, method="inverted_cdf"), 0, -1
    )


@lru_cache(maxsize=8)  # a model is compared with its predecessor and its successor
def _remembered(name, law):
    return _quantiles(name, law, _SCORES)


def _scored(name, law):
    remembered = isinstance(law, Hashable) and hasattr(law, "quantiles")
    return _remembered(name, law) if remembered else _quantiles(name, law, _SCORES)


def _columns(name, model):
    """Return the probabilities of a categorical law."""
    for stored in ("columns", "probabilities"):
        if hasattr(model, stored):
            return getattr(model, stored)
    raise _unknown(name, model)


def _single(array):
    """Refuse a truth with a batch; the array is of one law if it has one axis."""
    if array.ndim > 1:
        raise ValueError(f"truth must be one law without batch, got a batch of {array.shape[:-1]}")
    return array


def _apart(name, first, second):
    return ValueError(f"{name} needs two models on one space, got {first} and {second}")


def _unknown(name, *models):
    kinds = " and ".join(type(model).__name__ for model in models)
    return ValueError(f"{name} has no definition for {kinds}")
