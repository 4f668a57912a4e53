r"""What is measured of Gaussian mixtures, of any dimension d: distances, tails and modes.

Integrals over a mixture without a closed form are sums over `POINTS` fixed points of each
component, so that a metric has no chance in it; a mass is then right to a few in a thousand.
"""

from functools import lru_cache

import numpy as np
from scipy import special

from collapse import validation
from collapse.models.mixture import GaussianMixture

POINTS, LEVELS, BISECTIONS = 512, 256, 22


def log_squared_l2(first, second):
    r"""Logarithm of `squared_l2`, shape (...); it is finite where the value itself overflows.

    Minus infinity for equal laws; infinity where a component has no density. In closed form, to
    rounding: two components overlap by :math:`\int\varphi_i\varphi_j=
    \N(\mu_i;\mu_j,\Sigma_i+\Sigma_j)`, and the square is a sum of such terms (eq-mixture-l2). It
    is not bounded: a component of weight :math:`\pi` and standard deviation :math:`\sigma` adds
    :math:`\pi^2/(2\sqrt\pi\,\sigma)^d`, however small the region is where f and g differ.
    """
    first, second = _pair("log_squared_l2", first, second)
    square = np.logaddexp(_log_overlap(first, first), _log_overlap(second, second))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        share = -np.expm1(np.log(2) + _log_overlap(first, second) - square)
        # equal laws differ by rounding
        value = square + np.log(np.where(share > 1e-15, share, 0.0))
    return np.where(np.isposinf(square), np.inf, value)


def squared_l2(first, second):
    r"""Squared L2 distance :math:`\int(f-g)^2`, as in the paper, shape (...).

    In units of one over the data to the power d.
    """
    with np.errstate(over="ignore"):
        return np.exp(log_squared_l2(first, second))


def _log_overlap(first, second):
    r"""Return the logarithm of :math:`\int fg`, shape (...)."""
    shift = first.centres[..., :, None, :] - second.centres[..., None, :, :]
    covariance = first.covariances[..., :, None, :, :] + second.covariances[..., None, :, :, :]
    values, axes = np.linalg.eigh(covariance)
    along = np.einsum("...d,...de->...e", shift, axes)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        values = np.maximum(values, 0.0)
        exponents = np.log(2 * np.pi * values) + along**2 / values
        # where there is no spread, a density is infinite on its point and zero elsewhere
        exponents = np.where(values > 0, exponents, np.where(along == 0, -np.inf, np.inf))
        weights = np.log(first.weights)[..., :, None] + np.log(second.weights)[..., None, :]
        terms = weights - 0.5 * exponents.sum(axis=-1)
    terms = np.where(np.isnan(terms), -np.inf, terms)  # without weight, or apart along one axis
    return special.logsumexp(terms, axis=(-2, -1))


def sliced_squared_w2(first, second, directions=8):
    r"""Squared sliced 2-Wasserstein distance, the mean over `directions` fixed ones, shape (...).

    A projected mixture is a mixture on the line. Its quantiles are found by bisection, and
    integrated at `LEVELS` levels, with an error below a percent for unimodal laws; a gap between
    modes, of length g, may add g**2 over twice that number. A law is exactly at distance zero from
    itself. The distance is bounded by the spread of the two laws and the distance of their means.
    """
    first, second = _pair("sliced_squared_w2", first, second)
    lines = fixed_directions(first.centres.shape[-1], directions)
    first, second = (_projected_quantiles(model, lines) for model in (first, second))
    return ((first - second) ** 2).mean(axis=(-2, -1))


def fixed_directions(dimension, count):
    """Return `count` unit vectors in d = `dimension` that are the same in every call, (count, d).

    Evenly spaced over the half circle for d = 2, normal scores of a sequence of low discrepancy on
    the sphere for d > 2, and one vector for d = 1.
    """
    d, count = validation.integer("dimension", dimension, 1), validation.integer("count", count, 1)
    if d == 1:
        return np.ones((1, 1))
    if d == 2:
        angle = np.pi * np.arange(count) / count
        return np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    scores = _scores(d, max(count, 2 * d))[:count]
    return scores / np.linalg.norm(scores, axis=-1, keepdims=True)


def mode_masses(model, truth):
    """Mass that a model puts on each of the k modes of the truth, shape (..., k), of sum 1.

    A mode is the region where one of the truth's components is the most probable origin of a draw.
    """
    model, truth = _pair("mode_masses", model, truth, single=True)
    nearest = _log_shares(truth, _points(model)).argmax(axis=-2)
    modes = np.arange(truth.weights.shape[-1])
    return np.stack([_mass(model, nearest == mode) for mode in modes], axis=-1)


def modes_alive(model, truth, share=0.1):
    """Count the modes of the truth that are alive in a model, at least 1, shape (...).

    Alive is a mode that holds at least this `share` of the mass that it holds in the truth.
    """
    share = validation.real("share", share, 0, 1, open_below=True)
    return (mode_masses(model, truth) >= share * mode_masses(truth, truth)).sum(axis=-1)


