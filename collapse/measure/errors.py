"""The three errors of a generation, each measured on its own.

The paper tells three sources of error apart: the family is too small (functional expressivity), the
procedure misses the best member of the family (functional approximation), and the sample is finite
(statistical). `decompose` runs the recursion and measures all three at every step.
"""

from dataclasses import dataclass
from functools import lru_cache, partial, singledispatch

import numpy as np
import pandas as pd
from scipy import interpolate, special

from collapse import validation
from collapse.measure import distances
from collapse.models.adapters import ScipyLaw
from collapse.models.gaussian import Gaussian
from collapse.models.histogram import Histogram
from collapse.models.kde import KernelDensity
from collapse.models.mixture import GaussianMixture
from collapse.models.multivariate_gaussian import MultivariateGaussian
from collapse.models.population import population_fit
from collapse.policies import newest_law, replace
from collapse.recursion import Lineage, draw_statistics, recurse

KINDS = ("expressivity", "approximation", "statistical")

# integrals over a law become sums over normal scores, the weights being the normal density
_SCORES = np.linspace(-8, 8, 2049)
_WEIGHTS = np.exp(-0.5 * _SCORES**2) / np.exp(-0.5 * _SCORES**2).sum()


def squared_w2_line(first, second):
    r"""Squared 2-Wasserstein distance between any two laws on the line.

    Parameters
    ----------
    first, second : Gaussian, GaussianMixture, KernelDensity, Histogram or ScipyLaw
        Models whose batches broadcast against each other; also two of `MultivariateGaussian`.

    Returns
    -------
    ndarray, shape (...)
        The distance, in squared units of the data.

    Raises
    ------
    ValueError
        If a model has no known quantile function.

    Notes
    -----
    Exact for two Gaussians (`squared_w2`). Otherwise the quantile functions are
    integrated over normal scores, :math:`\int(Q_1(\Phi(z))-Q_2(\Phi(z)))^2\varphi(z)\,dz`, with an
    error far below a percent for laws whose tails are no heavier than exponential; a law is exactly
    at distance zero from itself.
    """
    if type(first) is type(second) and isinstance(first, Gaussian | MultivariateGaussian):
        return distances.squared_w2(first, second)
    return (_scored(first) - _scored(second)) ** 2 @ _WEIGHTS


def kl_line(first, second):
    r"""Kullback-Leibler divergence of `first` from `second`, two laws on the line with a density.

    Parameters
    ----------
    first, second : Gaussian, GaussianMixture, KernelDensity, Histogram or ScipyLaw
        Models whose batches broadcast against each other.

    Returns
    -------
    ndarray, shape (...)
        The divergence in nats, infinite where `second` has no mass and `first` has.

    Raises
    ------
    ValueError
        If a model has no known quantile function.

    Notes
    -----
    Exact for two Gaussians (`kl`). Otherwise the mean of the log ratio of the
    densities under `first`, over the normal scores of `squared_w2_line`.
    """
    if isinstance(first, Gaussian) and isinstance(second, Gaussian):
        return distances.kl(first, second)
    x = _scored(first)
    return (first.logpdf(x) - second.logpdf(x)) @ _WEIGHTS


@singledispatch
def _quantiles(law):
    """Return the quantiles of a law at the normal scores, shape (..., scores)."""
    raise ValueError(
        f"distance has no definition for {law!r}: pass distance=, see collapse.measure.distances"
    )


_scored = lru_cache(maxsize=8)(_quantiles)  # a model is compared with its predecessor and successor


@_quantiles.register
def _(law: Gaussian):
    return law.mean[..., None] + law.std[..., None] * _SCORES


@_quantiles.register
def _(law: ScipyLaw):
    # each tail from its own end: 1 - u has lost the digits that the upper one needs
    tail = special.ndtr(-np.abs(_SCORES))
    values = np.where(_SCORES < 0, law.distribution.ppf(tail), law.distribution.isf(tail))
    return np.broadcast_to(values, (*law.batch, len(_SCORES)))


@_quantiles.register
def _(law: Histogram):
    masses = law.masses
    cumulated = np.cumsum(np.concatenate([np.zeros((*masses.shape[:-1], 1)), masses], -1), -1)
    return _by_row(lambda c: np.interp(special.ndtr(_SCORES), c, law.edges), cumulated)


@_quantiles.register
def _(law: KernelDensity):
    def invert(row):
        points, width = np.sort(row[:-1]), row[-1]
        low, high = points[0] - 8.5 * width, points[-1] + 8.5 * width
        if high - low > 2000 * width:  # bumps too narrow to matter: the law of the points
            ranks = np.floor(special.ndtr(_SCORES) * len(points)).astype(int)
            return points[np.minimum(ranks, len(points) - 1)]
        x = np.linspace(low, high, int(np.ceil(8 * (high - low) / width)))
        return _inverse(x, KernelDensity(points, width).cdf(x))

    return _by_row(invert, np.concatenate([law.points, law.bandwidth[..., None]], axis=-1))


@_quantiles.register
def _(law: GaussianMixture):
    def invert(row):
        weights, means, widths = np.split(row, 3)
        widths = np.maximum(widths, 1e-9 * np.abs(means))
        x = np.unique(means + widths * np.linspace(-8.5, 8.5, 137)[:, None])
        cdf = special.ndtr((x[:, None] - means) / widths) @ weights
        return _inverse(x, np.minimum(cdf, 1))  # the weights sum to 1 up to rounding

    parts = (law.weights, law.means, np.sqrt(law.variances))
    return _by_row(invert, np.concatenate(parts, axis=-1))


