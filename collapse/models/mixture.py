"""Gaussian mixtures on the line, and what all mixtures share: the start and the fit by EM."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial

import numpy as np
from scipy import special

from collapse import validation
from collapse.models import em
from collapse.models.kde import raw_samples


@dataclass(frozen=True, init=False, eq=False)
class GaussianMixture:
    """Mixtures of k normal laws, one mixture for each entry of the batch.

    Parameters
    ----------
    weights : array_like, shape (..., k)
        Probabilities of the components, which sum to 1; what is not allowed raises ValueError.
    means, variances : array_like, shape (..., k)
        Their means, in the units of the data, and variances, positive.

    Attributes
    ----------
    report : Report or None
        How the fit ended: iterations, convergence, log-likelihood, dead and singular components.
        None for a mixture that was not fitted.
    """

    weights: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    report: em.Report | None = None

    def __init__(self, weights, means, variances):
        weights = validation.probabilities("weights", weights)
        variances = validation.finite("variances", variances)
        if (variances <= 0).any():
            raise ValueError(f"variances must be positive, got {variances[variances <= 0].flat[0]}")
        means = validation.finite("means", means)
        parts = validation.broadcast(weights=weights, means=means, variances=variances)
        if weights.shape[-1] != (k := parts[0].shape[-1]):
            raise ValueError(f"weights must be {k}, one a component, got {weights.shape[-1]}")
        self.__dict__.update(weights=parts[0], means=parts[1], variances=parts[2], report=None)

    @classmethod
    def _of(cls, weights, means, variances, report=None):
        """Make a record from parts that are known to be valid."""
        model = object.__new__(cls)
        model.__dict__.update(weights=weights, means=means, variances=variances, report=report)
        return model

    @property
    def mean(self):
        """Mean of the mixture, shape (...)."""
        return (self.weights * self.means).sum(axis=-1)

    @property
    def variance(self):
        """Variance of the mixture, within and between its components, shape (...)."""
        between = (self.means - self.mean[..., None]) ** 2
        return (self.weights * (self.variances + between)).sum(axis=-1)

    def __getitem__(self, index):
        """Return the laws at an index of the batch, for instance those of one chain."""
        report = self.report and self.report.map(lambda array: array[index])
        return GaussianMixture._of(
            self.weights[index], self.means[index], self.variances[index], report
        )

    def broadcast(self, chains):
        """Lay the model over a batch of chains, shape (chains,)."""
        parts = (self.weights, self.means, self.variances)
        return GaussianMixture._of(*(np.broadcast_to(a, (chains, a.shape[-1])) for a in parts))

    def sample(self, size, rng):
        """Draw ``size`` values from each law, shape (..., size): a component each, plus noise."""
        drawn = rng.standard_normal((*self.weights.shape[:-1], size))
        index = draw_components(self.weights, size, rng)
        drawn *= np.take_along_axis(np.sqrt(self.variances), index, axis=-1)
        return drawn + np.take_along_axis(self.means, index, axis=-1)

    def logpdf(self, x):
        """Log density at x, shape (..., n), in nats."""
        return em.log_density(np.asarray(x, dtype=float)[..., None], self._parts())

    def cdf(self, x):
        """Distribution function at x, shape (..., n)."""
        shift = np.asarray(x, dtype=float)[..., None, :] - self.means[..., None]
        below = special.ndtr(shift / np.sqrt(self.variances)[..., None])
        return np.minimum((self.weights[..., None] * below).sum(axis=-2), 1)  # up to rounding

    def _parts(self):
        """Return what the algorithm works with."""
        factors = np.sqrt(2 * self.variances)[..., None, None]
        return em.Parts(self.weights, self.means[..., None], factors)

    @classmethod
    def _from(cls, parts, report):
        """Return the model that the algorithm found."""
        variances = 0.5 * parts.factors[..., 0, 0] ** 2
        return cls._of(parts.weights, parts.means[..., 0], variances, report)


def slices(points, masses, components, rng):  # noqa: ARG001
    """Cut the data into groups of equal size, along the axis on which they spread most.

    Parameters
    ----------
    points : ndarray, shape (chains, M, d)
        The data.
    masses : ndarray, shape (chains, M), or None
        Their masses; equal by default.
    components : int
        The number k of groups.
    rng : numpy.random.Generator or None
        Not used.

    Returns
    -------
    ndarray of int, shape (chains, M)
        The groups, from 0 to k - 1.
    """
    if masses is None:
        masses = np.ones(points.shape[:2])
    shares = masses / masses.sum(axis=-1, keepdims=True)
    along = points[..., 0]
    if points.shape[-1] > 1:
        centred = points - shares[:, None] @ points
        _, axes = np.linalg.eigh(centred.mT @ (shares[..., None] * centred))
        largest = np.abs(axes[..., -1]).argmax(axis=-1)[:, None, None]
        turned = axes[..., -1:] * np.sign(np.take_along_axis(axes[..., -1:], largest, axis=1))
        along = (centred @ turned)[..., 0]
    order = np.argsort(along, axis=-1, kind="stable")
    sorted_shares = np.take_along_axis(shares, order, axis=-1)
    middle = np.cumsum(sorted_shares, axis=-1) - 0.5 * sorted_shares
    groups = np.empty(order.shape, int)
    np.put_along_axis(groups, order, (middle * components + 1e-9).astype(int), axis=-1)
    return np.minimum(groups, components - 1)


def k_means_plus_plus(points, masses, components, rng):
    """Group the data around centres that are drawn far apart.

    Each centre is a point, drawn with a probability proportional to its mass and its squared
    distance from the nearest centre so far (Arthur and Vassilvitskii 2007); a point then belongs
    to the nearest of them.

    Parameters
    ----------
    points : ndarray, shape (chains, M, d)
        The data.
    masses : ndarray, shape (chains, M), or None
        Their masses; equal by default.
    components : int
        The number k of centres.
    rng : numpy.random.Generator
        The generator to draw from.

    Returns
    -------
    ndarray of int, shape (chains, M)
        The groups, from 0 to k - 1.

    Raises
    ------
    ValueError
        If there is no generator, because the fit was called outside of a recursion.
    """
    if rng is None:
        raise ValueError("rng must be given for a random start: fit.prepared(None, rng)(data)")
    levels = rng.random((len(points), components, 1))
    masses = np.ones(points.shape[:2]) if masses is None else masses
    groups, nearest = np.zeros(points.shape[:2], int), np.full(points.shape[:2], np.inf)
    for j in range(components):
        chances = masses if j == 0 else masses * nearest
        # all points at centres already: any will do
        chances = np.where(chances.sum(axis=-1, keepdims=True) > 0, chances, masses)
        steps = np.cumsum(chances, axis=-1)
        index = (steps <= levels[:, j] * steps[:, -1:]).sum(axis=-1)[:, None, None]
        centre = np.take_along_axis(points, np.minimum(index, points.shape[1] - 1), axis=1)
        distance = ((points - centre) ** 2).sum(axis=-1)
        groups[distance < nearest] = j
        nearest = np.minimum(nearest, distance)
    return groups


def draw_components(weights, size, rng):
    """Draw the components that the values of a sample come from.

    Parameters
    ----------
    weights : ndarray, shape (..., k)
        The probabilities of the components.
    size : int
        M, the number of draws for each law.
    rng : numpy.random.Generator
        The generator to draw from.

    Returns
    -------
    ndarray of int, shape (..., size)
        The components, from 0 to k - 1.
    """
    level = rng.random((*weights.shape[:-1], size))
    index = np.zeros(level.shape, int)
    for step in np.moveaxis(np.cumsum(weights, axis=-1)[..., :-1], -1, 0):
        index += level >= step[..., None]
    return index


class _FitMixture:
    """What the fits of mixtures share; `model` is the class of what they return."""

    covariance = "full"

    def __post_init__(self):
        validation.integer("components", self.components, 1)
        validation.real("tolerance", self.tolerance, 0)
        validation.integer("iterations", self.iterations, 1)
        validation.real("regulariser", self.regulariser, 0)
        if not isinstance(self.start, self.model) and not callable(self.start):
            raise ValueError(
                f"start must be a function or a {self.model.__name__}, got {self.start!r}"
            )
        if not callable(self.start) and self.start.weights.shape[-1] != self.components:
            raise ValueError(
                f"start must have {self.components} components, got {self.start.weights.shape[-1]}"
            )
        if not isinstance(self.warm_start, bool):
            raise ValueError(f"warm_start must be True or False, got {self.warm_start!r}")

    @property
    def minimum_size(self):
        """The smallest sample: a value for each component."""
        return self.components

    def prepared(self, newest, rng):
        """Return the fit as a function of the data; see `collapse.models`."""
        fitted = isinstance(newest, self.model) and newest.report is not None
        carried_on = self.warm_start and fitted and newest.weights.shape[-1] == self.components
        return partial(self._fit, newest if carried_on else self.start, rng)

    def __call__(self, data):
        """Fit to raw samples, with a start that needs no random numbers."""
        return self._fit(self.start, None, data)

    def _fit(self, start, rng, data):
        points = self._points(data)
        if points.shape[-2] < self.components:
            raise ValueError(
                f"data must hold at least {self.components} values a chain, got {points.shape[-2]}"
            )
        return self._climbed(points, None, start, rng)

    def _climbed(self, points, masses, start, rng):
        """Run the algorithm over points (..., M, d), with any batch."""
        batch = points.shape[:-2]
        if not callable(start):
            start = start._parts()
            if start.means.shape[-1] != points.shape[-1]:
                raise ValueError(
                    f"data must be of dimension {start.means.shape[-1]}, as the start is, "
                    f"got {points.shape[-1]}"
                )
            single = start.weights.ndim - 1
            try:
                start = em.Parts(*(np.broadcast_to(p, batch + p.shape[single:]) for p in start))
            except ValueError:
                raise ValueError(
                    f"start must be one mixture or one for each chain of shape {batch}, "
                    f"got shape {start.weights.shape[:-1]}"
                ) from None
            start = em.Parts(*(p.reshape(-1, *p.shape[len(batch) :]) for p in start))
        settings = em.Settings(
            self.components, self.covariance, self.tolerance, self.iterations, self.regulariser
        )
        points = points.reshape(-1, *points.shape[-2:])
        masses = None if masses is None else masses.reshape(points.shape[:2])
        parts, report = em.climb(points, masses, start, rng, settings)
        restored = (p.reshape(batch + p.shape[1:]) for p in parts)
        report = report.map(lambda array: array.reshape(batch + array.shape[1:]))
        return self.model._from(em.Parts(*restored), report)


@dataclass(frozen=True)
class FitGaussianMixture(_FitMixture):
    """Fit a mixture by expectation maximisation (EM), which climbs to a local maximum likelihood.

    After each step the mixture has the mean and the variance (ddof=0) of the data, plus the
    regulariser. Without a regulariser no step lowers the likelihood, unless by rounding. A start by
    groups begins with their weights and means, and with the variance within them, pooled.

    Parameters
    ----------
    components : int
        The number k of components, at least 1; what is not allowed raises ValueError.
    start : callable or GaussianMixture
        `slices`, `k_means_plus_plus` (in a recursion, which has random numbers), or one mixture,
        or one for each chain.
    warm_start : bool
        Whether a generation starts from the one before, if that was fitted and has k components.
    tolerance : float
        A chain stops after the step at which its mean log-likelihood has changed by less than this
        since the step before, in nats; scikit-learn's ``tol``. At 0 none stops before the limit.
    iterations : int
        The largest number of steps, at least 1.
    regulariser : float
        What each step adds to the variances, in squared units of the data, not negative;
        scikit-learn's ``reg_covar``.
    """

    components: int
    _: KW_ONLY
    start: Callable | GaussianMixture = slices
    warm_start: bool = False
    tolerance: float = 1e-6
    iterations: int = 500
    regulariser: float = 0.0

    model = GaussianMixture

    def weighted(self, points, masses):
        """Fit to points with masses that are not negative, both of shape (..., N)."""
        return self._climbed(points[..., None], masses, self.start, None)

    @staticmethod
    def _points(data):
        return raw_samples(data)[..., None]