def rare_mass(model, truth, level=0.05):
    """Mass, shape (...), that a model puts where the truth hardly ever is.

    There the truth's density is lower than anywhere else, and its own mass is `level`.
    """
    level = validation.real("level", level, 0, 1)
    model, truth = _pair("rare_mass", model, truth, single=True)
    return _mass(model, _logpdf(truth, _rows(_points(model))) < _density_below(truth, level))


def ambiguous_mass(model, truth, certainty=0.95):
    """Mass, shape (...), that a model puts between the modes of the truth.

    There no component of the truth is the origin of a draw with a probability of `certainty`.
    """
    certainty = validation.real("certainty", certainty, 0, 1)
    model, truth = _pair("ambiguous_mass", model, truth, single=True)
    shares = _log_shares(truth, _points(model))
    largest = shares.max(axis=-2) - special.logsumexp(shares, axis=-2)
    return _mass(model, largest < np.log(certainty))


def excess_loss(model, truth):
    """Kullback-Leibler divergence of the truth from a model: its test loss in excess, shape (...).

    Infinite if the model has no density. A sum over `POINTS` fixed points of each component of the
    truth, exact for Gaussians.
    """
    model, truth = _pair("excess_loss", model, truth, single=True)
    x, weights = _rows(_points(truth)), np.repeat(truth.weights, POINTS) / POINTS
    with np.errstate(invalid="ignore", over="ignore"):
        value = (_logpdf(truth, x) - _logpdf(model, x)) @ weights
    return np.where(np.isnan(value), np.inf, value)


@lru_cache(maxsize=8)
def _scores(dimension, count):
    """Return normal scores of a sequence of low discrepancy, shape (count, dimension).

    The sequence adds the powers of 1/g, where g > 1 solves g**(d+1) = g + 1, modulo 1.
    """
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (dimension + 1))
    steps = root ** -np.arange(1.0, dimension + 1)
    scores = special.ndtri((0.5 + np.arange(1, count + 1)[:, None] * steps) % 1)
    scores -= scores.mean(axis=0)
    # mean zero and covariance one, so that quadratic functions are integrated exactly
    return scores @ np.linalg.inv(np.linalg.cholesky(scores.T @ scores / count)).T


def _points(model, count=POINTS):
    """Return fixed points of each component, shape (..., k, count, d)."""
    scores = _scores(model.centres.shape[-1], count)
    return model.centres[..., None, :] + scores @ model.factors.mT


def _rows(points):
    """Return the points of all components along one axis, shape (..., k * POINTS, d)."""
    return points.reshape(*points.shape[:-3], -1, points.shape[-1])


def _mass(model, inside):
    """Return the mass of the points that lie inside, a bool for each of shape (..., k, POINTS)."""
    inside = inside.reshape(*model.weights.shape, POINTS)
    return (model.weights * inside.mean(axis=-1)).sum(axis=-1)


def _log_shares(truth, points):
    """Return the logarithm of weight times density by component of the truth, shape (..., k, n)."""
    x = _rows(points)
    inverse = np.linalg.inv(truth.factors)
    z = np.einsum("kde,...nke->...knd", inverse, x[..., None, :] - truth.centres)
    scale = np.log(truth.weights) + np.linalg.slogdet(inverse)[1]
    return scale[:, None] - 0.5 * (z**2).sum(axis=-1)


def _density_below(truth, level):
    """Return the log density below which the truth has the mass `level`."""
    count = 32 * POINTS  # a quantile needs more points than a mass
    density = _logpdf(truth, _rows(_points(truth, count)))
    order = np.argsort(density)
    below = np.cumsum(np.repeat(truth.weights, count)[order]) / count
    return density[order][np.searchsorted(below, level)] if level < 1 else np.inf


def _projected_quantiles(model, lines):
    """Return quantiles of the projections on lines, shape (..., lines, LEVELS)."""
    means = np.einsum("...kd,ld->...lk", model.centres, lines)[..., None]
    spread = np.linalg.norm(lines @ model.factors, axis=-1).swapaxes(-1, -2)[..., None]
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    weights = model.weights[..., None, :, None]
    low = (means - 4 * spread).min(axis=-2) + np.zeros(LEVELS)
    high = (means + 4 * spread).max(axis=-2) + np.zeros(LEVELS)
    spread = np.maximum(spread, np.finfo(float).tiny)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        with np.errstate(over="ignore"):
            below = special.ndtr((middle[..., None, :] - means) / spread)
        inside = (weights * below).sum(axis=-2) < levels
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return 0.5 * (low + high)


def _logpdf(law, x):
    """Return the log density of a law at x, shape (..., n, d), on the line too."""
    return law.logpdf(x if law.event else x[..., 0])


def _pair(name, first, second, *, single=False):
    """Return the parts of two mixtures of one kind, the second without batch if `single`."""
    known = all(isinstance(model, GaussianMixture) for model in (first, second))
    if not known or bool(first.event) != bool(second.event):
        found = " and ".join(type(model).__name__ for model in (first, second))
        raise ValueError(f"{name} needs two Gaussian mixtures of one kind, got {found}")
    if single and second.weights.ndim > 1:
        raise ValueError(
            f"truth must be one law without batch, got a batch of {second.weights.shape[:-1]}"
        )
    if first.event != second.event:
        d, other = first.event[0], second.event[0]
        raise ValueError(f"{name} needs two models of one dimension, got {d} and {other}")
    return first, second