def _inverse(x, cdf):
    """Return the quantiles of a smooth law, given its distribution function on a fine grid."""
    scores = np.clip(special.ndtri(np.minimum(cdf, 1)), -9, 9)  # rounding may go beyond 1
    scores, first = np.unique(scores, return_index=True)
    inverse = interpolate.PchipInterpolator(scores, x[first])
    return inverse(np.clip(_SCORES, scores[0], scores[-1]))


def _by_row(function, array):
    """Apply a function to the rows of an array, one for each law."""
    rows = [function(row) for row in array.reshape(-1, array.shape[-1])]
    return np.array(rows).reshape(*array.shape[:-1], len(_SCORES))


@dataclass(frozen=True, eq=False)
class Decomposition:
    """The errors made in generations 1, ..., N, by chain.

    Attributes
    ----------
    expressivity : ndarray, shape (N, chains)
        Distance of what a generation learns from and the family's best fit to it.
    approximation : ndarray, shape (N, chains)
        Distance of the best fit and what the procedure makes of endless samples.
    statistical : ndarray, shape (N, chains)
        Distance of that and what the procedure made of the sample.
    total : ndarray, shape (N, chains)
        Distance of what the generation learned from and what it became.
    lineage : Lineage
        The run that was measured.
    """

    expressivity: np.ndarray
    approximation: np.ndarray
    statistical: np.ndarray
    total: np.ndarray
    lineage: Lineage

    def frame(self):
        """Return a tidy frame with the means over chains and their standard errors.

        Returns
        -------
        pandas.DataFrame
            Columns ``generation``, ``error`` (the three kinds, and ``total``), ``mean`` and
            ``standard_error``, one row for each generation and error.
        """
        names = (*KINDS, "total")
        values = np.stack([getattr(self, name) for name in names], axis=1)
        count = values.shape[-1]
        spread = values.std(axis=-1, ddof=1) if count > 1 else np.zeros(values.shape[:-1])
        generation, kind = np.indices(spread.shape)
        columns = {
            "generation": generation.ravel() + 1,
            "error": np.array(names)[kind.ravel()],
            "mean": values.mean(axis=-1).ravel(),
            "standard_error": spread.ravel() / np.sqrt(count),
        }
        return pd.DataFrame(columns)


def decompose(
    reality,
    family,
    procedure=None,
    *,
    sample_size,
    chains,
    rng,
    generations=1,
    draw=draw_statistics,
    distance=squared_w2_line,
):
    r"""Measure the three errors that each generation makes.

    Parameters
    ----------
    reality : model
        Generation 0, one law.
    family : callable
        The fit whose limit of endless samples is the best that the family can do, such as
        ``FitGaussian(ddof=0)``, or ``FitKernelDensity(scott)`` for the family of all laws.
    procedure : callable, optional
        The fit that is used, such as ``Regularized(FitGaussian(ddof=0), 0.1)``; by default
        that of the family, which then makes no approximation error.
    sample_size : int, sequence of int, callable, or infinity
        M_n, as in `recurse`; ``numpy.inf`` switches the statistical error off.
    chains : int
        The number of independent chains, at least 2, or 1 with endless samples.
    rng : int or numpy.random.Generator
        The seed, or a generator, which is advanced.
    generations : int
        The number N of fits.
    draw : callable
        As in `recurse`; kernel density estimation needs ``draw_samples``.
    distance : callable
        ``distance(first, second)`` of two models, such as `squared_w2_line` or `kl_line`.

    Returns
    -------
    Decomposition
        The errors by generation and chain.

    Raises
    ------
    ValueError
        If an argument is out of range, or an endless sample has no known limit.

    Notes
    -----
    Under *replace*, generation n + 1 of a chain learns from the model p of generation n of the same
    chain. With the family's fit to endless samples of it :math:`p^*`, the procedure's
    :math:`\bar p`, and its fit to the sample :math:`\hat p`, measured are

    .. math:: d(p,p^*),\qquad d(p^*,\bar p),\qquad d(\bar p,\hat p),\qquad d(p,\hat p),

    the errors of expressivity, approximation and statistics, and the total. Each of the three is
    zero if and only if its source is off: p in the family; a procedure whose limit is the best fit;
    endless samples. What a bandwidth rule smooths at finite M vanishes as M grows, and counts as
    statistical.

    These are the errors made *in* a generation, not the distance from reality, which grows out of
    all of them; ``lineage.measure`` gives that. Squared distances do not add up: the total exceeds
    the sum of the three by cross terms of either sign, as for the sides of a polygon. There are
    none between expressivity and the rest in KL divergence, if the family is exponential and
    :math:`p^*` its maximum-likelihood fit (the Pythagorean theorem of Csiszár).
    """
    procedure = family if procedure is None else procedure
    for name, function in {"family": family, "procedure": procedure, "distance": distance}.items():
        if not callable(function):
            raise ValueError(f"{name} must be callable, got {function!r}")
    endless = np.ndim(sample_size) == 0 and sample_size == np.inf
    chains = validation.integer("chains", chains, 1 if endless else 2)
    lineage = recurse(
        reality,
        partial(population_fit, procedure) if endless else procedure,
        sample_size=1 if endless else sample_size,
        generations=validation.integer("generations", generations, 1),
        chains=chains,
        rng=rng,
        policy=newest_law if endless else replace,
        draw=draw,
    )
    rows = []
    truths = (reality, *lineage.models[1:-1])  # reality as it came, not once for each chain
    for truth, fitted in zip(truths, lineage.models[1:], strict=True):
        best = population_fit(family, truth)
        limit = best if procedure is family else population_fit(procedure, truth)
        pairs = ((truth, best), (best, limit), (limit, fitted), (truth, fitted))
        rows.append([np.broadcast_to(distance(*pair), chains) for pair in pairs])
    return Decomposition(*np.array(rows).swapaxes(0, 1), lineage)
