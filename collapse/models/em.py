"""Expectation maximisation (EM) of Gaussian mixtures, for all chains at once.

Each chain is centred and scaled, so that nothing depends on where its data lie. A component is
kept as its mean and the lower triangular factor F of twice its covariance, with the density
det(F)^-1 pi^(-d/2) exp(-u'u) in the whitened coordinates u = F^-1 (x - mean). A step reads the
next mean and covariance off the first two moments of u, so that it is as precise for a component
of a millionth of the spread as for a wide one.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from collapse.models.base import Record

# A component keeps this much of the data's variance, given the coordinates before: less than
# any component that a sample shows, more than rounding.
_FLOOR = 1e-16
_TINY = 1e-300  # a component with less than this share of the data is dead
_POINT = 1e-143  # stands for the spread of data that are all equal; its square moves no draw
_BYTES = 2**20  # of whitened coordinates in one go: they stay in the cache


@dataclass(frozen=True, eq=False, repr=False)
class Report(Record):
    """How the fit of each chain ended.

    Of each chain: `iterations`, the number of steps; `converged`, whether the tolerance was met
    before the limit; `log_likelihood`, mean over the data at the last expectation step, before the
    last maximisation, in nats. Of each component (..., k): `dead`, no data are left for it, and it
    has weight zero and the spread of the data; `singular`, it is on so few values that its
    covariance has no inverse, up to rounding, and is kept at 1e-16 of the variance of the data.
    """

    iterations: np.ndarray
    converged: np.ndarray
    log_likelihood: np.ndarray
    dead: np.ndarray
    singular: np.ndarray

    _axes = {  # noqa: RUF012
        "iterations": 0,
        "converged": 0,
        "log_likelihood": 0,
        "dead": 1,
        "singular": 1,
    }

    def broadcast(self, chains):
        """Return None: laws that are laid over chains were fitted to none of them."""

    def map(self, function):
        """Return the report with a function applied to each of its arrays."""
        return Report(*(function(array) for array in vars(self).values()))


class Parts(NamedTuple):
    """Weights (n, k), means (n, k, d) and factors (n, k, d, d) of n mixtures."""

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray


def climb(points, masses, start, rng, settings):
    """Return `Parts` and `Report` for points (n, M, d) with masses (n, M), or None for equal ones.

    The start is a callable ``start(points, masses, components, rng)`` that gives groups (n, M), or
    the `Parts` of a mixture. The settings have `components`, `form`, `tolerance`, `iterations` and
    `regulariser`. Chains are taken in bundles, which changes none of the numbers.
    """
    n, size, d = points.shape
    bundle = max(1, _BYTES // (8 * size * d * settings.components))
    found = []
    for here in (slice(i, i + bundle) for i in range(0, max(n, 1), bundle)):
        own = start if callable(start) else Parts(*(part[here] for part in start))
        weighted = None if masses is None else masses[here]
        found.append(_climb(points[here], weighted, own, rng, settings))
    parts, reports = zip(*found, strict=True)
    reports = (vars(report).values() for report in reports)
    joined = ([np.concatenate(a) for a in zip(*arrays, strict=True)] for arrays in (parts, reports))
    return Parts(*next(joined)), Report(*next(joined))


def _climb(points, masses, start, rng, settings):
    """Climb from one start for one bundle of chains."""
    (n, size, d), k = points.shape, settings.components
    if masses is not None:
        masses = masses / masses.sum(axis=-1, keepdims=True)
    x = points.mT.copy()
    centre = _mean(x, masses)
    x -= centre[..., None]
    spread = np.sqrt(_mean(x**2, masses).max(axis=-1))
    scale = np.maximum(np.hypot(spread, np.sqrt(settings.regulariser)), _POINT)[:, None, None]
    x /= scale
    ridge = 2 * settings.regulariser / scale[..., None] ** 2 * np.eye(d)
    if callable(start):
        groups = start(points, masses, k, rng)
        now = _from_groups(x, masses, groups, ridge, settings)
    else:
        means, factors = (start.means - centre[:, None]) / scale, start.factors / scale[..., None]
        own = np.diagonal(factors, axis1=-2, axis2=-1)
        factors = factors + np.maximum(np.sqrt(2 * _FLOOR) - own, 0)[..., None] * np.eye(d)
        if settings.form != "full":
            factors, _ = FORMS[settings.form](np.eye(d), factors @ factors.mT)
        now = Parts(start.weights, means, factors)
    found = Parts(*map(np.array, now))
    report = Report(
        iterations=np.zeros(n, int),
        converged=np.zeros(n, bool),
        log_likelihood=np.zeros(n),
        dead=np.zeros((n, k), bool),
        singular=np.zeros((n, k), bool),
    )
    going, before = np.arange(n), np.full(n, -np.inf)
    buffers = np.empty((2, n, k, d, size)), np.empty((n, k, size))
    for _ in range(settings.iterations):
        value, u, shares = _expect(x, masses, now, buffers)
        now, dead, singular = _maximise(now, masses, u, shares, buffers, ridge, settings)
        for all_chains, new in zip(found, now, strict=True):
            all_chains[going] = new
        report.iterations[going] += 1
        report.log_likelihood[going] = value
        report.dead[going], report.singular[going] = dead, singular
        done = np.abs(value - before) < settings.tolerance
        before = value
        if done.any():  # the others go on without them
            report.converged[going[done]] = True
            going, x, ridge, before = (a[~done] for a in (going, x, ridge, before))
            now = Parts(*(part[~done] for part in now))
            masses = None if masses is None else masses[~done]
            if not going.size:
                break
    report.log_likelihood[...] -= d * np.log(scale[:, 0, 0])
    means = centre[:, None] + scale * found.means
    return Parts(found.weights, means, found.factors * scale[..., None]), report


def _mean(values, masses):
    """Return the means of values (n, d, M) with masses (n, M)."""
    return values.mean(axis=-1) if masses is None else np.matvec(values, masses)


def _from_groups(x, masses, groups, ridge, settings):
    """Return the mixture with the weights and means of groups, and their pooled covariance."""
    k, (n, d, size) = settings.components, x.shape
    member = groups[:, None] == np.arange(k)[:, None]
    member = member / size if masses is None else member * masses[:, None]
    weights = member.sum(axis=-1)
    means = member @ x.mT / np.maximum(weights, _TINY)[..., None]
    within = x - np.take_along_axis(means, groups[..., None], axis=1).mT
    pooled = (within / size if masses is None else within * masses[:, None]) @ within.mT
    factors, _ = FORMS[settings.form](np.eye(d), 2 * pooled + ridge[:, 0])
    return Parts(weights, means, np.broadcast_to(factors[:, None], (n, k, d, d)))


def _expect(x, masses, now, buffers):
    """Return the log-likelihoods (n,), whitened points (n, k, d, M) and shares (n, k, M)."""
    n, _, d = now.means.shape
    whiten = _inverse(now.factors)
    away, u, shares = buffers[0][0, :n], buffers[0][1, :n], buffers[1][:n]
    np.subtract(x[:, None], now.means[..., None], out=away)
    np.matmul(whiten, away, out=u)
    np.einsum("nkdm,nkdm->nkm", u, u, out=shares)
    with np.errstate(divide="ignore"):
        height = np.log(now.weights) - 0.5 * d * np.log(np.pi)
    height += np.log(np.diagonal(whiten, axis1=-2, axis2=-1)).sum(axis=-1)
    np.subtract(height[..., None], shares, out=shares)
    top = shares.max(axis=1, keepdims=True)
    shares -= top
    np.exp(shares, out=shares)
    total = shares.sum(axis=1, keepdims=True)
    shares /= total
    top += np.log(total)
    value = top.mean(axis=(1, 2)) if masses is None else (top[:, 0] * masses).sum(axis=-1)
    return value, u, shares


def _maximise(now, masses, u, shares, buffers, ridge, settings):
    """Return the next mixtures, and which of their components are dead, which singular."""
    n, _, d, size = u.shape
    if masses is not None:
        shares *= masses[:, None]
    total = shares.sum(axis=-1)
    weights = total / size if masses is None else total
    dead = weights < _TINY
    total = np.where(dead, 1.0, total)[..., None, None]
    shared = np.multiply(u, shares[:, :, None], out=buffers[0][0, :n])
    first, second = shared.sum(axis=-1)[..., None] / total, shared @ u.mT / total
    second -= first @ first.mT
    base, core = now.factors, 2 * second
    means = now.means + (base @ first)[..., 0]
    if settings.regulariser:
        base, core = np.eye(d), base @ core @ base.mT + ridge
    factors, singular = FORMS[settings.form](base, core)
    if dead.any():
        weights = np.where(dead, 0.0, weights)
        means = np.where(dead[..., None], 0.0, means)
        factors = np.where(dead[..., None, None], np.sqrt(2) * np.eye(d), factors)
    return Parts(weights, means, factors), dead, singular & ~dead


def _full(base, core):
    """Return the factor of ``base @ core @ base.T``, and whether the floor had to hold it."""
    floor = 2 * _FLOOR / np.diagonal(base, axis1=-2, axis2=-1) ** 2
    factor, singular = np.zeros(core.shape), np.zeros(core.shape[:-2], bool)
    for i in range(core.shape[-1]):  # Cholesky, column by column, over all matrices at once
        left = factor[..., i:, :i]
        column = core[..., i:, i] - (left @ left[..., :1, :].mT)[..., 0]
        low = column[..., 0] < floor[..., i]
        singular |= low
        column[..., 1:] *= ~low[..., None]  # what varies not at all explains nothing
        column[..., 0] = np.maximum(column[..., 0], floor[..., i])
        factor[..., i:, i] = column / np.sqrt(column[..., :1])
    return base @ factor, singular


def _diagonal(base, core):
    """Return the factor of the diagonal of ``base @ core @ base.T``, for diagonal bases."""
    variances = np.diagonal(core, axis1=-2, axis2=-1) * np.diagonal(base, axis1=-2, axis2=-1) ** 2
    singular = (variances < 2 * _FLOOR).any(axis=-1)
    return np.sqrt(np.maximum(variances, 2 * _FLOOR))[..., None] * np.eye(core.shape[-1]), singular


def _spherical(base, core):
    """Return the factor of the mean variance of the coordinates, for diagonal bases."""
    variances = np.diagonal(core, axis1=-2, axis2=-1) * np.diagonal(base, axis1=-2, axis2=-1) ** 2
    mean = variances.mean(axis=-1)[..., None, None]
    return np.sqrt(np.maximum(mean, 2 * _FLOOR)) * np.eye(core.shape[-1]), mean[
        ..., 0, 0
    ] < 2 * _FLOOR


FORMS = {"full": _full, "diagonal": _diagonal, "spherical": _spherical}


def _inverse(factors):
    """Return the inverses of lower triangular matrices (n, k, d, d), row by row."""
    inverse = np.zeros_like(factors)
    for i in range(factors.shape[-1]):
        diagonal = factors[..., i, i]
        inverse[..., i, i] = 1 / diagonal
        if i:
            above = factors[..., i : i + 1, :i] @ inverse[..., :i, :i]
            inverse[..., i, :i] = -above[..., 0, :] / diagonal[..., None]
    return inverse


def log_density(x, parts):
    """Return the log densities (..., n) of mixtures at points (..., n, d)."""
    whiten, d = _inverse(parts.factors), x.shape[-1]
    height = np.log(np.diagonal(whiten, axis1=-2, axis2=-1)).sum(axis=-1) - 0.5 * d * np.log(np.pi)
    with np.errstate(divide="ignore", over="ignore"):
        height += np.log(parts.weights)
        u = (x[..., None, :, :] - parts.means[..., None, :]) @ whiten.mT
        terms = height[..., None] - (u**2).sum(axis=-1)
    return special.logsumexp(terms, axis=-2)
